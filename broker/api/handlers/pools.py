"""Pools: who may use them, and in which of them running jobs may be taken back for others."""

from aiohttp import web
from pydantic import TypeAdapter, ValidationError

from broker.api.call import NO_CONTENT, Call, answer
from broker.api.plain import Plain, changing, creating, deleting, paging, showing
from broker.api.route import Route
from broker.domain.access import Action
from broker.errors import InvalidInput
from broker.protocol.base import Name, Page
from broker.protocol.pools import Pool, PoolChange, PoolRequest, Preemption, PreemptionRules
from broker.services.hosts import pools, preemption

_NAME: TypeAdapter[str] = TypeAdapter(Name)


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
plain = Plain(__name__)
ROUTES = [
    plain.route(
        "POST",
        ALL,
        creating(pools.create, PoolRequest, Pool, pools.etag),
        A.POOL_EDIT,
        "Registers a pool.",
    ),
    plain.route(
        "GET",
        ALL,
        paging(pools.page, Page[Pool]),
        A.POOL_LIST,
        "Lists the registered pools that the caller may view, newest first.",
    ),
    plain.route(
        "GET", ONE, showing(pools.view, Pool, pools.etag), A.POOL_VIEW, "Shows a registered pool."
    ),
    plain.route(
        "PATCH",
        ONE,
        changing(pools.change, PoolChange, Pool, pools.etag),
        A.POOL_EDIT,
        "Changes a pool, opens or closes it.",
    ),
    plain.route(
        "DELETE", ONE, deleting(pools.delete), A.POOL_EDIT, "Forgets a pool that was never used."
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
