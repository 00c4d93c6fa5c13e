"""Groups of accounts over HTTP: the tree, its bounds, membership, and two editors at once."""

import asyncio
from typing import Any

import pytest

from broker.protocol.limits import GROUP_LEVELS_MAX
from tests.support.http import Http, Reply
from tests.support.running import Running

GROUPS = "/v1/groups"


def etag(reply: Reply) -> str:
    return {name.lower(): value for name, value in reply.headers.items()}["etag"]


async def group(admin: Http, name: str, **more: Any) -> dict[str, Any]:
    made: dict[str, Any] = (await admin.post(GROUPS, {"name": name, **more})).expect(201)
    return made


async def test_a_group_comes_back_as_it_was_made(broker: Running) -> None:
    physics = await group(broker.admin, "physics", title="Physics", weight=3, maximum_slots=40)
    lab = await group(broker.admin, "lab-a", parent="physics", minimum_slots=0.5)
    assert (physics["weight"], physics["maximum_slots"], physics["parent"]) == (3, 40, None)
    assert (lab["parent"], lab["parent_name"]) == (physics["id"], "physics")
    ann = await broker.client("ann")
    assert (await ann.get(f"{GROUPS}/lab-a")).expect(200) == lab
    assert (await ann.get(f"{GROUPS}/{lab['id']}")).expect(200) == lab
    listed = (await ann.get(GROUPS)).expect(200)["items"]
    assert [each["name"] for each in listed] == ["lab-a", "physics"]
    (await broker.admin.post(GROUPS, {"name": "lab-a"})).problem(409, "name_taken")


async def test_rule_B10_only_admins_keep_groups(broker: Running) -> None:
    await group(broker.admin, "lab")
    ann = await broker.client("ann", submit_all_apps=True)
    for reply in (
        await ann.post(GROUPS, {"name": "mine"}),
        await ann.patch(f"{GROUPS}/lab", {"weight": 100}),
        await ann.put(f"{GROUPS}/lab/accounts/ann"),
        await ann.delete(f"{GROUPS}/lab/accounts/ann"),
        await ann.delete(f"{GROUPS}/lab"),
    ):
        reply.problem(403, "forbidden")


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        (b'{"name": "x", "weight": -1}', "/weight"),
        (b'{"name": "x", "weight": NaN}', "/weight"),
        (b'{"name": "x", "weight": 1e400}', "/weight"),
        (b'{"name": "x", "minimum_slots": -0.5}', "/minimum_slots"),
        (b'{"name": "x", "minimum_slots": NaN}', "/minimum_slots"),
        (b'{"name": "x", "minimum_slots": 5, "maximum_slots": 4}', "/maximum_slots"),
        (b'{"name": "x", "gpu_seconds_budget": -1}', "/gpu_seconds_budget"),
        (b'{"name": "x", "gpu_seconds_budget": 1, "budget_period_days": 0}', "/budget_period_days"),
        (b'{"name": "x", "budget_period_days": 7}', "/budget_period_days"),
        (b'{"name": "x", "jobs_in_progress_max": -1}', "/jobs_in_progress_max"),
        (b'{"name": "x", "parent": "nobody"}', "/parent"),
        (b'{"name": "x", "parent": "account_1"}', "/parent"),
        (b'{"name": "x_y"}', "/name"),
        (b'{"name": "x", "wieght": 1}', "/wieght"),
    ],
)
async def test_a_bad_field_is_named_and_nothing_is_stored(
    broker: Running, body: bytes, pointer: str
) -> None:
    reply = await broker.admin.post(GROUPS, body)
    reply.problem(422, "invalid_input")
    assert reply.pointers() == [pointer]
    assert (await broker.admin.get(GROUPS)).expect(200)["items"] == []


async def test_a_bad_change_is_named(broker: Running) -> None:
    before = await group(broker.admin, "lab", minimum_slots=2, maximum_slots=4)
    for body, pointer in (
        (b'{"minimum_slots": Infinity}', "/minimum_slots"),
        (b'{"parent": "nowhere"}', "/parent"),
        (b'{"parent": "account_1"}', "/parent"),
        (b'{"weight": -1}', "/weight"),
        (b'{"weight": NaN}', "/weight"),
        (b'{"minimum_slots": 5}', "/minimum_slots"),
        (b'{"maximum_slots": 1}', "/maximum_slots"),
        (b'{"budget_period_days": 3}', "/budget_period_days"),
    ):
        reply = await broker.admin.patch(f"{GROUPS}/lab", body)
        reply.problem(422, "invalid_input")
        assert reply.pointers() == [pointer], body
    assert (await broker.admin.get(f"{GROUPS}/lab")).expect(200) == before
    kept = (await broker.admin.patch(f"{GROUPS}/lab", {"maximum_slots": None})).expect(200)
    assert (kept["minimum_slots"], kept["maximum_slots"]) == (2, None)


async def test_no_group_comes_to_stand_above_itself(broker: Running) -> None:
    await group(broker.admin, "a")
    await group(broker.admin, "b", parent="a")
    await group(broker.admin, "c", parent="b")
    for parent in ("a", "b", "c"):
        reply = await broker.admin.patch(f"{GROUPS}/a", {"parent": parent})
        assert "above itself" in reply.problem(422, "invalid_input")["detail"]
        assert reply.pointers() == ["/parent"]
    assert (await broker.admin.get(f"{GROUPS}/a")).expect(200)["parent"] is None
    moved = (await broker.admin.patch(f"{GROUPS}/c", {"parent": None})).expect(200)
    assert moved["parent"] is None
    assert (await broker.admin.patch(f"{GROUPS}/a", {"parent": "c"})).expect(200)["parent"]


