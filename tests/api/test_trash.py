"""The trash: what lies there is not seen; it comes back whole, or goes for good."""

from typing import Any

from tests.api.scene import scientist, submit
from tests.api.test_project_files import put
from tests.api.trees import folder, names, project, share
from tests.support.http import Http, Reply
from tests.support.running import Running


async def act(http: Http, node: str, verb: str) -> Reply:
    return await http.post(f"/v1/nodes/{node}:{verb}")


async def listed(http: Http, path: str = "/v1/trash") -> list[str]:
    return [item["id"] for item in (await http.get(path)).expect(200)["items"]]


async def nodes_of(broker: Running) -> list[Any]:
    async with broker.services.database.connection() as connection:
        return list(await connection.fetch("SELECT id, parent_id, trash_id FROM node ORDER BY id"))


async def test_what_lies_in_the_trash_is_not_seen_and_comes_back_whole(broker: Running) -> None:
    ann, bob = await broker.client("ann"), await broker.client("bob")
    top = await project(ann, "p", entries=[{"principal": "bob", "roles": ["reader"]}])
    outer = (await folder(ann, "p", "outer"))["id"]
    inner = (await folder(ann, outer, "inner"))["id"]
    before = (await ann.get(f"/v1/nodes/{inner}")).expect(200)
    trashed = (await act(ann, outer, "trash")).expect(200)
    assert trashed["trashed_at"] is not None
    for node in (outer, inner):
        for http in (ann, bob, broker.admin):
            (await http.get(f"/v1/nodes/{node}")).problem(404, "not_found")
    assert await names(ann, "/v1/nodes/p/children") == []
    assert await listed(ann) == await listed(ann, "/v1/trash?project=p") == [outer]
    assert await listed(bob) == []
    reply = await ann.post("/v1/folders", {"parent": outer, "name": "x"})
    reply.problem(422, "invalid_input")
    assert reply.pointers() == ["/parent"]
    (await act(ann, inner, "untrash")).problem(409, "conflict")
    (await act(bob, outer, "untrash")).problem(403, "forbidden")
    (await act(ann, outer, "untrash")).expect(200)
    assert (await ann.get(f"/v1/nodes/{inner}")).expect(200) == before
    assert await names(bob, f"/v1/nodes/{outer}/children") == ["inner"]
    assert await listed(ann) == []
    assert before["benefactor_id"] == top["id"]


async def test_what_was_in_the_trash_before_stays_there(broker: Running) -> None:
    ann = await broker.client("ann")
    await project(ann, "p")
    outer = (await folder(ann, "p", "outer"))["id"]
    inner = (await folder(ann, outer, "inner"))["id"]
    (await act(ann, inner, "trash")).expect(200)
    (await act(ann, outer, "trash")).expect(200)
    (await act(ann, inner, "untrash")).problem(409, "conflict")  # what it lay in is there, too
    (await act(ann, outer, "untrash")).expect(200)
    assert await names(ann, f"/v1/nodes/{outer}/children") == []
    (await act(ann, inner, "untrash")).expect(200)
    assert await names(ann, f"/v1/nodes/{outer}/children") == ["inner"]


async def test_a_name_is_free_while_its_owner_is_in_the_trash(broker: Running) -> None:
    ann = await broker.client("ann")
    first = (await project(ann, "p"))["id"]
    (await act(ann, "p", "trash")).expect(200)
    (await ann.get("/v1/projects/p")).problem(404, "not_found")
    assert await names(ann, "/v1/projects?kind=project") == []
    await project(ann, "p")
    (await act(ann, first, "untrash")).problem(409, "name_taken")
    (await act(ann, first, "purge")).expect(204)
    assert await listed(ann) == []


async def test_rules_T5_T6_writers_delete_what_they_made_owners_everything(
    broker: Running,
) -> None:
    ann, bob, eve = [await broker.client(name) for name in ("ann", "bob", "eve")]
    await project(ann, "p")
    await share(ann, "p", "bob", "writer")
    await share(ann, "p", "eve", "editor")
    anns, bobs = await folder(ann, "p", "a"), await folder(bob, "p", "b")
    eves = await folder(eve, "p", "e")
    (await act(bob, anns["id"], "trash")).problem(403, "forbidden")
    (await act(eve, eves["id"], "trash")).problem(403, "forbidden")
    inside = await folder(eve, bobs["id"], "inside")
    reply = await act(bob, bobs["id"], "trash")
    assert "others made 1" in reply.problem(403, "forbidden")["detail"]
    (await act(ann, inside["id"], "trash")).expect(200)
    (await act(ann, inside["id"], "purge")).expect(204)
    (await act(bob, bobs["id"], "trash")).expect(200)
    (await act(bob, bobs["id"], "purge")).problem(403, "forbidden")
    (await act(bob, bobs["id"], "untrash")).expect(200)
    (await act(ann, eves["id"], "trash")).expect(200)


