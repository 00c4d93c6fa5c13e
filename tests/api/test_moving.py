"""Moving: rights at both ends, no circles, and what a moved thing is governed by afterwards."""

import asyncio

from tests.api.scene import scientist, submit
from tests.api.trees import folder, names, project, share
from tests.storage.test_nodes import WRONG
from tests.support.http import Http, Reply
from tests.support.running import Running


async def move(http: Http, node: str, parent: str) -> Reply:
    return await http.post(f"/v1/nodes/{node}:move", {"parent": parent})


async def shown(http: Http, node: str) -> dict[str, object]:
    found: dict[str, object] = (await http.get(f"/v1/nodes/{node}")).expect(200)
    return found


async def test_what_inherits_is_governed_by_its_new_place(broker: Running) -> None:
    ann, bob = await broker.client("ann"), await broker.client("bob")
    await project(ann, "p")
    await project(ann, "q", entries=[{"principal": "bob", "roles": ["reader"]}])
    outer = await folder(ann, "p", "outer")
    inner = await folder(ann, outer["id"], "inner")
    private = await folder(ann, outer["id"], "private")
    (await ann.post(f"/v1/nodes/{private['id']}:override", {})).expect(200)
    there = (await ann.get("/v1/projects/q")).expect(200)["id"]
    moved = (await move(ann, outer["id"], "q")).expect(200)
    assert (moved["parent"], moved["project"], moved["benefactor_id"]) == (there, there, there)
    assert (await shown(bob, inner["id"]))["benefactor_id"] == there
    assert (await shown(ann, private["id"]))["benefactor_id"] == private["id"]
    (await bob.get(f"/v1/nodes/{private['id']}")).problem(404, "not_found")
    assert await names(ann, "/v1/nodes/p/children") == []


async def test_moving_needs_rights_at_both_ends(broker: Running) -> None:
    ann, bob, eve = [await broker.client(name) for name in ("ann", "bob", "eve")]
    await project(ann, "p", entries=[{"principal": "bob", "roles": ["writer"]}])
    await project(bob, "q", entries=[{"principal": "ann", "roles": ["reader"]}])
    node = (await folder(ann, "p", "f"))["id"]
    before = await shown(ann, node)
    (await move(bob, node, "q")).problem(403, "forbidden")  # no `move` where it is
    (await move(eve, node, "q")).problem(404, "not_found")
    reply = await move(ann, node, "q")  # no `folder.create` where it goes
    reply.problem(403, "forbidden")
    assert reply.pointers() == ["/parent"]
    hers = (await eve.get("/v1/projects")).expect(200)["items"][0]["id"]
    unseen, absent = await move(ann, node, hers), await move(ann, node, "folder_9999")
    for reply in (unseen, absent):
        reply.problem(422, "invalid_input")
        assert reply.pointers() == ["/parent"]
    assert await shown(ann, node) == before
    await share(bob, "q", "ann", "editor")
    (await move(ann, node, "q")).expect(200)


async def test_nothing_lies_below_itself(broker: Running) -> None:
    ann = await broker.client("ann")
    await project(ann, "p")
    outer = (await folder(ann, "p", "outer"))["id"]
    inner = (await folder(ann, outer, "inner"))["id"]
    for parent in (outer, inner):
        reply = await move(ann, outer, parent)
        assert "below itself" in reply.problem(422, "invalid_input")["detail"]
        assert reply.pointers() == ["/parent"]
    assert (await shown(ann, inner))["parent"] == outer


async def test_a_moved_tree_is_bounded_in_depth(broker: Running) -> None:
    ann = await broker.client("ann")
    await project(ann, "p")
    here = "p"
    for _ in range(30):
        here = (await folder(ann, here, "f"))["id"]
    outer = (await folder(ann, "p", "outer"))["id"]
    await folder(ann, outer, "inner")
    reply = await move(ann, outer, here)
    assert "levels" in reply.problem(422, "invalid_input")["detail"]
    assert reply.pointers() == ["/parent"]
    assert set(await names(ann, "/v1/nodes/p/children")) == {"f", "outer"}


