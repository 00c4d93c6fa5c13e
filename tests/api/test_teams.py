"""Teams over HTTP: kept by managers, named by access lists, in force everywhere at once."""

import asyncio
from typing import Any

import pytest

from broker.protocol.ids import NodeId, PrincipalId
from broker.protocol.nodes import Role
from broker.services.apps.catalogue import Catalogue
from tests.api.scene import scientist, submit
from tests.api.test_access import account_of, ids, project, share
from tests.api.test_groups import etag
from tests.support.http import Http
from tests.support.running import Running
from tests.support.until import until

TEAMS = "/v1/teams"


async def team(admin: Http, name: str, *members: str, **more: Any) -> PrincipalId:
    made = (await admin.post(TEAMS, {"name": name, **more})).expect(201)
    for member in members:
        (await admin.put(f"{TEAMS}/{name}/accounts/{member}")).expect(200)
    return PrincipalId(int(made["id"].removeprefix("team_")))


async def test_a_team_comes_back_as_it_was_made(broker: Running) -> None:
    made = (await broker.admin.post(TEAMS, {"name": "lab", "title": "The lab"})).expect(201)
    assert (made["name"], made["title"], made["accounts"]) == ("lab", "The lab", 0)
    ann = await broker.client("ann")
    for reference in ("lab", made["id"]):
        assert (await ann.get(f"{TEAMS}/{reference}")).expect(200) == made
    await team(broker.admin, "other")
    assert [each["name"] for each in (await ann.get(TEAMS)).expect(200)["items"]] == [
        "other",
        "lab",
    ]
    (await broker.admin.post(TEAMS, {"name": "lab"})).problem(409, "name_taken")


async def test_rule_T19_only_managers_keep_teams(broker: Running) -> None:
    await team(broker.admin, "lab", "admin")
    ann = await broker.client("ann", submit_all_apps=True)
    (await broker.admin.put(f"{TEAMS}/lab/accounts/ann")).expect(200)
    for reply in (
        await ann.post(TEAMS, {"name": "mine"}),
        await ann.patch(f"{TEAMS}/lab", {"title": "mine"}),
        await ann.put(f"{TEAMS}/lab/accounts/ann"),
        await ann.delete(f"{TEAMS}/lab/accounts/ann"),
        await ann.delete(f"{TEAMS}/lab"),
    ):
        assert "manager" in reply.problem(403, "forbidden")["detail"]
    assert await ids(ann, TEAMS) != []


async def test_members_are_added_listed_and_removed(broker: Running) -> None:
    for name in ("ann", "bob"):
        await broker.client(name)
    await team(broker.admin, "lab", "ann", "bob", "bob")
    one = (await broker.admin.get(f"{TEAMS}/lab/accounts?limit=1")).expect(200)
    assert [each["account_name"] for each in one["items"]] == ["bob"]
    rest = await broker.admin.get(f"{TEAMS}/lab/accounts?limit=1&cursor={one['next_cursor']}")
    assert [each["account_name"] for each in rest.expect(200)["items"]] == ["ann"]
    assert (await broker.admin.get(f"{TEAMS}/lab")).expect(200)["accounts"] == 2
    (await broker.admin.delete(f"{TEAMS}/lab/accounts/ann")).expect(204)
    (await broker.admin.delete(f"{TEAMS}/lab/accounts/ann")).problem(404, "not_found")
    (await broker.admin.put(f"{TEAMS}/lab/accounts/nobody")).problem(404, "not_found")
    (await broker.admin.delete("/v1/accounts/bob")).expect(200)
    assert (await broker.admin.get(f"{TEAMS}/lab")).expect(200)["accounts"] == 0
    (await broker.admin.put(f"{TEAMS}/lab/accounts/bob")).problem(409, "conflict")


async def test_a_rename_keeps_what_access_lists_give(broker: Running) -> None:
    await broker.app()
    ann = await scientist(broker)
    lab = await team(broker.admin, "lab", "ann")
    node = await project(broker, "shared")
    await share(broker, node, {lab: Role.EXECUTOR})
    await submit(ann, project="shared")
    first = await broker.admin.get(f"{TEAMS}/lab")
    tag = {"If-Match": etag(first)}
    renamed = await broker.admin.patch(f"{TEAMS}/lab", {"name": "lab-b"}, headers=tag)
    assert renamed.expect(200)["name"] == "lab-b"
    (await broker.admin.patch(f"{TEAMS}/lab-b", {"title": "x"}, headers=tag)).problem(
        412, "precondition_failed"
    )
    (await broker.admin.get(f"{TEAMS}/lab")).problem(404, "not_found")
    await submit(ann, project="shared")
    await team(broker.admin, "lab")
    (await broker.admin.patch(f"{TEAMS}/lab", {"name": "lab-b"})).problem(409, "name_taken")


