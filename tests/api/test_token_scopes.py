"""What tokens may be used for, over HTTP: scopes narrow, nothing mints broader or longer ones."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from broker.domain.access import SCOPES
from broker.protocol.scopes import TokenScope
from tests.api.scene import scientist, submit
from tests.api.test_access import ids
from tests.support.http import Http
from tests.support.running import Running
from tests.support.until import until

ADMINS = "/v1/accounts/admin/tokens"


async def token(http: Http, of: str, *scopes: str, **more: Any) -> Http:
    """The same account as far as a new token stands for it."""
    body = {"scopes": list(scopes), **more} if scopes else more
    made = (await http.post(f"/v1/accounts/{of}/tokens", body)).expect(201)
    return Http(http.url, http.session, made["token"])


def in_days(days: float) -> str:
    return (datetime.now(UTC) + timedelta(days=days)).isoformat()


async def test_a_token_is_good_for_its_scopes_only(broker: Running) -> None:
    await broker.app()
    ann = await scientist(broker)
    batch = await submit(ann)
    reader, runner, hosts = [await token(ann, "ann", each) for each in ("read", "submit", "hosts")]
    for http in (reader, runner):
        assert await ids(http, "/v1/batches") == [batch]
    body = {"app": "sleep", "jobs": [{}]}
    (await runner.post("/v1/batches", body)).expect(201)
    (await reader.post("/v1/batches", body)).problem(403, "forbidden")
    refused = await reader.post(f"/v1/batches/{batch}:cancel")
    assert "scopes are: read" in refused.problem(403, "forbidden")["detail"]
    (await hosts.post("/v1/enrollments", {})).expect(201)
    for path in (f"/v1/batches/{batch}", "/v1/batches", "/v1/me"):
        (await hosts.get(path)).problem(403, "forbidden")
    (await runner.post("/v1/enrollments", {})).problem(403, "forbidden")
    both = await token(ann, "ann", "submit", "hosts")
    (await both.post("/v1/enrollments", {})).expect(201)
    (await both.post("/v1/batches", body)).expect(201)


async def test_an_admins_token_has_no_more_than_its_scopes(broker: Running) -> None:
    await broker.app()
    ann = await scientist(broker)
    batch = await submit(ann)
    reader = await token(broker.admin, "admin", "read")
    assert await ids(reader, "/v1/batches") == [batch]
    for reply in (
        await reader.post("/v1/accounts", {"name": "eve"}),
        await reader.put("/v1/accounts/ann/privileges", {}),
        await reader.post(ADMINS, {}),
        await reader.post("/v1/teams", {"name": "x"}),
    ):
        reply.problem(403, "forbidden")
    keeper = await token(broker.admin, "admin", "admin")
    (await keeper.post("/v1/teams", {"name": "x"})).expect(201)
    assert await ids(keeper, "/v1/batches") == []
    (await keeper.get(f"/v1/batches/{batch}")).problem(403, "forbidden")
    # privileges beyond what the token is for are not the token's to give
    (await keeper.put("/v1/accounts/ann/privileges", {"admin_all_apps": True})).problem(
        403, "forbidden"
    )
    (await keeper.put("/v1/accounts/ann/privileges", {})).expect(200)


@pytest.mark.parametrize("scope", [s for s in TokenScope if "token.manage" in SCOPES[s]])
async def test_no_token_mints_a_broader_one(broker: Running, scope: TokenScope) -> None:
    held = await token(broker.admin, "admin", scope)
    for other in TokenScope:
        reply = await held.post(ADMINS, {"scopes": [other]})
        if SCOPES[other] <= SCOPES[scope]:
            reply.expect(201)
        else:
            reply.problem(422, "invalid_input")
            assert reply.pointers() == ["/scopes"]
    same = await token(held, "admin")
    assert (await same.get("/v1/me")).status in (200, 403)
    listed = (await broker.admin.get(ADMINS)).expect(200)["items"]
    assert listed[0]["scopes"] == [scope]
    first = listed[-1]  # everything
    reply = await held.post(f"{ADMINS}/{first['id']}:rotate", {})
    if scope is TokenScope.ALL:
        reply.expect(201)
    else:
        reply.problem(403, "forbidden")


async def test_nothing_that_a_token_makes_outlives_it(broker: Running) -> None:
    end = in_days(2)
    ann = await token(broker.admin, "admin", expires_at=end)
    for path, field in (
        (ADMINS, "expires_at"),
        ("/v1/enrollments", "expires_at"),
        ("/v1/enrollments", "host_expires_at"),
    ):
        reply = await ann.post(path, {field: in_days(3)})
        assert "your own token ends at" in reply.problem(422, "invalid_input")["detail"]
        assert reply.pointers() == [f"/{field}"]
        (await ann.post(path, {field: in_days(1)})).expect(201)
    own = (await ann.get("/v1/me")).expect(200)["token"]
    made = (await ann.post(ADMINS, {})).expect(201)
    rotated = (await ann.post(f"{ADMINS}/{made['id']}:rotate", {})).expect(201)
    listed = (await ann.get(ADMINS)).expect(200)["items"]
    ends = {each["id"]: each["expires_at"] for each in listed}
    assert ends[made["id"]] == ends[rotated["id"]] == own["expires_at"]
    (await ann.post(f"{ADMINS}/{rotated['id']}:rotate", {"expires_at": in_days(9)})).problem(
        422, "invalid_input"
    )
    agent = await broker.agent(owner=ann)
    async with broker.services.database.connection() as connection:
        found = await connection.fetchval(
            "SELECT expires_at FROM token WHERE host_id = $1",
            int(agent.host.removeprefix("host_")),
        )
    assert found == datetime.fromisoformat(own["expires_at"])


async def test_me_shows_the_tokens_own_scopes(broker: Running) -> None:
    ann = await broker.client("ann")
    reader = await token(ann, "ann", "read", name="dashboard")
    shown = (await reader.get("/v1/me")).expect(200)["token"]
    assert (shown["name"], shown["scopes"], shown["revoked_at"]) == ("dashboard", ["read"], None)
    me = (await ann.get("/v1/me")).expect(200)
    assert me["token"]["scopes"] == ["all"]
    assert shown["created_by"] == me["account"]["id"]
    assert me["token"]["created_by"] != me["account"]["id"]  # an admin made that one


async def test_a_rotated_token_takes_the_place_of_the_old_one(broker: Running) -> None:
    ann = await broker.client("ann")
    path = "/v1/accounts/ann/tokens"
    made = (await ann.post(path, {"name": "ci", "scopes": ["read"]})).expect(201)
    old = Http(broker.url, broker.session, made["token"])
    overlapping = (await ann.post(f"{path}/{made['id']}:rotate", {"overlap_seconds": 60})).expect(
        201
    )
    new = Http(broker.url, broker.session, overlapping["token"])
    for http in (old, new):
        assert (await http.get("/v1/me")).expect(200)["token"]["name"] == "ci"
    last = (await ann.post(f"{path}/{overlapping['id']}:rotate", {})).expect(201)
    (await new.get("/v1/me")).problem(401, "unauthenticated")
    (await old.get("/v1/me")).expect(200)
    (await ann.post(f"{path}/{overlapping['id']}:rotate", {})).problem(409, "conflict")
    listed = {each["id"]: each for each in (await ann.get(path)).expect(200)["items"]}
    assert listed[made["id"]]["expires_at"] is not None
    assert listed[last["id"]]["scopes"] == ["read"]
    (await ann.post(f"{path}/token_99999:rotate", {})).problem(404, "not_found")
    reply = await ann.post(f"{path}/{last['id']}:rotate", {"overlap_seconds": -1})
    reply.problem(422, "invalid_input")
    assert reply.pointers() == ["/overlap_seconds"]


async def test_of_two_rotations_at_once_one_wins(broker: Running) -> None:
    ann = await broker.client("ann")
    path = "/v1/accounts/ann/tokens"
    made = (await ann.post(path, {})).expect(201)
    replies = await asyncio.gather(*(ann.post(f"{path}/{made['id']}:rotate", {}) for _ in range(4)))
    assert sorted(reply.status for reply in replies) == [201, 409, 409, 409]


async def test_rules_H13_a_revoked_token_ends_on_a_second_broker(
    broker: Running, start_broker: Any
) -> None:
    other = await start_broker()
    ann = await broker.client("ann")
    made = (await ann.post("/v1/accounts/ann/tokens", {})).expect(201)
    agent = await broker.agent()
    there = Http(other.url, other.session, made["token"])
    host_there = Http(other.url, other.session, agent.http.token)
    poll = f"/v1/hosts/{agent.host}:poll"
    (await there.get("/v1/me")).expect(200)
    (await host_there.post(poll, {"free_slots": 0, "wait_seconds": 0})).expect(200)

    (await ann.delete(f"/v1/accounts/ann/tokens/{made['id']}")).expect(204)
    (await broker.admin.post(f"/v1/hosts/{agent.host}:ban")).expect(200)

    async def refused() -> bool:
        account = (await there.get("/v1/me")).status
        host = (await host_there.post(poll, {"free_slots": 0, "wait_seconds": 0})).status
        return (account, host) == (401, 401)

    async with asyncio.timeout(2):
        await until(refused)


async def test_a_host_rotates_its_own_token(broker: Running) -> None:
    agent, stranger = await broker.agent(), await broker.agent("other")
    path = f"/v1/hosts/{agent.host}:rotate-token"
    (await broker.admin.post(path, {})).problem(403, "forbidden")
    (await stranger.http.post(path, {})).problem(404, "not_found")
    new = (await agent.http.post(path, {})).expect(201)
    fresh = Http(broker.url, broker.session, new["token"])
    body = {"free_slots": 0, "wait_seconds": 0}
    for http in (agent.http, fresh):  # the old one works on, in case that the answer is lost
        (await http.post(f"/v1/hosts/{agent.host}:poll", body)).expect(200)
    (await fresh.post(path, {"overlap_seconds": 0})).expect(201)
    for http in (agent.http, fresh):
        (await http.post(f"/v1/hosts/{agent.host}:poll", body)).problem(401, "unauthenticated")


async def test_of_a_hundred_enrolments_with_one_token_one_wins(broker: Running) -> None:
    enrollment = (await broker.admin.post("/v1/enrollments", {})).expect(201)
    door = Http(broker.url, broker.session, enrollment["token"])
    facts = {"name": "host", "cpus": 1, "memory_mib": 1_000, "slots": 1}
    replies = await asyncio.gather(
        *(door.post("/v1/hosts:enroll", {"facts": facts}) for _ in range(100))
    )
    assert sorted(reply.status for reply in replies) == [201] + [401] * 99
    assert len(await ids(broker.admin, "/v1/hosts")) == 1
