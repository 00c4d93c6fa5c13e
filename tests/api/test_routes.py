"""Every route with every kind of caller: nobody gets in without a right, nothing crashes."""

import re
from itertools import product

from yarl import URL

from broker.api.call import Open
from broker.api.route import Route
from broker.api.routes import table
from broker.domain.access import Action, rights_of_role
from broker.protocol.nodes import Role
from tests.support.http import Http, Reply
from tests.support.running import Running

GUARDED = [route for route in table() if isinstance(route.policy, Action)]
ABSENT = {
    "account": "nobody",
    "group": "nobody",
    "team": "nobody",
    "pool": "nowhere",
    "root": "nowhere",
    "image": "nothing",
    "project": "nowhere",
    "node": "nothing",
    "principal": "nobody",
    "file": "file_99999",
    "app": "nothing",
    "table": "table_99999",
    "number": "99",
    "token": "token_99999",
    "host": "host_99999",
    "batch": "batch_99999",
    "job": "job_99999",
    "epoch": "1",
    "stream": "stdout",
    "name": "file.txt",
    "sha256": "0" * 64,
}
# Routes whose query names the object.
QUERIES = dict.fromkeys(
    ("/v1/who-can", "/v1/explain-access"), "?action=node.view&node=folder_99999"
)
HOSTILE = ["%00", "..", "a%00b", "%ff", "x" * 5_000, "%2e%2e%2f", "_1"]
OF_HOSTS = Action.LEASE_WORK
OF_MEMBERS = rights_of_role(Role.MEMBER)


def path_of(route: Route, values: dict[str, str]) -> str:
    path = re.sub(r"\{(\w+)\}", lambda match: values[match.group(1)], route.path)
    return path + QUERIES.get(route.path, "")


async def ask(http: Http, route: Route, values: dict[str, str]) -> Reply:
    body = b"{}" if route.body is not None else None
    headers = {"Content-Type": "application/json"} if body else {}
    return await http.call(route.method, path_of(route, values), body, headers=headers)


async def test_no_guarded_route_answers_without_a_token(broker: Running) -> None:
    for route in GUARDED:
        for token in (None, "flt_unknown", "flh_unknown"):
            http = Http(broker.url, broker.session, token)
            reply = await ask(http, route, ABSENT)
            assert reply.status == 401, f"{route.method} {route.path}"


async def test_absent_objects_are_refused_and_never_a_crash(broker: Running) -> None:
    agent = await broker.agent()
    ann = await broker.client("ann")
    for route in GUARDED:
        if "{" not in route.path:
            continue
        for caller in (broker.admin, ann, agent.http):
            reply = await ask(caller, route, ABSENT)
            assert reply.status in (403, 404, 409, 422), f"{route.method} {route.path}: {reply}"


async def test_hostile_path_parts_are_refused_and_never_a_crash(broker: Running) -> None:
    agent = await broker.agent()
    for route, hostile in product(GUARDED, HOSTILE):
        if "{" not in route.path:
            continue
        http = agent.http if route.policy is OF_HOSTS else broker.admin
        url = URL(broker.url + path_of(route, dict.fromkeys(ABSENT, hostile)), encoded=True)
        headers = {"Authorization": f"Bearer {http.token}"}
        data = b"{}" if route.body is not None else None
        async with broker.session.request(
            route.method, url, headers=headers, data=data, allow_redirects=False
        ) as response:
            assert 400 <= response.status < 500, f"{route.method} {url}: {response.status}"


async def test_accounts_and_hosts_do_not_use_each_others_routes(broker: Running) -> None:
    agent = await broker.agent()
    values = {**ABSENT, "host": agent.host}
    for route in GUARDED:
        of_hosts = route.policy is OF_HOSTS
        caller = broker.admin if of_hosts else agent.http
        reply = await ask(caller, route, values)
        assert reply.status in (403, 404, 422), f"{route.method} {route.path}: {reply}"


async def test_a_plain_account_gets_no_admin_route(broker: Running) -> None:
    await broker.app()
    ann = await broker.client("ann")
    made = (await broker.admin.post("/v1/accounts/admin/tokens", {})).expect(201)
    agent = await broker.agent()
    (await broker.admin.post("/v1/groups", {"name": "lab"})).expect(201)
    (await broker.admin.post("/v1/teams", {"name": "lab"})).expect(201)
    values = {
        **ABSENT,
        "account": "admin",
        "group": "lab",
        "team": "lab",
        "pool": "default",
        "app": "sleep",
        "number": "1",
        "token": made["id"],
        "host": agent.host,
    }
    for route in GUARDED:
        if route.policy in OF_MEMBERS or route.policy in rights_of_role(Role.READER):
            continue
        reply = await ask(ann, route, values)
        # 422: the empty body was refused before anything was looked at
        assert reply.status in (403, 404, 422), f"{route.method} {route.path}: {reply}"


async def test_unknown_paths_and_methods_are_problems(broker: Running) -> None:
    (await broker.admin.get("/v1/nothing")).problem(404, "not_found")
    (await broker.admin.get("/v2/me")).problem(404, "not_found")
    reply = await broker.admin.put("/v1/me", {})
    reply.problem(405, "method_not_allowed")
    assert "GET" in reply.headers["Allow"]


async def test_every_answer_carries_the_security_headers(broker: Running) -> None:
    for path in ("/v1/me", "/v1/nothing", "/openapi.json"):
        headers = (await broker.admin.get(path)).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cache-Control"] == "no-store"
        assert "aiohttp" not in headers["Server"]


async def test_a_body_beyond_the_limit_is_refused(broker: Running) -> None:
    body = b'{"name": "' + b"a" * (17 * 2**20) + b'"}'
    reply = await broker.admin.post("/v1/accounts", body)
    reply.problem(413, "body_too_large")


def test_the_open_routes_are_few() -> None:
    assert [route.path for route in table() if route.policy is Open.ENROLLMENT] == [
        "/v1/hosts:enroll"
    ]