async def test_a_bad_field_is_named_and_nothing_is_stored(broker: Running) -> None:
    for body, pointer in (
        ({}, "/name"),
        ({"name": "team_5"}, "/name"),
        ({"name": "lab", "title": "a\u0000"}, "/title"),
        ({"name": "lab", "members": []}, "/members"),
    ):
        reply = await broker.admin.post(TEAMS, body)
        reply.problem(422, "invalid_input")
        assert reply.pointers() == [pointer]
    assert await ids(broker.admin, TEAMS) == []


async def test_rules_Y4_T2_T3_a_team_gives_and_the_highest_role_wins(broker: Running) -> None:
    await broker.app()
    ann = await scientist(broker)
    node = await project(broker, "shared", a=(ann, Role.READER))
    me, lab = await account_of(ann), await team(broker.admin, "lab")
    await share(broker, node, {me: Role.READER, lab: Role.EXECUTOR})
    body = {"app": "sleep", "jobs": [{}], "project": "shared"}
    (await ann.post("/v1/batches", body)).problem(403, "forbidden")
    (await broker.admin.put(f"{TEAMS}/lab/accounts/ann")).expect(200)
    (await ann.post("/v1/batches", body)).expect(201)


async def test_rules_Y5_H13_a_membership_counts_at_once_on_every_broker(
    broker: Running, start_broker: Any
) -> None:
    other = await start_broker()
    await broker.app()
    ann, bob = await scientist(broker), await scientist(broker, "bob")
    lab = await team(broker.admin, "lab", "ann")
    node = await project(broker, "shared")
    await share(broker, node, {lab: Role.EXECUTOR})
    batch = await submit(ann, project="shared")
    path = f"/v1/batches/{batch}"
    there = Http(other.url, other.session, bob.token)

    (await broker.admin.put(f"{TEAMS}/lab/accounts/bob")).expect(200)
    (await bob.get(path)).expect(200)

    async def seen() -> bool:
        return (await there.get(path)).status == 200

    async def unseen() -> bool:
        return (await there.get(path)).status == 404

    async with asyncio.timeout(2):
        await until(seen)

    (await broker.admin.delete(f"{TEAMS}/lab/accounts/bob")).expect(204)
    (await bob.get(path)).problem(404, "not_found")
    # what changes something is decided on the database's state: not even one passes
    body = {"app": "sleep", "jobs": [{}], "project": "shared"}
    (await there.post("/v1/batches", body)).problem(422, "invalid_input")
    async with asyncio.timeout(2):
        await until(unseen)


async def test_rule_Y5_a_membership_lost_while_a_submission_is_looked_up_is_lost(
    broker: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    await broker.app()
    ann = await scientist(broker)
    lab = await team(broker.admin, "lab", "ann")
    node = await project(broker, "shared")
    await share(broker, node, {lab: Role.EXECUTOR})
    look_up = Catalogue.app

    async def slow(self: Catalogue, *args: Any) -> Any:
        found = await look_up(self, *args)
        (await broker.admin.delete(f"{TEAMS}/lab/accounts/ann")).expect(204)
        return found

    monkeypatch.setattr(Catalogue, "app", slow)
    body = {"app": "sleep", "jobs": [{}], "project": "shared"}
    (await ann.post("/v1/batches", body)).problem(422, "invalid_input")


async def test_deleting_a_team_takes_what_it_gave(broker: Running) -> None:
    await broker.app()
    ann, bob = await scientist(broker), await scientist(broker, "bob")
    lab = await team(broker.admin, "lab", "bob")
    node = await project(broker, "shared", a=(ann, Role.OWNER))
    await share(broker, node, {await account_of(ann): Role.OWNER, lab: Role.OWNER})
    batch = await submit(ann, project="shared")
    (await bob.get(f"/v1/batches/{batch}")).expect(200)
    (await broker.admin.delete(f"{TEAMS}/lab")).expect(204)
    (await bob.get(f"/v1/batches/{batch}")).problem(404, "not_found")
    (await broker.admin.get(f"{TEAMS}/team_{lab}")).problem(404, "not_found")
    assert await team(broker.admin, "lab") > lab  # ids are never reused


async def test_a_team_that_alone_holds_share_in_a_project_stays(broker: Running) -> None:
    await broker.app()
    ann = await scientist(broker)
    lab = await team(broker.admin, "lab", "ann")
    nodes = [await project(broker, name) for name in ("one", "two")]
    for node in nodes:
        await share(broker, node, {lab: Role.OWNER})
    problem = (await broker.admin.delete(f"{TEAMS}/lab")).problem(409, "conflict")
    assert problem["ids"] == [f"project_{node}" for node in nodes]
    await submit(ann, project="one")  # nothing was changed
    for node in nodes:
        await share(broker, NodeId(node), {lab: Role.OWNER, await account_of(ann): Role.OWNER})
    (await broker.admin.delete(f"{TEAMS}/lab")).expect(204)
