"""Accounts that leave or pause: what ends, what goes, what stays and for whom, over HTTP."""

from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from broker.services.people import departures
from tests.api.scene import job_of, put_output, scientist, submit, write_log
from tests.api.test_teams import team
from tests.api.trees import entries, folder, project, share
from tests.support.http import Http
from tests.support.running import Running
from tests.support.until import until

WRITER = {
    "command": ["true"],
    "inputs": {"data.txt": {"required": False}},
    "outputs": {"result.txt": {"required": False}},
}


async def kind(broker: Running, isolation: str) -> str:
    """An app of an isolation class, named like it."""
    name = isolation.replace("_", "-")
    (await broker.admin.post("/v1/apps", {"name": name, "isolation": isolation})).expect(201)
    (await broker.admin.post(f"/v1/apps/{name}/versions", {"spec": WRITER})).expect(201)
    return name


async def ran(broker: Running, http: Http, app: str, **inputs: Any) -> str:
    """A batch of one job that wrote an output and a log."""
    body = {"app": app, "jobs": [{"inputs": inputs}]}
    batch = str((await http.post("/v1/batches", body)).expect(201)["id"])
    agent = await broker.agent()
    (lease,) = await agent.leases(1)
    await write_log(agent, lease, b"said " + app.encode())
    uploaded = await put_output(agent, lease, "result.txt", b"found " + app.encode())
    await agent.report([lease], outputs=[uploaded])
    return batch


async def uploaded(http: Http, content: bytes) -> str:
    digest = sha256(content).hexdigest()
    assert (await http.put(f"/v1/blobs/{digest}", content)).status in (200, 201)
    return digest


async def leave(broker: Running, name: str) -> dict[str, Any]:
    """What the answer to the deletion tells."""
    told: dict[str, Any] = (await broker.admin.delete(f"/v1/accounts/{name}")).expect(200)
    assert told["account"]["state"] == "deleted"
    return told


async def remove(broker: Running) -> None:
    """As the sweeper and, an hour later, the remover of contents."""
    services = broker.services
    while await departures.remove_personal(services.database, services.files):
        pass
    await departures.remove_contents(services.database, services.files, older_than_seconds=0)


async def rows(broker: Running, table: str, batch: str) -> int:
    column = {"batch": "id", "job": "batch_id", "event": "batch_id"}.get(table, "job_id")
    async with broker.services.database.connection() as connection:
        found = await connection.fetchval(
            f"SELECT count(*) FROM {table} WHERE {column} = $1", int(batch.removeprefix("batch_"))
        )
    return int(found)


def contents(broker: Running) -> set[bytes]:
    root: Path = broker.services.files.root
    return {path.read_bytes() for path in root.glob("contents/*/*")}


def logs(broker: Running) -> set[str]:
    root: Path = broker.services.files.root
    return {path.read_text() for path in root.glob("logs/*/*")}


async def test_rule_H12_strictly_personal_work_goes_with_the_account(broker: Running) -> None:
    strict, plain = await kind(broker, "strict_personal"), await kind(broker, "personal")
    ann, bob = await scientist(broker), await scientist(broker, "bob")
    secret, common = await uploaded(ann, b"secret"), await uploaded(ann, b"common")
    assert await uploaded(bob, b"common") == common
    gone = await ran(broker, ann, strict, **{"data.txt": {"sha256": secret}})
    also_gone = await ran(broker, ann, strict, **{"data.txt": {"sha256": common}})
    kept = await ran(broker, ann, plain)
    bobs = await ran(broker, bob, strict)
    charged = await rows(broker, "ledger", gone)
    told = await leave(broker, "ann")
    assert (told["batches_removed"], told["batches_kept"]) == (2, 1)
    await remove(broker)
    for batch in (gone, also_gone):
        for table in ("batch", "job", "attempt", "output", "event"):
            assert await rows(broker, table, batch) == 0, table
    assert await rows(broker, "ledger", gone) == charged > 0  # never touched
    assert contents(broker) == {b"common", b"found personal", b"found strict-personal"}  # Bob's
    assert logs(broker) == {"said personal", "said strict-personal"}
    (await bob.get(f"/v1/batches/{bobs}")).expect(200)
    (await broker.admin.get(f"/v1/batches/{kept}")).expect(200)


