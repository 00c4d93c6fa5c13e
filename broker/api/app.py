"""Builds the web application: the route table behind three layers of middleware."""

from collections.abc import Sequence

from aiohttp import web
from aiohttp.typedefs import Handler

from broker.api.call import SERVICES, Call, Open
from broker.api.headers import headers
from broker.api.metrics import METRICS, Metrics, measure
from broker.api.problems import problems
from broker.api.route import ROUTE_TABLE, Route
from broker.api.routes import table
from broker.domain.access import ANONYMOUS, Action
from broker.errors import Forbidden, NotFound, Unauthenticated
from broker.protocol.limits import BODY_BYTES_MAX
from broker.services.context import Services
from broker.services.requests.actor import Actor
from broker.services.requests.identity import TOKEN_NEEDED


async def end_streams(app: web.Application) -> None:
    """Streams have no end of their own: without this a stopping broker waits for them."""
    app[SERVICES].streams.close()


def endpoint(route: Route) -> Handler:
    """A route's handler behind its policy.

    The principal is found first; the use case asks the policy function with the route's action.
    An answer that nobody authorised is a bug and never leaves the broker, nor does one to a change
    of which the audit log knows nothing.
    """

    async def answer(request: web.Request) -> web.StreamResponse:
        services = request.app[SERVICES]
        if not isinstance(route.policy, Action):
            # an open route never decides anything by action; the weakest one stands in
            actor = Actor(ANONYMOUS, Action.LEASE_WORK, services.access, asked=True)
            return await route.handler(Call(request, services, actor))
        authorization = request.headers.get("Authorization")
        principal = await services.identity.authenticate(authorization, route.policy)
        actor = Actor(principal, route.policy, services.access)
        call = Call(request, services, actor)
        try:
            response = await route.handler(call)
        except (NotFound, Forbidden):
            if principal.anonymous:
                raise Unauthenticated(TOKEN_NEEDED) from None
            raise
        if not actor.asked:
            raise RuntimeError(f"{route.method} {route.path} answered without asking its policy")
        if route.leaves_a_trace and not call.traced:
            raise RuntimeError(f"{route.method} {route.path} left no trace: see `Call.mutate`")
        return response

    return answer


def check(routes: Sequence[Route]) -> None:
    """Refuses a table with a missing policy or two rows for one method and path.

    Raises:
        ValueError: naming the row.
    """
    seen: set[tuple[str, str]] = set()
    for route in routes:
        if not isinstance(route.policy, Action | Open):
            raise ValueError(f"{route.method} {route.path} has no policy")
        if (route.method, route.path) in seen:
            raise ValueError(f"{route.method} {route.path} stands twice in the table")
        seen.add((route.method, route.path))


def build_app(services: Services) -> web.Application:
    """The broker's web application.

    Raises:
        ValueError: the route table is not sound.
    """
    routes = table()
    check(routes)
    app = web.Application(middlewares=[measure, headers, problems], client_max_size=BODY_BYTES_MAX)
    app[SERVICES] = services
    app[METRICS] = Metrics()
    app[ROUTE_TABLE] = tuple(routes)
    app.on_shutdown.append(end_streams)
    for route in routes:
        app.router.add_route(route.method, route.path, endpoint(route))
    return app
