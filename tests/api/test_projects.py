"""Projects and folders: made by any account, seen by those on their lists."""

import pytest

from tests.api.scene import scientist, submit
from tests.api.trees import folder, names, project, share
from tests.support.running import Running


async def test_a_projects_creator_owns_it(broker: Running) -> None:
    ann = await broker.client("ann")
    body = {"name": "cryo", "title": "Cryo-EM", "description": "maps"}
    made = (await ann.post("/v1/projects", body)).expect(201)
    assert (made["name"], made["kind"], made["title"]) == ("cryo", "project", "Cryo-EM")
    assert made["id"] == made["project"] == made["benefactor_id"]
    assert made["created_by_name"] == "ann"
    shown = await ann.get("/v1/projects/cryo")
    assert shown.expect(200) == made
    assert (await ann.get(f"/v1/projects/{made['id']}")).expect(200) == made
    acl = (await ann.get("/v1/nodes/cryo/acl")).expect(200)
    assert [(e["name"], e["roles"]) for e in acl["entries"]] == [("ann", ["owner"])]


async def test_rules_C2_T12_a_list_shows_only_what_one_may_see(broker: Running) -> None:
    ann, bob = await broker.client("ann"), await broker.client("bob")
    await project(ann, "mine")
    await project(bob, "other")
    assert await names(ann, "/v1/projects") == ["mine", "ann"]
    assert await names(ann, "/v1/projects?kind=project") == ["mine"]
    assert await names(bob, "/v1/projects?kind=workspace") == ["bob"]
    for path in ("/v1/projects/other", "/v1/nodes/other", "/v1/nodes/other/children"):
        unseen = (await ann.get(path)).problem(404, "not_found")
        absent = (await ann.get(path.replace("other", "never"))).problem(404, "not_found")
        assert unseen["detail"].replace("other", "never") == absent["detail"]
    (await ann.patch("/v1/projects/other", {"title": "x"})).problem(404, "not_found")


async def test_rules_T4_H5_an_admin_sees_and_edits_every_project(broker: Running) -> None:
    ann = await broker.client("ann")
    await project(ann, "mine")
    assert {"mine", "ann"} <= set(await names(broker.admin, "/v1/projects"))
    changed = (await broker.admin.patch("/v1/projects/mine", {"title": "x"})).expect(200)
    assert changed["title"] == "x"


async def test_rules_T2_T18_roles_are_given_with_the_project_or_later(broker: Running) -> None:
    ann, bob, eve = [await broker.client(name) for name in ("ann", "bob", "eve")]
    (await broker.admin.post("/v1/teams", {"name": "physics"})).expect(201)
    (await broker.admin.put("/v1/teams/physics/accounts/eve")).expect(200)
    entries = [
        {"principal": "bob", "roles": ["reader"]},
        {"principal": "team:physics", "roles": ["executor"]},
    ]
    made = (await ann.post("/v1/projects", {"name": "p", "entries": entries})).expect(201)
    for http in (bob, eve):
        assert (await http.get("/v1/projects/p")).expect(200) == made
    acl = (await ann.get("/v1/nodes/p/acl")).expect(200)["entries"]
    assert {(e["name"], *e["roles"]) for e in acl} == {
        ("ann", "owner"),
        ("bob", "reader"),
        ("physics", "executor"),
    }
    assert {e["principal"].partition("_")[0] for e in acl} == {"account", "team"}
    (await bob.patch("/v1/projects/p", {"title": "x"})).problem(403, "forbidden")
    await share(ann, "p", "bob", "editor")
    (await bob.patch("/v1/projects/p", {"title": "x"})).expect(200)


@pytest.mark.parametrize(
    ("entry", "status", "pointer"),
    [
        ({"principal": "nobody", "roles": ["reader"]}, 422, "/entries/0/principal"),
        ({"principal": "team:nobody", "roles": ["reader"]}, 422, "/entries/0/principal"),
        ({"principal": "host_1", "roles": ["reader"]}, 422, "/entries/0/principal"),
        ({"principal": "bob", "roles": ["king"]}, 422, "/entries/0/roles/0"),
        ({"principal": "bob", "roles": []}, 422, "/entries/0/roles"),
        ({"principal": "bob", "roles": ["manager"]}, 422, "/entries/0/roles"),
        ({"principal": "bob", "roles": ["member"]}, 422, "/entries/0/roles"),
        ({"principal": "everyone", "roles": ["downloader"]}, 422, "/entries/0/roles"),
        ({"principal": "registered", "roles": ["editor"]}, 422, "/entries/0/roles"),
    ],
)
async def test_a_bad_entry_is_named_and_no_project_is_made(
    broker: Running, entry: dict[str, object], status: int, pointer: str
) -> None:
    ann = await broker.client("ann")
    await broker.client("bob")
    reply = await ann.post("/v1/projects", {"name": "p", "entries": [entry]})
    reply.problem(status, "invalid_input")
    assert reply.pointers() == [pointer]
    assert await names(ann, "/v1/projects?kind=project") == []


async def test_a_handle_is_unique_and_well_formed(broker: Running) -> None:
    ann, bob = await broker.client("ann"), await broker.client("bob")
    await project(ann, "p")
    (await bob.post("/v1/projects", {"name": "p"})).problem(409, "name_taken")
    await project(bob, "q")
    (await bob.patch("/v1/projects/q", {"name": "p"})).problem(409, "name_taken")
    for name in ("", "P", "a_b", "x" * 65):
        reply = await ann.post("/v1/projects", {"name": name})
        reply.problem(422, "invalid_input")
        assert reply.pointers() == ["/name"]
    (await bob.patch("/v1/projects/q", {"name": "r"})).expect(200)
    assert await names(bob, "/v1/projects?kind=project") == ["r"]
    (await bob.get("/v1/projects/q")).problem(404, "not_found")