async def test_rule_H12_personal_work_that_still_runs_goes_when_it_ended(broker: Running) -> None:
    strict = await kind(broker, "strict_personal")
    ann = await scientist(broker)
    body = {"app": strict, "jobs": [{}, {}]}
    batch = str((await ann.post("/v1/batches", body)).expect(201)["id"])
    agent = await broker.agent(slots=1)
    (lease,) = await agent.leases(1)
    told = await leave(broker, "ann")
    assert (told["jobs_queued"], told["jobs_active"]) == (1, 1)
    await remove(broker)
    assert await rows(broker, "job", batch) == 2
    assert len((await agent.poll(wait=0))["cancel"]) == 1
    assert await agent.report([lease], "cancelled") == ["ok"]
    await remove(broker)
    assert await rows(broker, "job", batch) == await rows(broker, "batch", batch) == 0


async def test_content_that_was_stored_lately_is_left_alone(broker: Running) -> None:
    strict = await kind(broker, "strict_personal")
    ann = await scientist(broker)
    await ran(broker, ann, strict)
    await leave(broker, "ann")
    services = broker.services
    assert await departures.remove_personal(services.database, services.files)
    async with services.database.connection() as connection:
        await connection.execute("UPDATE discarded_content SET at = now() - interval '1 day'")
    await departures.remove_contents(services.database, services.files)
    assert contents(broker) == {b"found strict-personal"}


@pytest.mark.parametrize("isolation", ["personal", "shared", "read_shared"])
async def test_rule_H11_the_rest_stays_for_admins_only(broker: Running, isolation: str) -> None:
    app = await kind(broker, isolation)
    ann, bob = await scientist(broker), await scientist(broker, "bob")
    me = (await ann.get("/v1/me")).expect(200)["account"]["id"]
    batch = await ran(broker, ann, app)
    job, path = job_of(batch), f"/v1/batches/{batch}"
    kept = await folder(ann, f"workspace_{await workspace(broker, me)}", "notes")
    await share(ann, f"workspace_{await workspace(broker, me)}", "bob", "reader")
    (await bob.get(path)).expect(200)
    (await bob.get(f"/v1/nodes/{kept['id']}")).expect(200)
    await leave(broker, "ann")
    await remove(broker)
    for where in (path, f"/v1/jobs/{job}", f"/v1/nodes/{kept['id']}"):
        (await bob.get(where)).problem(404, "not_found")
        (await broker.admin.get(where)).expect(200)
    reply = await broker.admin.get(f"/v1/jobs/{job}/outputs/result.txt")
    assert reply.content == b"found " + app.encode()
    assert b"said" in (await broker.admin.get(f"/v1/jobs/{job}/logs/stdout")).content


async def workspace(broker: Running, account: str) -> int:
    async with broker.services.database.connection() as connection:
        found = await connection.fetchval(
            "SELECT id FROM node WHERE kind = 'workspace' AND created_by = $1",
            int(account.removeprefix("account_")),
        )
    return int(found)


async def test_what_lies_in_a_project_stays_with_the_project(broker: Running) -> None:
    await broker.app()
    ann, bob = await scientist(broker), await scientist(broker, "bob")
    made = await project(ann, "shared")
    await share(ann, made["id"], "bob", "owner")
    batch = await submit(ann, project="shared")
    told = await leave(broker, "ann")
    assert told["left_alone"] == told["warnings"] == []
    assert (await bob.get(f"/v1/batches/{batch}")).expect(200)["counts"]["cancelled"] == 1
    assert await entries(bob, made["id"]) == {"bob": ["owner"]}


