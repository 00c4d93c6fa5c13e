"""Pools: who may use them, and in which of them running jobs may be taken back for others."""

from aiohttp import web
from pydantic import TypeAdapter, ValidationError

from broker.api.call import (
    CREATED,
    NO_CONTENT,
    Call,
    PageQuery,
    answer,
    answer_page,
    page_bounds,
    tagged,
)
from broker.api.route import Route
from broker.domain.access import Action
from broker.errors import InvalidInput
from broker.protocol.base import Name, Page
from broker.protocol.pools import Pool, PoolChange, PoolRequest, Preemption, PreemptionRules
from broker.services.hosts import pools, preemption

_NAME: TypeAdapter[str] = TypeAdapter(Name)


async def create(call: Call) -> web.Response:
    body = await call.body(PoolRequest)
    response = await call.mutate(lambda c: pools.create(c, call.actor, body), CREATED)
    return tagged(response, Pool, pools.etag)


async def page(call: Call) -> web.Response:
    before, limit = page_bounds(call.query(PageQuery))
    async with call.services.database.connection() as connection:
        found = await pools.page(connection, call.actor, before=before, rows_max=limit)
    return answer_page(found, limit)


async def show(call: Call) -> web.Response:
    async with call.services.database.connection() as connection:
        pool = await pools.view(connection, call.actor, call.path("pool"))
    return answer(pool, headers={"ETag": pools.etag(pool)})


async def change(call: Call) -> web.Response:
    body, pool, tags = await call.body(PoolChange), call.path("pool"), call.if_match
    response = await call.mutate(lambda c: pools.change(c, call.actor, pool, body, if_match=tags))
    return tagged(response, Pool, pools.etag)


async def delete(call: Call) -> web.Response:
    return await call.mutate(lambda c: pools.delete(c, call.actor, call.path("pool")))


# -- preemption -----------------------------------------------------------------------------


async def preemptions(call: Call) -> web.Response:
    async with call.services.database.connection() as connection:
        return answer(Page(items=await preemption.rules(connection, call.actor)))


async def put_preemption(call: Call) -> web.Response:
    body, pool = await call.body(PreemptionRules), _pool(call)
    return await call.mutate(lambda c: preemption.put(c, call.actor, pool, body))


async def remove_preemption(call: Call) -> web.Response:
    pool = _pool(call)
    return await call.mutate(lambda c: preemption.remove(c, call.actor, pool))


def _pool(call: Call) -> str:
    try:
        return _NAME.validate_python(call.path("pool"))
    except ValidationError:
        raise InvalidInput.of("{pool}", "not the name of a pool") from None


A = Action
ALL, ONE = "/v1/pools", "/v1/pools/{pool}"
PREEMPTION = f"{ONE}/preemption"
ROUTES = [
    Route(
        "POST",
        ALL,
        create,
        A.POOL_EDIT,
        "Registers a pool.",
        body=PoolRequest,
        answer=Pool,
        status=CREATED,
        etag=True,
    ),
    Route(
        "GET",
        ALL,
        page,
        A.POOL_LIST,
        "Lists the registered pools that the caller may view, newest first.",
        query=PageQuery,
        answer=Page[Pool],
    ),
    Route("GET", ONE, show, A.POOL_VIEW, "Shows a registered pool.", answer=Pool, etag=True),
    Route(
        "PATCH",
        ONE,
        change,
        A.POOL_EDIT,
        "Changes a pool, opens or closes it.",
        body=PoolChange,
        answer=Pool,
        etag=True,
    ),
    Route(
        "DELETE",
        ONE,
        delete,
        A.POOL_EDIT,
        "Forgets a pool that was never used.",
        status=NO_CONTENT,
    ),
    Route(
        "GET",
        "/v1/preemptions",
        preemptions,
        A.PREEMPTION_VIEW,
        "Lists the pools in which running jobs may be taken back for accounts below their share.",
        answer=Page[Preemption],
    ),
    Route(
        "PUT",
        PREEMPTION,
        put_preemption,
        A.PREEMPTION_SET,
        "Allows preemption in a pool, or changes its rules.",
        body=PreemptionRules,
        answer=Preemption,
    ),
    Route(
        "DELETE",
        PREEMPTION,
        remove_preemption,
        A.PREEMPTION_SET,
        "Leaves the running jobs of a pool alone.",
        status=NO_CONTENT,
    ),
]
