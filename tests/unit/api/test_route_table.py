"""The route table: no route without a policy, no answer that nobody authorised."""

import inspect
from dataclasses import replace
from typing import Any, cast

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from broker.api.app import build_app, check, endpoint
from broker.api.call import SERVICES, Call, Open
from broker.api.headers import headers
from broker.api.problems import problems
from broker.api.route import Route
from broker.api.routes import table
from broker.domain.access import READS, Action, Principal, mask
from broker.protocol.ids import AccountId
from broker.protocol.nodes import REGISTERED, Role
from broker.services.context import Services
from broker.services.people.audit import UNTRACED
from tests.support.worlds import Worlds

ROUTES = table()
PLAIN = Principal(account_id=AccountId(1), account_name="alice", principals=frozenset({REGISTERED}))


async def careless(call: Call) -> web.Response:
    return web.Response(text="secret")


async def careful(call: Call) -> web.Response:
    call.actor.require()
    return web.Response(text="fine")


async def broken(call: Call) -> web.Response:
    raise RuntimeError("password=hunter2")


def route(handler: Any, policy: Any = Action.APP_LIST) -> Route:
    return Route("GET", "/thing", handler, policy, "Shows a thing.")


class OnlyIdentity:
    """Stands for the services: whoever asks is the same account."""

    def __init__(self, principal: Principal) -> None:
        self.principal = principal

    @property
    def identity(self) -> "OnlyIdentity":
        return self

    @property
    def access(self) -> Worlds:
        return Worlds()

    async def authenticate(self, authorization: str | None, action: Action) -> Principal:
        return self.principal


async def ask(route: Route, principal: Principal = PLAIN) -> tuple[int, str]:
    """Status and text that a caller gets from a route."""
    app = web.Application(middlewares=[headers, problems])
    app[SERVICES] = cast(Services, OnlyIdentity(principal))
    app.router.add_route(route.method, route.path, endpoint(route))
    async with TestClient(TestServer(app)) as client:
        response = await client.request(route.method, "/thing")
        return response.status, await response.text()


async def test_an_answer_that_nobody_authorised_never_leaves() -> None:
    status, text = await ask(route(careless))
    assert status == 500
    assert "secret" not in text


async def test_a_change_without_a_trace_never_leaves() -> None:
    posted = replace(route(careful, Action.PROJECT_CREATE), method="POST")
    manager = replace(PLAIN, global_roles=mask([Role.MANAGER]))
    status, text = await ask(posted, manager)
    assert (status, "fine" in text) == (500, False)
    for action in (Action.BATCH_SUBMIT, Action.QUOTA_PREVIEW):  # work, and what changes nothing
        assert (await ask(replace(posted, policy=action), manager))[0] == 200


def test_what_leaves_no_trace_is_reading_or_work() -> None:
    silent = {row.policy for row in ROUTES if not row.leaves_a_trace and row.method != "GET"}
    assert silent - {Open.ENROLLMENT} <= {*READS, *UNTRACED}
    assert {str(action) for action in UNTRACED} == {
        "batch.submit",
        "batch.rerun",
        "blob.upload",
        "lease.work",
    }


async def test_an_authorised_answer_leaves() -> None:
    assert await ask(route(careful)) == (200, "fine")


async def test_a_host_gets_nothing_from_a_route_for_accounts() -> None:
    status, _ = await ask(route(careful), Principal(host_id=cast(Any, 5)))
    assert status == 403


async def test_an_unexpected_error_is_told_without_its_text() -> None:
    status, text = await ask(route(broken, Open.PUBLIC))
    assert status == 500
    assert "hunter2" not in text
    assert '"internal"' in text


@pytest.mark.parametrize("policy", [None, "app.list", True])
def test_a_route_without_a_policy_cannot_start(policy: Any) -> None:
    with pytest.raises(ValueError, match="GET /thing has no policy"):
        check([route(careful, policy)])


def test_two_rows_for_one_route_cannot_start() -> None:
    with pytest.raises(ValueError, match="twice"):
        check([route(careful), replace(route(careless), policy=Open.PUBLIC)])


def test_the_real_table_starts() -> None:
    check(ROUTES)
    app = build_app(cast(Services, object()))
    assert len(app.router.routes()) >= len(ROUTES)


def name_of(route: Route) -> str:
    return f"{route.method} {route.path}"


@pytest.mark.parametrize("row", ROUTES, ids=name_of)
def test_a_row_tells_what_it_does(row: Route) -> None:
    assert row.summary.endswith(".")
    assert row.path.startswith("/v1/") or isinstance(row.policy, Open)


@pytest.mark.parametrize("row", ROUTES, ids=name_of)
def test_a_handler_is_short(row: Route) -> None:
    """A handler parses, calls one use case and answers; what is longer belongs elsewhere."""
    lines = inspect.getsource(row.handler).splitlines()
    code = [line for line in lines if line.strip() and not line.strip().startswith(("#", '"""'))]
    assert len(code) <= 16, "fifteen lines and the signature"


@pytest.mark.parametrize("row", [r for r in ROUTES if r.method == "GET"], ids=name_of)
def test_reading_takes_no_body(row: Route) -> None:
    assert row.body is None


def test_only_documents_and_probes_are_public() -> None:
    public = {row.path for row in ROUTES if row.policy is Open.PUBLIC}
    assert not {path for path in public if path.startswith("/v1/")}