async def test_an_admin_is_told_what_would_be_left_alone_and_hands_it_over(
    broker: Running,
) -> None:
    ann, bob = await scientist(broker), await scientist(broker, "bob")
    lab = await team(broker.admin, "lab", "ann")
    await team(broker.admin, "pair", "ann", "bob")
    mine, with_bob, of_lab, of_pair = [
        await project(ann, name) for name in ("mine", "with-bob", "of-lab", "of-pair")
    ]
    await share(ann, with_bob["id"], "bob", "owner")
    for made, name in ((of_lab, "lab"), (of_pair, "pair")):
        await share(ann, made["id"], f"team:{name}", "owner")
        await share(broker.admin, made["id"], "ann")
    preview = (await broker.admin.get("/v1/accounts/ann:impact")).expect(200)
    assert [each["id"] for each in preview["left_alone"]] == [mine["id"], of_lab["id"]]
    assert preview["account"]["state"] == "active"
    assert (preview["teams"], preview["tokens"]) == (2, 1)
    assert f"nobody but managers can share {mine['id']} (mine)" in preview["warnings"][0]
    (await ann.get("/v1/me")).expect(200)  # nothing was changed
    (await ann.get("/v1/accounts/ann:impact")).problem(403, "forbidden")
    (await broker.admin.get("/v1/accounts/nobody:impact")).problem(404, "not_found")
    told = await leave(broker, "ann")
    assert told == preview | {"account": told["account"]}
    await share(broker.admin, mine["id"], "bob", "owner")
    (await bob.get("/v1/projects/mine")).expect(200)
    assert lab


async def test_leaving_takes_tokens_hosts_teams_and_entries(broker: Running) -> None:
    ann, _ = await scientist(broker), await scientist(broker, "bob")
    await team(broker.admin, "lab", "ann")
    bobs = await project(broker.admin, "bobs")
    await share(broker.admin, bobs["id"], "ann", "writer")
    host = await broker.agent("anns", owner=ann)
    told = await leave(broker, "ann")
    assert told["tokens"] == 2  # her own and her host's
    assert (told["hosts"], told["teams"]) == (1, 1)
    assert told["access_entries"] == 2  # her workspace's and the project's
    assert (await broker.admin.get("/v1/teams/lab")).expect(200)["accounts"] == 0
    assert "ann" not in await entries(broker.admin, bobs["id"])
    poll = await host.http.post(f"/v1/hosts/{host.host}:poll", {"free_slots": 0})
    poll.problem(401, "unauthenticated")
    again = await leave(broker, "ann")  # again is no error, and finds nothing
    assert {again[name] for name in ("tokens", "teams", "access_entries")} == {0}
    later = (await broker.admin.post("/v1/accounts", {"name": "late"})).expect(201)
    assert later["id"] != told["account"]["id"]


async def test_a_suspended_account_keeps_everything_and_can_use_nothing(broker: Running) -> None:
    strict = await kind(broker, "strict_personal")
    ann, bob = await scientist(broker), await scientist(broker, "bob")
    await team(broker.admin, "lab", "ann")
    made = await project(ann, "mine")
    await share(ann, made["id"], "bob", "reader")
    batch = await ran(broker, ann, strict)
    (await broker.admin.post("/v1/accounts/ann:suspend")).expect(200)
    for path in ("/v1/me", "/v1/projects/mine", f"/v1/batches/{batch}"):
        (await ann.get(path)).problem(401, "unauthenticated")
    (await bob.get("/v1/projects/mine")).expect(200)
    assert (await broker.admin.get("/v1/teams/lab")).expect(200)["accounts"] == 1
    await remove(broker)
    assert await rows(broker, "job", batch) == 1

    (await broker.admin.post("/v1/accounts/ann:resume")).expect(200)
    (await ann.get(f"/v1/batches/{batch}")).expect(200)
    assert set(await entries(ann, made["id"])) == {"ann", "bob"}


async def test_the_remover_works_by_itself(
    start_broker: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("broker.main.SWEEPER_SECONDS", 0.1)
    broker = await start_broker()
    strict = await kind(broker, "strict_personal")
    ann = await scientist(broker)
    batch = await ran(broker, ann, strict)
    await leave(broker, "ann")

    async def gone() -> bool:
        return await rows(broker, "batch", batch) == 0

    await until(gone)