async def test_of_two_moves_that_would_close_a_circle_one_is_refused(broker: Running) -> None:
    await group(broker.admin, "a")
    await group(broker.admin, "b")
    replies = await asyncio.gather(
        broker.admin.patch(f"{GROUPS}/a", {"parent": "b"}),
        broker.admin.patch(f"{GROUPS}/b", {"parent": "a"}),
    )
    assert sorted(reply.status for reply in replies) in ([200, 409], [200, 422])
    parents = [(await broker.admin.get(f"{GROUPS}/{name}")).json["parent"] for name in "ab"]
    assert parents.count(None) == 1


async def test_the_tree_has_a_limit_of_levels(broker: Running) -> None:
    await group(broker.admin, "g1")
    for level in range(2, GROUP_LEVELS_MAX + 1):
        await group(broker.admin, f"g{level}", parent=f"g{level - 1}")
    reply = await broker.admin.post(GROUPS, {"name": "deep", "parent": f"g{GROUP_LEVELS_MAX}"})
    assert f"{GROUP_LEVELS_MAX} levels" in reply.problem(422, "invalid_input")["detail"]
    await group(broker.admin, "top")
    reply = await broker.admin.patch(f"{GROUPS}/g1", {"parent": "top"})
    reply.problem(422, "invalid_input")
    assert reply.pointers() == ["/parent"]


async def test_an_account_belongs_to_one_group(broker: Running) -> None:
    await group(broker.admin, "lab-a")
    await group(broker.admin, "lab-b")
    ann = await broker.client("ann")
    member = (await broker.admin.put(f"{GROUPS}/lab-a/accounts/ann")).expect(200)
    assert (member["account_name"], member["group_name"]) == ("ann", "lab-a")
    assert (await ann.get("/v1/accounts/ann/quota")).expect(200)["group_name"] == "lab-a"
    (await broker.admin.put(f"{GROUPS}/lab-b/accounts/ann")).expect(200)
    assert (await ann.get(f"{GROUPS}/lab-a/accounts")).expect(200)["items"] == []
    (only,) = (await ann.get(f"{GROUPS}/lab-b/accounts")).expect(200)["items"]
    assert only["account_name"] == "ann"
    assert (await ann.get(f"{GROUPS}/lab-b")).expect(200)["accounts"] == 1
    (await broker.admin.delete(f"{GROUPS}/lab-a/accounts/ann")).problem(404, "not_found")
    (await broker.admin.delete(f"{GROUPS}/lab-b")).problem(409, "conflict")
    (await broker.admin.delete(f"{GROUPS}/lab-b/accounts/ann")).expect(204)
    (await broker.admin.delete(f"{GROUPS}/lab-b")).expect(204)
    (await broker.admin.get(f"{GROUPS}/lab-b")).problem(404, "not_found")
    assert (await ann.get("/v1/accounts/ann/quota")).expect(200)["group"] is None


async def test_a_deleted_account_leaves_its_group(broker: Running) -> None:
    await group(broker.admin, "lab")
    await broker.client("ann")
    (await broker.admin.put(f"{GROUPS}/lab/accounts/ann")).expect(200)
    (await broker.admin.delete("/v1/accounts/ann")).expect(200)
    assert (await broker.admin.get(f"{GROUPS}/lab")).expect(200)["accounts"] == 0
    (await broker.admin.put(f"{GROUPS}/lab/accounts/ann")).problem(409, "conflict")


async def test_a_group_with_groups_stays(broker: Running) -> None:
    await group(broker.admin, "a")
    await group(broker.admin, "b", parent="a")
    (await broker.admin.delete(f"{GROUPS}/a")).problem(409, "conflict")


async def test_of_two_people_with_one_etag_one_wins(broker: Running) -> None:
    await group(broker.admin, "lab")
    tag = {"If-Match": etag(await broker.admin.get(f"{GROUPS}/lab"))}
    replies = await asyncio.gather(
        *(broker.admin.patch(f"{GROUPS}/lab", {"weight": 2 + n}, headers=tag) for n in range(4))
    )
    assert sorted(reply.status for reply in replies) == [200, 412, 412, 412]
    fresh = next(etag(reply) for reply in replies if reply.status == 200)
    again = await broker.admin.patch(f"{GROUPS}/lab", {"weight": 9}, headers={"If-Match": fresh})
    assert again.expect(200)["weight"] == 9


async def test_minima_above_the_fleet_are_accepted_and_told(broker: Running) -> None:
    agent = await broker.agent(slots=4)
    await agent.poll(wait=0)
    async with broker.services.database.connection() as connection:
        await connection.execute("UPDATE host SET last_seen_at = now()")
    fits = await group(broker.admin, "a", minimum_slots=3)
    assert fits["warnings"] == []
    more = await group(broker.admin, "b", minimum_slots=2)
    assert "sum up to 5 slots, and the fleet has 4" in more["warnings"][0]
    capped = await group(broker.admin, "c", maximum_slots=1)
    await broker.client("ann")
    (await broker.admin.put(f"{GROUPS}/c/accounts/ann")).expect(200)
    quota = await broker.admin.patch("/v1/accounts/ann/quota", {"minimum_slots": 2})
    assert "minima below group c sum up to 2 slots" in quota.expect(200)["warnings"][0]
    assert capped["warnings"] == []