async def test_only_the_trash_is_purged_and_with_everything_below(broker: Running) -> None:
    ann = await broker.client("ann")
    await project(ann, "p")
    outer = (await folder(ann, "p", "outer"))["id"]
    inner = (await folder(ann, outer, "inner"))["id"]
    file = (await put(ann, inner, "a.txt", b"a"))["id"]
    (await ann.post(f"/v1/nodes/{inner}:override", {})).expect(200)
    before = await nodes_of(broker)
    (await act(ann, outer, "purge")).problem(409, "conflict")
    assert await nodes_of(broker) == before
    (await act(ann, outer, "trash")).expect(200)
    (await act(ann, inner, "purge")).problem(409, "conflict")
    (await act(ann, outer, "purge")).expect(204)
    gone = {int(node.rpartition("_")[2]) for node in (outer, inner, file)}
    assert {row["id"] for row in before} - {row["id"] for row in await nodes_of(broker)} == gone
    (await act(ann, outer, "untrash")).problem(404, "not_found")
    await broker.services.access.catch_up()
    assert not gone & set(broker.services.access.world.nodes)


async def test_nobody_purges_what_a_list_of_its_own_keeps_from_them(broker: Running) -> None:
    ann, bob = await broker.client("ann"), await broker.client("bob")
    await project(ann, "p", entries=[{"principal": "bob", "roles": ["owner"]}])
    outer = (await folder(ann, "p", "outer"))["id"]
    inner = (await folder(bob, outer, "bobs"))["id"]
    mine = {"entries": [{"principal": "bob", "roles": ["owner"]}]}
    (await bob.post(f"/v1/nodes/{inner}:override", mine)).expect(200)
    (await act(ann, outer, "trash")).expect(200)
    (await act(ann, outer, "purge")).problem(403, "forbidden")
    (await act(broker.admin, outer, "purge")).expect(204)


async def test_history_keeps_its_place(broker: Running) -> None:
    """A project in which something ran can be emptied, but not purged."""
    await broker.app()
    ann = await scientist(broker)
    top = (await project(ann, "p"))["id"]
    batch = await submit(ann, project="p")
    reply = await act(ann, "p", "trash")
    assert "1 batches" in reply.problem(409, "conflict")["detail"]
    (await ann.post(f"/v1/batches/{batch}:cancel")).expect(200)
    (await act(ann, "p", "trash")).expect(200)
    (await ann.get(f"/v1/batches/{batch}")).problem(404, "not_found")
    reply = await act(ann, top, "purge")
    assert "1 batches" in reply.problem(409, "conflict")["detail"]
    (await act(ann, top, "untrash")).expect(200)
    assert (await ann.get(f"/v1/batches/{batch}")).status == 200
    workspace = (await ann.get("/v1/projects?kind=workspace")).expect(200)["items"][0]["id"]
    (await ann.post(f"/v1/nodes/{batch}:move", {"parent": workspace})).expect(200)
    (await act(ann, top, "trash")).expect(200)
    (await act(ann, top, "purge")).expect(204)


async def test_a_workspace_goes_only_with_its_account(broker: Running) -> None:
    ann = await broker.client("ann")
    workspace = (await ann.get("/v1/projects")).expect(200)["items"][0]["id"]
    for http in (ann, broker.admin):
        reply = await act(http, workspace, "trash")
        reply.problem(422, "invalid_input")
        assert reply.pointers() == ["{node}"]
    (await act(ann, "pool:default", "trash")).problem(422, "invalid_input")


async def test_the_trash_of_an_unseen_project_looks_absent(broker: Running) -> None:
    ann, bob = await broker.client("ann"), await broker.client("bob")
    await project(ann, "p")
    unseen = await bob.get("/v1/trash?project=p")
    absent = await bob.get("/v1/trash?project=q")
    unseen.problem(404, "not_found")
    assert unseen.content.replace(b'"p', b'"q') == absent.content