async def test_names_stay_unique_where_a_thing_goes(broker: Running) -> None:
    ann = await broker.client("ann")
    await project(ann, "p")
    await project(ann, "q")
    node = (await folder(ann, "p", "f"))["id"]
    await folder(ann, "q", "f")
    (await move(ann, node, "q")).problem(409, "name_taken")
    assert await names(ann, "/v1/nodes/p/children") == ["f"]


async def test_what_lies_on_top_stays_there(broker: Running) -> None:
    await broker.app()
    admin = broker.admin
    await project(admin, "p")
    await project(admin, "q")
    for node in ("p", "app:sleep", "pool:default"):
        reply = await move(admin, node, "q")
        reply.problem(422, "invalid_input")
        assert reply.pointers() == ["{node}"]
    for parent in ("deployment_1", "app:sleep", "pool:default"):
        node = (await folder(admin, "p", f"f{parent}"))["id"]
        reply = await move(admin, node, parent)
        reply.problem(422, "invalid_input")
        assert reply.pointers() == ["/parent"]


async def test_rules_H4_T11_a_batch_moves_into_a_project(broker: Running) -> None:
    await broker.app()
    ann, bob = await scientist(broker), await scientist(broker, "bob")
    await project(ann, "p", entries=[{"principal": "bob", "roles": ["reader"]}])
    plain, shared = await submit(ann), await submit(ann)
    (await ann.post(f"/v1/nodes/{shared}:override", {})).expect(200)
    for batch in (plain, shared):
        (await bob.get(f"/v1/batches/{batch}")).problem(404, "not_found")
        (await move(ann, batch, "p")).expect(200)
    assert (await bob.get(f"/v1/batches/{plain}")).status == 200
    (await bob.get(f"/v1/batches/{shared}")).problem(404, "not_found")  # keeps its own list
    (await move(bob, plain, "p")).problem(403, "forbidden")


async def test_two_moves_at_once_close_no_circle(broker: Running) -> None:
    ann = await broker.client("ann")
    for name in ("p", "q"):
        await project(ann, name)
    for number in range(5):
        one = (await folder(ann, "p", f"one{number}"))["id"]
        other = (await folder(ann, "q", f"other{number}"))["id"]
        replies = await asyncio.gather(move(ann, one, other), move(ann, other, one))
        assert sorted(reply.status for reply in replies) in ([200, 409], [200, 422])
    async with broker.services.database.connection() as connection:
        assert await connection.fetch(WRONG) == []


async def test_the_tree_stays_right_while_many_change_it(broker: Running) -> None:
    """Whatever wins: benefactor, project and depth of every node follow from parents and lists."""
    ann = await broker.client("ann")
    for name in ("p", "q"):
        await project(ann, name)
    outer = (await folder(ann, "p", "outer"))["id"]
    inner = (await folder(ann, outer, "inner"))["id"]
    for number in range(4):
        await asyncio.gather(
            move(ann, outer, "q" if number % 2 else "p"),
            ann.post(f"/v1/nodes/{inner}:override", {}),
            ann.post(f"/v1/nodes/{outer}:override", {}),
            ann.post("/v1/folders", {"parent": inner, "name": f"f{number}"}),
            ann.post(f"/v1/nodes/{inner}:restore"),
            ann.post(f"/v1/nodes/{outer}:restore"),
            ann.post(f"/v1/nodes/{inner}:trash"),
            ann.post(f"/v1/nodes/{inner}:untrash"),
        )
        async with broker.services.database.connection() as connection:
            assert await connection.fetch(WRONG) == []
            lost = "SELECT FROM acl JOIN node ON node.id = node_id WHERE benefactor_id <> node.id"
            assert await connection.fetch(lost) == []
