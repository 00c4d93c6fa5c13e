"""Isolation classes of apps: what others see of a batch, stamped when it is submitted."""

from typing import Any

import pytest

from broker.protocol.nodes import Role
from tests.api.scene import job_of, put_output, scientist
from tests.api.sse import stream
from tests.support.http import Http
from tests.support.places import folder, project, share, trash
from tests.support.running import Running

WRITER = {"command": ["true"], "outputs": {"result.txt": {"required": False}}}
LISTS = ("/v1/batches", "/v1/batches?app=kind", "/v1/batches?account=ann", "/v1/jobs")


async def ids(http: Http, path: str) -> list[str]:
    return [item["id"] for item in (await http.get(path)).expect(200)["items"]]


async def kind(broker: Running, isolation: str, **fields: Any) -> None:
    """An app with one published version."""
    body = {"name": "kind", "isolation": isolation, **fields}
    made = (await broker.admin.post("/v1/apps", body)).expect(201)
    assert made["isolation"] == isolation
    spec = {"spec": WRITER}
    (await broker.admin.post(f"/v1/apps/{made['id']}/versions", spec)).expect(201)


async def run(http: Http, **more: Any) -> str:
    """A batch of one job."""
    body = {"app": "kind", "jobs": [{}], **more}
    return str((await http.post("/v1/batches", body)).expect(201)["id"])


async def ran(broker: Running, http: Http) -> str:
    """A batch of one job that has written its output."""
    batch = await run(http)
    agent = await broker.agent()
    (lease,) = await agent.leases()
    uploaded = await put_output(agent, lease, "result.txt", b"42")
    await agent.report([lease], outputs=[uploaded])
    return batch


async def test_rule_H8_a_shared_kind_is_seen_with_its_outputs_unless_made_private(
    broker: Running,
) -> None:
    await kind(broker, "shared")
    ann, bob = await scientist(broker), await broker.client("bob")
    batch = await ran(broker, ann)
    for path in LISTS[:3]:
        assert await ids(bob, path) == [batch], path
    assert (await bob.get(f"/v1/batches/{batch}")).expect(200)["isolation"] == "shared"
    outputs = f"/v1/jobs/{job_of(batch)}/outputs"
    assert len((await bob.get(outputs)).expect(200)["items"]) == 1
    assert (await bob.get(f"{outputs}/result.txt")).status == 200
    for verb in ("cancel", "rerun", "unshare"):
        (await bob.post(f"/v1/batches/{batch}:{verb}", {})).problem(403, "forbidden")
    (await broker.anonymous.get(f"/v1/batches/{batch}")).problem(401, "unauthenticated")

    private = await run(ann, private=True)
    (await bob.get(f"/v1/batches/{private}")).problem(404, "not_found")
    assert await ids(bob, "/v1/batches") == [batch]

    made_private = (await ann.post(f"/v1/batches/{batch}:unshare")).expect(200)
    assert made_private["isolation"] == "personal"
    for path in LISTS:
        assert await ids(bob, path) == [], path
    (await bob.get(outputs)).problem(404, "not_found")
    assert await ids(ann, "/v1/batches") == [private, batch]


async def test_rule_H9_a_read_shared_kind_is_viewable_by_all_and_its_authors_alone_to_change(
    broker: Running,
) -> None:
    await kind(broker, "read_shared")
    ann, bob = await scientist(broker), await broker.client("bob")
    batch = await ran(broker, ann)
    assert await ids(bob, "/v1/batches") == [batch]
    (await bob.get(f"/v1/jobs/{job_of(batch)}")).expect(200)
    (await bob.get(f"/v1/jobs/{job_of(batch)}/outputs")).problem(403, "forbidden")
    (await bob.post(f"/v1/batches/{batch}:cancel")).problem(403, "forbidden")
    (await ann.get(f"/v1/jobs/{job_of(batch)}/outputs")).expect(200)
    (await ann.post(f"/v1/batches/{batch}:cancel")).expect(200)


async def test_rule_H10_a_strictly_personal_kind_is_hidden_from_every_admin(
    broker: Running,
) -> None:
    await kind(broker, "strict_personal")
    keeper = await broker.client("keeper", apps={"kind": {"admin": True}})
    ann = await scientist(broker)
    batch = await ran(broker, ann)
    assert await ids(ann, "/v1/batches") == [batch]
    for who in (keeper, broker.admin):
        (await who.get(f"/v1/batches/{batch}")).problem(404, "not_found")
        (await who.get(f"/v1/jobs/{job_of(batch)}/outputs")).problem(404, "not_found")
        (await who.post(f"/v1/batches/{batch}:cancel")).problem(404, "not_found")
        for path in LISTS:
            assert await ids(who, path) == [], path


