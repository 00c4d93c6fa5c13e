"""Pools: in which of them running jobs may be taken back for others."""

from aiohttp import web
from pydantic import TypeAdapter, ValidationError

from broker.api.call import NO_CONTENT, Call, answer
from broker.api.routes import Route
from broker.domain.access import Action
from broker.errors import InvalidInput
from broker.protocol.base import Name, Page
from broker.protocol.pools import Preemption, PreemptionRules
from broker.services import preemption

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


ONE = "/v1/pools/{pool}/preemption"
ROUTES = [
    Route(
        "GET",
        "/v1/preemptions",
        preemptions,
        Action.PREEMPTION_VIEW,
        "Lists the pools in which running jobs may be taken back for accounts below their share.",
        answer=Page[Preemption],
    ),
    Route(
        "PUT",
        ONE,
        put_preemption,
        Action.PREEMPTION_SET,
        "Allows preemption in a pool, or changes its rules.",
        body=PreemptionRules,
        answer=Preemption,
    ),
    Route(
        "DELETE",
        ONE,
        remove_preemption,
        Action.PREEMPTION_SET,
        "Leaves the running jobs of a pool alone.",
        status=NO_CONTENT,
    ),
]