async def test_nobody_overwrites_anothers_change(broker: Running) -> None:
    ann = await broker.client("ann")
    await project(ann, "p")
    tag = (await ann.get("/v1/projects/p")).etag
    first = await ann.patch("/v1/projects/p", {"title": "1"}, headers={"If-Match": tag})
    first.expect(200)
    reply = await ann.patch("/v1/projects/p", {"title": "2"}, headers={"If-Match": tag})
    reply.problem(412, "precondition_failed")
    shown = await ann.get("/v1/projects/p")
    assert shown.expect(200)["title"] == "1"
    assert shown.etag == first.etag


async def test_rules_H1_H2_H7_a_workspace_is_a_project_of_ones_own(broker: Running) -> None:
    ann, bob = await broker.client("ann"), await broker.client("bob")
    (mine,) = (await ann.get("/v1/projects")).expect(200)["items"]
    assert (mine["kind"], mine["name"]) == ("workspace", "ann")
    (await bob.get(f"/v1/projects/{mine['id']}")).problem(404, "not_found")
    reply = await ann.patch(f"/v1/projects/{mine['id']}", {"name": "else"})
    reply.problem(422, "invalid_input")
    assert reply.pointers() == ["/name"]
    (await ann.patch(f"/v1/projects/{mine['id']}", {"title": "notes"})).expect(200)


async def test_rules_Y1_Y11_everything_says_what_governs_it(broker: Running) -> None:
    await broker.app()
    ann = await scientist(broker)
    top = await project(ann, "p")
    outer = await folder(ann, "p", "raw data")
    inner = await folder(ann, outer["id"], "2026")
    assert outer["benefactor_id"] == inner["benefactor_id"] == top["id"]
    assert (inner["parent"], inner["project"]) == (outer["id"], top["id"])
    batch = await submit(ann, project=inner["id"])
    shown = (await ann.get(f"/v1/nodes/{batch}")).expect(200)
    assert (shown["id"], shown["kind"], shown["parent"]) == (batch, "batch", inner["id"])
    assert shown["benefactor_id"] == top["id"]
    assert (await ann.get("/v1/nodes/app:sleep")).expect(200)["benefactor_id"].startswith("app_")


async def test_children_come_newest_first_and_in_pages(broker: Running) -> None:
    ann, bob = await broker.client("ann"), await broker.client("bob")
    await project(ann, "p")
    for name in ("a", "b", "c"):
        await folder(ann, "p", name)
    assert await names(ann, "/v1/nodes/p/children") == ["c", "b", "a"]
    first = (await ann.get("/v1/nodes/p/children?limit=2")).expect(200)
    assert [item["name"] for item in first["items"]] == ["c", "b"]
    rest = f"/v1/nodes/p/children?limit=2&cursor={first['next_cursor']}"
    assert await names(ann, rest) == ["a"]
    assert await names(ann, "/v1/nodes/p/children?kind=file") == []
    await share(ann, "p", "bob", "reader")
    assert await names(bob, "/v1/nodes/p/children?kind=folder") == ["c", "b", "a"]
    (await bob.post("/v1/folders", {"parent": "p", "name": "d"})).problem(403, "forbidden")


async def test_a_folder_lies_where_it_may(broker: Running) -> None:
    await broker.app()
    ann, bob = await broker.client("ann"), await broker.client("bob")
    await project(ann, "p")
    await folder(ann, "p", "a")
    (await ann.post("/v1/folders", {"parent": "p", "name": "a"})).problem(409, "name_taken")
    for parent in ("never", "folder_9999", "deployment_1", "nothing_1", "app:sleep", "x y"):
        reply = await ann.post("/v1/folders", {"parent": parent, "name": "b"})
        assert reply.status in (403, 422), parent
    for name in ("", " a", "a/b", "a\nb", "x" * 201):
        reply = await ann.post("/v1/folders", {"parent": "p", "name": name})
        reply.problem(422, "invalid_input")
        assert reply.pointers() == ["/name"]
    unseen = await bob.post("/v1/folders", {"parent": "p", "name": "b"})
    unseen.problem(422, "invalid_input")
    assert unseen.pointers() == ["/parent"]
    assert await names(ann, "/v1/nodes/p/children") == ["a"]


async def test_a_folder_is_renamed(broker: Running) -> None:
    ann = await broker.client("ann")
    await project(ann, "p")
    await folder(ann, "p", "a")
    made = await folder(ann, "p", "b")
    (await ann.patch(f"/v1/nodes/{made['id']}", {"name": "a"})).problem(409, "name_taken")
    (await ann.patch(f"/v1/nodes/{made['id']}", {"name": "c"})).expect(200)
    assert await names(ann, "/v1/nodes/p/children") == ["c", "a"]
    for kept in ("p", "workspace_2"):
        reply = await broker.admin.patch(f"/v1/nodes/{kept}", {"name": "x"})
        assert reply.status in (404, 422), reply


async def test_the_tree_is_bounded_in_depth(broker: Running) -> None:
    ann = await broker.client("ann")
    here = (await project(ann, "p"))["id"]
    for _ in range(31):
        here = (await folder(ann, here, "f"))["id"]
    reply = await ann.post("/v1/folders", {"parent": here, "name": "f"})
    assert "more than 32 levels" in reply.problem(422, "invalid_input")["detail"]
    assert reply.pointers() == ["/parent"]
    assert (await ann.get(f"/v1/nodes/{here}/children")).expect(200)["items"] == []
