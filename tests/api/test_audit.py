"""The audit log over HTTP: nothing is changed without an entry, and no entry is changed unseen."""

import asyncio
from typing import Any

import pytest

from broker.storage import audit
from broker.storage.database import Connection
from tests.api.scene import scientist, submit
from tests.support.http import Http
from tests.support.running import Running

LOG, VERIFY = "/v1/audit/log", "/v1/audit/log:verify"


async def entries(broker: Running, query: str = "") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await broker.admin.get(LOG + query)).expect(200)["items"]
    return found


async def check(broker: Running, query: str = "") -> dict[str, Any]:
    found: dict[str, Any] = (await broker.admin.get(VERIFY + query)).expect(200)
    return found


async def test_a_change_says_who_what_when_and_what_came_of_it(broker: Running) -> None:
    await broker.client("ann")
    before = await entries(broker, "?limit=1")
    made = (await broker.admin.post("/v1/teams", {"name": "lab", "title": "Lab"})).expect(201)
    (await broker.admin.put("/v1/teams/lab/accounts/ann")).expect(200)
    joined, created = await entries(broker, "?limit=2")
    me = (await broker.admin.get("/v1/me")).expect(200)
    assert created["position"] == before[0]["position"] + 1
    assert (created["account"], created["account_name"]) == (me["account"]["id"], "admin")
    assert created["token"] == me["token"]["id"]
    assert (created["action"], created["request"]) == ("team.edit", "POST /v1/teams")
    assert created["objects"] == [made["id"]]
    assert created["details"] == {"body": {"name": "lab", "title": "Lab"}}
    assert (created["status"], joined["status"]) == (201, 200)
    assert joined["request"] == "PUT /v1/teams/{team}/accounts/{account}"
    assert {"team:lab", "account:ann", made["id"]} <= set(joined["objects"])


async def test_entries_are_found_by_account_action_object_and_time(broker: Running) -> None:
    ann = await broker.client("ann")
    (await ann.post("/v1/accounts/ann/tokens", {"name": "x"})).expect(201)
    (await broker.admin.post("/v1/teams", {"name": "lab"})).expect(201)
    (await broker.admin.patch("/v1/teams/lab", {"title": "x"})).expect(200)
    (only,) = await entries(broker, "?account=ann")
    assert only["request"] == "POST /v1/accounts/{account}/tokens"
    changed, made = await entries(broker, "?action=team.edit")
    assert (made["request"], changed["request"]) == ("POST /v1/teams", "PATCH /v1/teams/{team}")
    assert await entries(broker, "?object=team:lab") == [changed]
    assert changed in await entries(broker, f"?object={made['objects'][0]}")
    until = changed["at"]
    assert changed not in await entries(broker, f"?until={until}&action=team.edit")
    assert await entries(broker, f"?since={until}&action=team.edit") == [changed]
    (await broker.admin.get(f"{LOG}?account=nobody")).problem(404, "not_found")
    (await broker.admin.get(f"{LOG}?since=yesterday")).problem(422, "invalid_input")
    page = (await broker.admin.get(f"{LOG}?limit=1")).expect(200)
    rest = await entries(broker, f"?cursor={page['next_cursor']}")
    assert rest[0]["position"] == page["items"][0]["position"] - 1


async def test_only_those_who_audit_the_deployment_read_it(broker: Running) -> None:
    await broker.app()
    ann = await broker.client("ann", submit_all_apps=True, apps={"sleep": {"admin": True}})
    for path in (LOG, VERIFY):
        (await ann.get(path)).problem(403, "forbidden")
        (await broker.anonymous.get(path)).problem(401, "unauthenticated")


async def test_no_secret_and_no_content_is_written_down(broker: Running) -> None:
    made = (await broker.admin.post("/v1/accounts/admin/tokens", {"name": "ci"})).expect(201)
    rotated = await broker.admin.post(f"/v1/accounts/admin/tokens/{made['id']}:rotate", {})
    invited = await broker.admin.post("/v1/enrollments", {})
    agent = await broker.agent()
    await broker.app("private", {"command": ["echo", "my own words"]})
    text = (await broker.admin.get(f"{LOG}?limit=1000")).content.decode()
    for secret in (made["token"], rotated.json["token"], invited.json["token"], agent.http.token):
        assert secret not in text
    assert "my own words" not in text
    (version,) = await entries(broker, "?action=version.create")
    assert set(version["details"]) == {"body_sha256", "body_bytes"}


async def test_what_was_refused_or_repeated_leaves_no_second_entry(broker: Running) -> None:
    ann = await broker.client("ann")
    before = len(await entries(broker, "?limit=1000"))
    (await ann.post("/v1/teams", {"name": "x"})).problem(403, "forbidden")
    (await broker.admin.post("/v1/teams", {"name": "X"})).problem(422, "invalid_input")
    assert len(await entries(broker, "?limit=1000")) == before
    for _ in range(3):
        (await broker.admin.post("/v1/teams", {"name": "x"}, key="k")).expect(201)
    assert len(await entries(broker, "?limit=1000")) == before + 1


async def test_work_is_not_in_it_but_ending_anothers_is(broker: Running) -> None:
    await broker.app()
    ann = await scientist(broker)
    before = len(await entries(broker, "?limit=1000"))
    batch = await submit(ann)
    agent = await broker.agent()  # a token for it, and that it joined
    await agent.leases(1)
    found = await entries(broker, "?limit=1000")
    assert len(found) == before + 2
    assert found[0]["action"] == "host.enroll"
    assert found[0]["objects"] == [agent.host]
    (await broker.admin.post(f"/v1/batches/{batch}:cancel")).expect(200)
    ended = (await entries(broker, "?limit=1"))[0]
    assert (ended["action"], ended["account_name"]) == ("batch.terminate", "admin")
    assert ended["objects"] == [batch]


