"""Access lists: local settings in the place of inherited ones, grants, and what nobody may do."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.api.scene import job_of, scientist, submit
from tests.api.test_project_files import put
from tests.api.trees import entries, folder, names, project, share
from tests.support.http import Http, Reply
from tests.support.running import Running
from tests.support.until import until

OWNED = {"ann": ["owner"]}


async def people(broker: Running, *names: str) -> list[Http]:
    return [await broker.client(name) for name in names]


async def team(broker: Running, name: str, *members: str) -> None:
    """A team."""
    (await broker.admin.post("/v1/teams", {"name": name})).expect(201)
    for member in members:
        (await broker.admin.put(f"/v1/teams/{name}/accounts/{member}")).expect(200)


async def unchanged(http: Http, node: str, expected: dict[str, Any]) -> None:
    assert (await http.get(f"/v1/nodes/{node}/acl")).expect(200) == expected


async def test_rules_Y1_Y2_Y3_local_settings_replace_the_inherited_until_restored(
    broker: Running,
) -> None:
    ann, bob, eve = await people(broker, "ann", "bob", "eve")
    top = await project(ann, "p")
    await share(ann, "p", "bob", "reader")
    outer = (await folder(ann, "p", "outer"))["id"]
    inner = (await folder(ann, outer, "inner"))["id"]
    inherited = (await ann.get(f"/v1/nodes/{inner}/acl")).expect(200)
    assert (inherited["inherited"], inherited["benefactor_id"]) == (True, top["id"])
    assert (await bob.get(f"/v1/nodes/{inner}")).status == 200  # Y1

    local = [{"principal": name, "roles": ["owner"]} for name in ("ann", "eve")]
    made = (await ann.post(f"/v1/nodes/{outer}:override", {"entries": local})).expect(200)
    assert (made["inherited"], made["benefactor_id"]) == (False, outer)
    for node in (outer, inner):  # Y2: the item and what is in it
        assert (await ann.get(f"/v1/nodes/{node}")).expect(200)["benefactor_id"] == outer
        assert (await eve.get(f"/v1/nodes/{node}")).status == 200
        (await bob.get(f"/v1/nodes/{node}")).problem(404, "not_found")
    assert await names(bob, "/v1/nodes/p/children") == []
    (await eve.get("/v1/projects/p")).problem(404, "not_found")

    restored = (await ann.post(f"/v1/nodes/{outer}:restore")).expect(200)
    assert (restored["inherited"], restored["benefactor_id"]) == (True, top["id"])
    assert (await ann.get(f"/v1/nodes/{inner}/acl")).expect(200) == inherited
    assert (await bob.get(f"/v1/nodes/{inner}")).status == 200
    (await eve.get(f"/v1/nodes/{inner}")).problem(404, "not_found")


async def test_rules_Y9_Y10_a_private_folder_in_a_public_project_keeps_its_teams(
    broker: Running,
) -> None:
    ann, bob, eve = await people(broker, "ann", "bob", "eve")
    await team(broker, "lab", "bob")
    await project(ann, "p")
    await share(ann, "p", "team:lab", "editor")
    await share(ann, "p", "registered", "downloader")
    await share(ann, "p", "everyone", "reader")
    node = (await folder(ann, "p", "secret"))["id"]
    for caller in (bob, eve, broker.anonymous):
        assert (await caller.get(f"/v1/nodes/{node}")).status == 200
    assert await names(broker.anonymous, "/v1/projects") == ["p"]
    made = await ann.post(f"/v1/nodes/{node}:override", {"private": True})
    made.expect(200)
    assert await entries(ann, node) == {"ann": ["owner"], "lab": ["editor"]}
    assert (await bob.get(f"/v1/nodes/{node}")).status == 200
    (await eve.get(f"/v1/nodes/{node}")).problem(404, "not_found")
    (await broker.anonymous.get(f"/v1/nodes/{node}")).problem(401, "unauthenticated")
    assert await names(broker.anonymous, "/v1/nodes/p/children") == []
    assert await names(bob, "/v1/nodes/p/children") == ["secret"]


async def test_rules_Y4_Y6_Y7_T3_the_highest_of_several_roles_counts(broker: Running) -> None:
    ann, bob = await people(broker, "ann", "bob")
    await team(broker, "writers", "bob")
    await project(ann, "p")
    await share(ann, "p", "bob", "reader")
    (await bob.post("/v1/folders", {"parent": "p", "name": "f"})).problem(403, "forbidden")
    await share(ann, "p", "team:writers", "writer")
    await folder(bob, "p", "f")
    await share(ann, "p", "team:writers")
    (await bob.post("/v1/folders", {"parent": "p", "name": "g"})).problem(403, "forbidden")
    assert await names(bob, "/v1/nodes/p/children") == ["f"]


async def test_rules_T1_Y7_each_role_may_what_the_one_below_may_and_more(broker: Running) -> None:
    ann, bob = await people(broker, "ann", "bob")
    await project(ann, "p")
    node = (await folder(ann, "p", "f"))["id"]
    file = (await put(ann, node, "x", b"x"))["id"]
    mine = (await folder(ann, "p", "new"))["id"]
    asked: dict[str, Callable[[], Awaitable[Reply]]] = {
        "view": lambda: bob.get(f"/v1/nodes/{node}"),
        "download": lambda: bob.get(f"/v1/files/{file}/content"),
        "rename": lambda: bob.patch(f"/v1/nodes/{node}", {"name": "f"}),
        "audit": lambda: bob.get(f"/v1/nodes/{node}/acl"),
        "move": lambda: bob.post(f"/v1/nodes/{mine}:move", {"parent": node}),
    }
    found = {}
    for role in ("reader", "downloader", "executor", "editor", "writer", "owner"):
        await share(ann, "p", "bob", role)
        found[role] = {name for name, ask in asked.items() if (await ask()).status == 200}
    assert found == {
        "reader": {"view"},
        "downloader": {"view", "download"},
        "executor": {"view", "download"},  # runs published apps: test_project_apps.py
        "editor": {"view", "download", "rename"},
        "writer": {"view", "download", "rename"},  # and deletes its own: test_trash.py
        "owner": set(asked),
    }


async def test_rules_Y5_H13_joining_and_leaving_a_team_act_everywhere_at_once(
    broker: Running, start_broker: Any
) -> None:
    other = await start_broker()
    ann, bob = await people(broker, "ann", "bob")
    there = Http(other.url, other.session, bob.token)
    await team(broker, "lab")
    for name in ("p", "q"):
        await project(ann, name)
        await share(ann, name, "team:lab", "reader")

    async def seen(wanted: list[str]) -> None:
        assert await names(bob, "/v1/projects?kind=project") == wanted

        async def there_too() -> bool:
            return await names(there, "/v1/projects?kind=project") == wanted

        async with asyncio.timeout(2):
            await until(there_too)

    await seen([])
    (await broker.admin.put("/v1/teams/lab/accounts/bob")).expect(200)
    await seen(["q", "p"])
    (await broker.admin.delete("/v1/teams/lab/accounts/bob")).expect(204)
    await seen([])
    (await bob.get("/v1/projects/p")).problem(404, "not_found")


async def test_rules_Y8_T5_only_who_holds_share_changes_a_list(broker: Running) -> None:
    ann, bob, eve = await people(broker, "ann", "bob", "eve")
    await project(ann, "p")
    await share(ann, "p", "bob", "writer")
    before = (await ann.get("/v1/nodes/p/acl")).expect(200)
    body = {"entries": [{"principal": "bob", "roles": ["owner"]}]}
    for caller, status in ((bob, 403), (eve, 404), (broker.anonymous, 401)):
        assert (await caller.get("/v1/nodes/p/acl")).status == status
        assert (await caller.put("/v1/nodes/p/acl", body)).status == status
        assert (await caller.put("/v1/nodes/p/acl/eve", {"roles": ["reader"]})).status == status
        assert (await caller.delete("/v1/nodes/p/acl/bob")).status == status
    await unchanged(ann, "p", before)
    await share(ann, "p", "bob", "owner")
    await share(bob, "p", "eve", "reader")
    await share(bob, "p", "ann")
    assert await entries(bob, "p") == {"bob": ["owner"], "eve": ["reader"]}
    (await ann.get("/v1/nodes/p/acl")).problem(404, "not_found")


async def test_a_list_that_leaves_nobody_with_share_changes_nothing(broker: Running) -> None:
    ann, _ = await people(broker, "ann", "bob")
    await project(ann, "p")
    await share(ann, "p", "bob", "reader")
    before = (await ann.get("/v1/nodes/p/acl")).expect(200)
    body = {"entries": [{"principal": "ann", "roles": ["writer"]}]}
    for caller in (ann, broker.admin):
        reply = await caller.put("/v1/nodes/p/acl", body)
        assert reply.problem(422, "invalid_input")["detail"] == "nobody would hold `share`"
        assert reply.pointers() == ["/entries"]
    given_away = {"entries": [{"principal": "bob", "roles": ["owner"]}]}
    reply = await ann.put("/v1/nodes/p/acl", given_away)
    assert "you would lose `share`" in reply.problem(422, "invalid_input")["detail"]
    (await ann.delete("/v1/nodes/p/acl/ann")).problem(422, "invalid_input")
    await unchanged(ann, "p", before)
    (await broker.admin.put("/v1/nodes/p/acl", given_away)).expect(200)


async def test_a_grant_above_ones_own_rights_changes_nothing(broker: Running) -> None:
    """The subset rule: an app admin holds `share` on the app, but not what an owner holds."""
    await broker.app()
    keeper = await broker.client("keeper", apps={"sleep": {"admin": True}})
    await broker.client("bob")
    before = (await keeper.get("/v1/nodes/app:sleep/acl")).expect(200)
    reply = await keeper.put("/v1/nodes/app:sleep/acl/bob", {"roles": ["owner"]})
    document = reply.problem(403, "forbidden")
    assert "rights that you do not hold" in document["detail"]
    assert reply.pointers() == ["/roles"]
    await unchanged(keeper, "app:sleep", before)
    await share(keeper, "app:sleep", "bob", "app_admin", "submitter")  # B13


async def test_of_two_people_with_one_etag_one_wins(broker: Running) -> None:
    ann, bob = await people(broker, "ann", "bob")
    await project(ann, "p")
    read = await ann.get("/v1/nodes/p/acl")
    tag = {"If-Match": read.etag}
    body = {"entries": [{"principal": name, "roles": ["owner"]} for name in ("ann", "bob")]}
    first = await ann.put("/v1/nodes/p/acl", body, headers=tag)
    first.expect(200)
    now = await bob.get("/v1/nodes/p/acl")
    assert now.etag == first.etag != read.etag
    for reply in (
        await bob.put("/v1/nodes/p/acl", body, headers=tag),
        await bob.put("/v1/nodes/p/acl/ann", {"roles": ["reader"]}, headers=tag),
        await bob.delete("/v1/nodes/p/acl/ann", headers=tag),
    ):
        reply.problem(412, "precondition_failed")
    await unchanged(bob, "p", now.json)
    (await bob.put("/v1/nodes/p/acl", body)).expect(200)  # without If-Match: whatever it is


@pytest.mark.parametrize(
    ("entries", "bad"),
    [
        (
            [{"principal": "gone", "roles": ["reader"]}],
            {"/entries/1/principal": "the account was deleted"},
        ),
        (
            [{"principal": "nobody", "roles": ["reader"]}],
            {"/entries/1/principal": "there is no such account"},
        ),
        (
            [{"principal": "ann", "roles": ["reader"]}],
            {"/entries/1/principal": "stands in the list twice"},
        ),
        ([{"principal": "bob", "roles": ["king"]}], {"/entries/1/roles/0": "'member', 'reader'"}),
        (
            [{"principal": "everyone", "roles": ["owner"]}],
            {"/entries/1/roles": "everyone may at most view"},
        ),
        (
            [
                {"principal": "registered", "roles": ["editor"]},
                {"principal": "bob", "roles": ["host"]},
            ],
            {
                "/entries/1/roles": "registered users may at most download or submit",
                "/entries/2/roles": "host is not given by an access list",
            },
        ),
        (
            [{"principal": "bob", "roles": ["member"]}],
            {"/entries/1/roles": "member is not given by an access list"},
        ),
        (
            [{"principal": "bob", "role": "reader"}],
            {"/entries/1/roles": "is missing", "/entries/1/role": "there is no such field"},
        ),
    ],
)
async def test_bad_entries_are_named_and_nothing_changes(
    broker: Running, entries: list[dict[str, Any]], bad: dict[str, str]
) -> None:
    ann, _, _ = await people(broker, "ann", "bob", "gone")
    (await broker.admin.delete("/v1/accounts/gone")).expect(200)
    await project(ann, "p")
    before = (await ann.get("/v1/nodes/p/acl")).expect(200)
    body = {"entries": [{"principal": "ann", "roles": ["owner"]}, *entries]}
    reply = await ann.put("/v1/nodes/p/acl", body)
    told = {
        each["pointer"]: each["detail"] for each in reply.problem(422, "invalid_input")["errors"]
    }
    assert told.keys() == bad.keys()
    for pointer, rule in bad.items():
        assert rule in told[pointer]
    await unchanged(ann, "p", before)


async def test_a_deleted_account_is_given_nothing(broker: Running) -> None:
    ann, _ = await people(broker, "ann", "gone")
    (await broker.admin.delete("/v1/accounts/gone")).expect(200)
    await project(ann, "p")
    reply = await ann.put("/v1/nodes/p/acl/gone", {"roles": ["reader"]})
    assert "deleted" in reply.problem(422, "invalid_input")["detail"]
    assert reply.pointers() == ["{principal}"]
    assert await entries(ann, "p") == OWNED


async def test_what_inherits_is_not_changed_by_itself(broker: Running) -> None:
    ann, _ = await people(broker, "ann", "bob")
    top = await project(ann, "p")
    node = (await folder(ann, "p", "f"))["id"]
    for reply in (
        await ann.put(f"/v1/nodes/{node}/acl", {"entries": []}),
        await ann.put(f"/v1/nodes/{node}/acl/bob", {"roles": ["reader"]}),
        await ann.delete(f"/v1/nodes/{node}/acl/ann"),
    ):
        assert top["id"] in reply.problem(409, "conflict")["detail"]
    (await ann.post(f"/v1/nodes/{node}:restore")).problem(409, "conflict")
    (await ann.post(f"/v1/nodes/{node}:override", {})).expect(200)
    (await ann.post(f"/v1/nodes/{node}:override", {})).problem(409, "conflict")
    assert await entries(ann, "p") == OWNED


async def test_what_lies_on_top_always_governs_itself(broker: Running) -> None:
    await broker.app()
    ann = await broker.client("ann")
    await project(ann, "p")
    workspace = (await ann.get("/v1/projects?kind=workspace")).expect(200)["items"][0]["id"]
    for node in ("p", workspace, "app:sleep", "pool:default", "deployment_1"):
        before = (await broker.admin.get(f"/v1/nodes/{node}/acl")).expect(200)
        assert not before["inherited"]
        reply = await broker.admin.post(f"/v1/nodes/{node}:restore")
        problem = reply.problem(422, "invalid_input")
        assert problem["errors"][0]["detail"].endswith("has nothing above to inherit from")
        assert reply.pointers() == ["{node}"]
        (await broker.admin.post(f"/v1/nodes/{node}:override", {})).problem(409, "conflict")
        await unchanged(broker.admin, node, before)


async def test_a_manager_keeps_the_lists_that_nobody_else_shares(broker: Running) -> None:
    await broker.client("ann")
    await share(broker.admin, "pool:default", "ann", "reader")
    assert await entries(broker.admin, "pool:default") == {
        "registered": ["reader"],
        "ann": ["reader"],
    }


async def test_rule_H3_a_batch_is_shared_by_its_own_list(broker: Running) -> None:
    await broker.app()
    ann, bob = await scientist(broker), await scientist(broker, "bob")
    batch, other = await submit(ann), await submit(ann)
    (await bob.get(f"/v1/batches/{batch}")).problem(404, "not_found")
    made = (await ann.post(f"/v1/nodes/{batch}:override", {})).expect(200)
    assert made["benefactor_id"] == made["node"] == batch
    await share(ann, batch, "bob", "downloader")
    assert (await bob.get(f"/v1/batches/{batch}")).expect(200)["id"] == batch
    assert (await bob.get(f"/v1/jobs/{job_of(batch)}/outputs")).status == 200
    assert [b["id"] for b in (await bob.get("/v1/batches")).expect(200)["items"]] == [batch]
    (await bob.post(f"/v1/batches/{batch}:cancel")).problem(403, "forbidden")
    (await bob.get(f"/v1/batches/{other}")).problem(404, "not_found")
    node = (await ann.get(f"/v1/nodes/{batch}")).expect(200)
    assert (node["kind"], node["benefactor_id"]) == ("batch", batch)
    restored = (await ann.post(f"/v1/nodes/{batch}:restore")).expect(200)
    assert restored["inherited"]
    (await bob.get(f"/v1/batches/{batch}")).problem(404, "not_found")
    assert (await ann.get(f"/v1/batches/{batch}")).status == 200
    await broker.services.access.catch_up()
    async with broker.services.database.connection() as connection:
        assert await connection.fetchval("SELECT count(*) FROM node WHERE kind = 'batch'") == 0


async def test_rule_H4_sharing_by_the_project_that_a_run_uses(broker: Running) -> None:
    await broker.app()
    ann, bob = await scientist(broker), await scientist(broker, "bob")
    await project(ann, "p", entries=[{"principal": "bob", "roles": ["reader"]}])
    batch, private = await submit(ann, project="p"), await submit(ann)
    assert (await bob.get(f"/v1/batches/{batch}")).status == 200
    (await bob.get(f"/v1/batches/{private}")).problem(404, "not_found")
