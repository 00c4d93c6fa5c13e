"""The deployment as a whole: the fair-share table, health, metrics."""

from aiohttp import web

from broker.api.call import Call, Open, answer
from broker.api.metrics import METRICS, TEXT
from broker.api.route import Route
from broker.domain.access import Action
from broker.protocol.health import Health
from broker.protocol.shares import Shares
from broker.services.operations import health
from broker.services.quotas import shares


async def show_shares(call: Call) -> web.Response:
    return answer(await shares.table(call.services, call.actor))


async def healthz(call: Call) -> web.Response:
    return answer(Health(status="ok"))


async def readyz(call: Call) -> web.Response:
    await health.ready(call.services)
    return answer(Health(status="ok"))


async def metrics(call: Call) -> web.Response:
    depth = await health.outbox_depth(call.services)
    body = call.request.app[METRICS].exposition(call.services, depth)
    return web.Response(body=body, headers={"Content-Type": TEXT})


ROUTES = [
    Route(
        "GET",
        "/v1/shares",
        show_shares,
        Action.SHARES_VIEW,
        "Shows the fair-share table: who is due what, and who has what.",
        answer=Shares,
    ),
    Route(
        "GET", "/healthz", healthz, Open.PUBLIC, "Answers while the process is up.", answer=Health
    ),
    Route(
        "GET",
        "/readyz",
        readyz,
        Open.PUBLIC,
        "Answers while requests can be served; otherwise a problem names what is away.",
        answer=Health,
    ),
    Route(
        "GET",
        "/metrics",
        metrics,
        Open.PUBLIC,
        "Metrics of this broker in the text format of Prometheus.",
        answer="text/plain",
    ),
]