async def test_changes_at_once_make_one_chain_without_gaps(broker: Running) -> None:
    replies = await asyncio.gather(
        *(broker.admin.post("/v1/teams", {"name": f"t{n}"}) for n in range(20))
    )
    assert {reply.status for reply in replies} == {201}
    positions = [entry["position"] for entry in await entries(broker, "?limit=1000")]
    assert positions == list(range(len(positions), 0, -1))
    found = await check(broker)
    assert (found["intact"], found["entries"]) == (True, len(positions))
    assert found["head_position"] == len(positions)


async def tampered(broker: Running, statement: str) -> None:
    """As somebody who owns the tables, and so may switch their triggers off."""
    async with broker.services.database.connection() as connection:
        await connection.execute(
            f"ALTER TABLE audit_log DISABLE TRIGGER USER; {statement}; "
            "ALTER TABLE audit_log ENABLE TRIGGER USER"
        )


TAMPERINGS = [
    ("UPDATE audit_log SET account_id = 99 WHERE position = 3", 3),
    ("UPDATE audit_log SET details = '{}' WHERE position = 4", 4),
    ("UPDATE audit_log SET at = at + interval '1 microsecond' WHERE position = 2", 2),
    ("UPDATE audit_log SET objects = '{}' WHERE position = 5", 5),
    ("UPDATE audit_log SET token_id = NULL WHERE position = 5", 5),
    ("UPDATE audit_log SET status = 200 WHERE position = 5", 5),
    ("UPDATE audit_log SET action = 'x' WHERE position = 1", 1),
    ("UPDATE audit_log SET request = 'x' WHERE position = 1", 1),
    ("DELETE FROM audit_log WHERE position = 3", 4),
    ("DELETE FROM audit_log WHERE position = 1", 2),
    ("DELETE FROM audit_log WHERE position = 6", 6),
    ("DELETE FROM audit_log", 1),
    (
        "UPDATE audit_log SET position = 9 - position WHERE position IN (4, 5);SELECT 1",
        4,
    ),
    (
        "UPDATE audit_log AS entry SET account_id = 99, sha256 = audit_digest((SELECT sha256 "
        "FROM audit_log WHERE position = 2), entry) WHERE position = 3",
        3,
    ),
]


@pytest.mark.parametrize(("statement", "broken_at"), TAMPERINGS)
async def test_a_change_of_any_entry_is_found(
    broker: Running, statement: str, broken_at: int
) -> None:
    for name in "abcde":  # the first entry is the admin's own token
        (await broker.admin.post("/v1/teams", {"name": name})).expect(201)
    assert (await check(broker))["intact"]
    if "position = 9 -" in statement:
        await tampered(broker, "ALTER TABLE audit_log DROP CONSTRAINT audit_log_position_key")
    await tampered(broker, statement)
    found = await check(broker)
    assert (found["intact"], found["broken_at"]) == (False, broken_at)


async def test_a_chain_that_was_written_anew_does_not_fit_a_noted_entry(broker: Running) -> None:
    for name in "abc":
        (await broker.admin.post("/v1/teams", {"name": name})).expect(201)
    noted = await check(broker)
    anchor = f"?position={noted['head_position']}&sha256={noted['head_sha256']}"
    assert (await check(broker, anchor))["intact"]
    # the last entry goes, and the head with it: the chain by itself looks whole
    await tampered(
        broker,
        "DELETE FROM audit_log WHERE position = 4; UPDATE audit_head SET position = 3, "
        "sha256 = (SELECT sha256 FROM audit_log WHERE position = 3)",
    )
    assert (await check(broker))["intact"]
    found = await check(broker, anchor)
    assert (found["intact"], found["broken_at"]) == (False, 4)
    (await broker.admin.get(f"{VERIFY}?position=3")).problem(422, "invalid_input")
    (await broker.admin.get(f"{VERIFY}?position=3&sha256=x")).problem(422, "invalid_input")


async def test_a_long_chain_is_checked_in_stretches(
    broker: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("broker.services.people.audit.ENTRIES_PER_STRETCH", 2)
    for name in "abcd":
        (await broker.admin.post("/v1/teams", {"name": name})).expect(201)
    assert await check(broker) == {**(await check(broker)), "intact": True, "entries": 5}
    await tampered(broker, "DELETE FROM audit_log WHERE position = 3")
    assert (await check(broker))["broken_at"] == 4


async def test_nobody_changes_an_entry_by_the_way(broker: Running) -> None:
    async with broker.services.database.connection() as connection:
        for statement in (
            "UPDATE audit_log SET action = 'x'",
            "DELETE FROM audit_log",
            "TRUNCATE audit_log",
        ):
            with pytest.raises(Exception, match="audit_log_is"):
                await connection.execute(statement)


async def test_a_change_whose_entry_cannot_be_written_is_not_made(
    broker: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(connection: Connection, entry: audit.NewEntry) -> None:
        raise RuntimeError("no room")

    with monkeypatch.context() as patched:
        patched.setattr(audit, "append", full)
        reply: Any = await broker.admin.post("/v1/teams", {"name": "lab"})
        assert reply.status == 500
    (await broker.admin.get("/v1/teams/lab")).problem(404, "not_found")


async def test_a_team_is_made_by_whoever_the_token_says(broker: Running) -> None:
    other = await broker.client("other", admin_all_apps=True)
    assert isinstance(other, Http)
    (await other.post("/v1/teams", {"name": "lab"})).expect(201)
    assert (await entries(broker, "?limit=1"))[0]["account_name"] == "other"