async def test_rules_B4_H7_a_personal_kind_shows_nothing_to_others(broker: Running) -> None:
    await kind(broker, "personal")
    ann, bob = await scientist(broker), await scientist(broker, "bob")
    batch = await run(ann)
    (await bob.get(f"/v1/batches/{batch}")).problem(404, "not_found")
    assert await ids(bob, "/v1/batches") == []


async def test_rules_H8_T12_events_of_a_shared_batch_are_told_and_of_a_private_one_not(
    broker: Running,
) -> None:
    await kind(broker, "shared")
    ann, bob = await scientist(broker), await broker.client("bob")
    async with stream(bob, "/v1/events") as events:
        await run(ann, private=True)
        shared = await run(ann)
        assert (await events.data())["batch"] == shared


async def test_another_class_changes_only_what_is_submitted_from_now_on(broker: Running) -> None:
    await kind(broker, "personal")
    ann, bob = await scientist(broker), await broker.client("bob")
    keeper = await broker.client("keeper", apps={"kind": {"admin": True}})
    before = await run(ann)
    changed = (await keeper.patch("/v1/apps/kind", {"isolation": "shared"})).expect(200)
    assert changed["isolation"] == "shared"
    after = await run(ann)
    assert await ids(bob, "/v1/batches") == [after]
    (await bob.get(f"/v1/batches/{before}")).problem(404, "not_found")
    again = (await ann.post(f"/v1/batches/{before}:rerun", {"only": "all"})).expect(201)["id"]
    (await bob.get(f"/v1/batches/{again}")).problem(404, "not_found")

    (await keeper.patch("/v1/apps/kind", {"isolation": "strict_personal"})).expect(200)
    strict = (await ann.post(f"/v1/batches/{after}:rerun", {"only": "all"})).expect(201)["id"]
    (await keeper.get(f"/v1/batches/{strict}")).problem(404, "not_found")
    assert await ids(bob, "/v1/batches") == [after]


async def test_only_who_may_share_an_app_changes_its_class(broker: Running) -> None:
    ed = await broker.client("ed")
    await project(broker, "lab", [(ed, Role.EDITOR)])
    await kind(broker, "personal", project="lab")
    path = "/v1/apps/lab%2Fkind"
    (await ed.patch(path, {"title": "Kind", "isolation": "personal"})).expect(200)
    (await ed.patch(path, {"isolation": "shared"})).problem(403, "forbidden")
    assert (await ed.get(path)).expect(200)["isolation"] == "personal"


async def test_what_is_shared_is_shared_with_those_who_see_the_app(broker: Running) -> None:
    ann, bob, eve = [await broker.client(name) for name in ("ann", "bob", "eve")]
    node = await project(broker, "lab", [(ann, Role.EXECUTOR), (bob, Role.READER)])
    await kind(broker, "shared", project="lab")
    own = await run(ann, app="lab/kind")  # in ann's workspace
    assert await ids(bob, "/v1/batches") == [own]
    (await eve.get(f"/v1/batches/{own}")).problem(404, "not_found")
    await share(broker, node, [(ann, Role.EXECUTOR), (eve, Role.READER)])
    assert await ids(bob, "/v1/batches") == []
    (await bob.get(f"/v1/batches/{own}")).problem(404, "not_found")
    assert await ids(eve, "/v1/batches") == [own]


@pytest.mark.parametrize("isolation", ["shared", "read_shared"])
async def test_what_lies_in_the_trash_is_not_shared(broker: Running, isolation: str) -> None:
    await kind(broker, isolation)
    ann, bob = await scientist(broker), await broker.client("bob")
    lab = await project(broker, "lab", [(ann, Role.EXECUTOR)])
    place = await folder(broker, lab, "f", [(ann, Role.EXECUTOR)])
    batch = await run(ann, project=f"folder_{place}")
    assert await ids(bob, "/v1/batches") == [batch]
    await trash(broker, place)
    assert await ids(bob, "/v1/batches") == []
    (await bob.get(f"/v1/batches/{batch}")).problem(404, "not_found")
