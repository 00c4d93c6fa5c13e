"""Whether the shell of the hosts agrees with the broker, over HTTP (C7)."""

from typing import Any

from tests.api.lab import ROOTS, bind, project, root, share
from tests.support.http import Http
from tests.support.running import SLEEP, Running


async def told(who: Http, name: str = "lab1") -> dict[str, str]:
    """How they differ, by handle."""
    report = (await who.get(f"{ROOTS}/{name}/shell")).expect(200)
    assert report["more"] == 0
    return {each["name"]: each["difference"] for each in report["differences"]}


async def a_lab(broker: Running) -> Http:
    """A team whose members have the gid of its root, and a stranger; returns a member."""
    ann = await broker.client("ann", submit_all_apps=True)
    await broker.client("bob")
    (await broker.admin.post("/v1/teams", {"name": "lab1"})).expect(201)
    (await broker.admin.put("/v1/teams/lab1/accounts/ann")).expect(200)
    ids = {"uid": 5001, "gid": 6001}
    (await broker.admin.put("/v1/teams/lab1/unix", ids)).expect(200)
    entries = [{"principal": "team:lab1", "roles": ["editor"]}]
    body = {"name": "lab1", "path": "/data/lab1", **ids, "entries": entries}
    (await broker.admin.post(ROOTS, body)).expect(201)
    return ann


async def test_rule_C7_a_lab_whose_team_has_the_gid_agrees(broker: Running) -> None:
    ann = await a_lab(broker)
    assert await told(broker.admin) == {}
    # and what the broker tells a host is what the shell would be
    await broker.app("reader", {**SLEEP, "inputs": {"movie": {}}})
    where = await project(broker, "em", {"ann": "executor"})
    await bind(broker, where, "lab1")
    job: dict[str, Any] = {"inputs": {"movie": {"data": "lab1:a"}}}
    batch = {"app": "reader", "project": where, "jobs": [job]}
    (await ann.post("/v1/batches", batch)).expect(201)
    (lease,) = await (await broker.agent()).leases()
    mine = (await broker.admin.get("/v1/accounts/ann/unix")).expect(200)["runs_as"]
    (use,) = lease["data"]
    assert (use["uid"], use["gid"]) == (mine["uid"], mine["gid"]) == (5001, 6001)


async def test_rule_C7_every_way_to_differ_is_named(broker: Running) -> None:
    await a_lab(broker)
    node = int((await broker.admin.get(f"{ROOTS}/lab1")).expect(200)["id"].removeprefix("root_"))
    for name in ("cat", "dan", "eve"):
        await broker.client(name)
    roles = {"bob": "downloader", "cat": "downloader", "eve": "reader"}
    await share(broker, node, roles)
    (await broker.admin.put("/v1/accounts/cat/unix", {"uid": 7, "gid": 8})).expect(200)
    (await broker.admin.put("/v1/accounts/dan/unix", {"uid": 9, "gid": 6001})).expect(200)
    assert await told(broker.admin) == {
        "ann": "no_role",  # her team has the gid, and no role any more
        "bob": "not_mapped",
        "cat": "other_group",
        "dan": "no_role",
    }  # eve only sees that the root is there
    (await broker.admin.post("/v1/accounts/dan:suspend")).expect(200)
    assert "dan" not in await told(broker.admin)


async def test_rule_C7_a_private_root_that_all_may_read_is_named(broker: Running) -> None:
    everybody = [{"principal": "registered", "roles": ["downloader"]}]
    await root(broker, "lab1", entries=everybody)
    await broker.client("bob")
    assert await told(broker.admin) == {"registered": "open_to_all"}
    (await broker.admin.patch(f"{ROOTS}/lab1", {"public": True})).expect(200)
    assert await told(broker.admin) == {}


async def test_only_those_who_audit_a_root_are_told(broker: Running) -> None:
    ann = await a_lab(broker)
    bob = Http(
        broker.url,
        broker.session,
        (await broker.admin.post("/v1/accounts/bob/tokens", {})).expect(201)["token"],
    )
    (await ann.get(f"{ROOTS}/lab1/shell")).problem(403, "forbidden")
    (await bob.get(f"{ROOTS}/lab1/shell")).problem(404, "not_found")
