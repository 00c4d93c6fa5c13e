"""Who would get what: entitlements before and after, and nothing changed."""

from typing import Any

import pytest

from tests.api.scene import scientist, submit
from tests.api.test_groups import GROUPS, group
from tests.support.running import Running
from tests.support.until import until

PATH = "/v1/quotas:preview"


async def world(broker: Running) -> None:
    """physics (3) with ann (1) and bob (1), biology (1) with carl, and dan (1) beside them."""
    await group(broker.admin, "physics", weight=3)
    await group(broker.admin, "biology")
    for name, where in (("ann", "physics"), ("bob", "physics"), ("carl", "biology"), ("dan", "")):
        await scientist(broker, name)
        if where:
            (await broker.admin.put(f"{GROUPS}/{where}/accounts/{name}")).expect(200)


async def preview(broker: Running, **body: Any) -> dict[str, dict[str, Any]]:
    """Rows by name."""
    answer = (await broker.admin.post(PATH, body)).expect(200)
    return {row["name"]: row for row in answer["items"]}


ALL = [{"account": name} for name in ("ann", "bob", "carl", "dan")]


async def test_full_demand_shows_the_tree_before_and_after(broker: Running) -> None:
    await world(broker)
    body = {
        "demand": "full",
        "capacity_slots": 100,
        "accounts": [{"account": "ann", "weight": 3}, *ALL[1:]],
        "groups": [{"group": "biology", "weight": 6}],
    }
    answer = (await broker.admin.post(PATH, body)).expect(200)
    assert [(row["level"], row["name"]) for row in answer["items"]] == [
        (0, "biology"),
        (1, "carl"),
        (0, "physics"),
        (1, "ann"),
        (1, "bob"),
        (0, "dan"),
    ]
    due = {
        row["name"]: (row["entitlement_slots_before"], row["entitlement_slots_after"])
        for row in answer["items"]
    }
    assert due == {
        "biology": pytest.approx((20, 60)),
        "carl": pytest.approx((20, 60)),
        "physics": pytest.approx((60, 30)),
        "ann": pytest.approx((30, 22.5)),
        "bob": pytest.approx((30, 7.5)),
        "dan": pytest.approx((20, 10)),
    }
    assert (await broker.admin.get(f"{GROUPS}/biology")).expect(200)["weight"] == 1
    assert (await broker.admin.get("/v1/accounts/ann/quota")).expect(200)["quota"] == 1


async def test_bounds_and_moves_count(broker: Running) -> None:
    await world(broker)
    rows = await preview(
        broker,
        demand="full",
        capacity_slots=100,
        accounts=[{"account": "dan", "group": "physics", "minimum_slots": 30}, *ALL[:3]],
        groups=[{"group": "biology", "maximum_slots": 5}],
    )
    assert rows["biology"]["entitlement_slots_after"] == pytest.approx(5)
    assert rows["physics"]["entitlement_slots_after"] == pytest.approx(95)
    assert rows["dan"]["level"] == 1
    assert rows["dan"]["entitlement_slots_after"] == pytest.approx(95 / 3, rel=0.01)
    moved = [{"group": "biology", "parent": "physics"}]
    rows = await preview(broker, demand="full", capacity_slots=100, accounts=ALL, groups=moved)
    assert rows["carl"]["level"] == 2
    assert rows["biology"]["entitlement_slots_after"] == pytest.approx(25)


async def test_present_demand_is_that_of_the_last_plan(broker: Running) -> None:
    await broker.app()
    await world(broker)
    agent = await broker.agent(slots=8)
    await agent.poll(wait=0)
    ann = await broker.client("eve", submit_all_apps=True)
    await submit(ann, 6)
    await agent.leases(6)

    async def seen() -> bool:
        rows = await preview(broker, accounts=[{"account": "eve"}])
        return bool("eve" in rows and rows["eve"]["demand_slots"] == 6)

    await until(seen)
    rows = await preview(broker, accounts=[{"account": "eve", "maximum_slots": 2}])
    assert rows["eve"]["entitlement_slots_before"] == pytest.approx(6)
    assert rows["eve"]["entitlement_slots_after"] == pytest.approx(2)
    assert rows["physics"]["demand_slots"] == 0


async def test_what_makes_no_sense_is_named(broker: Running) -> None:
    await world(broker)
    for body, pointer in (
        ({"accounts": [{"account": "nobody"}]}, "/accounts/0/account"),
        ({"groups": [{"group": "nothing"}]}, "/groups/0/group"),
        ({"groups": [{"group": "physics", "weight": -1}]}, "/groups/0/weight"),
        ({"groups": [{"group": "physics", "parent": "physics"}]}, "/groups/0/parent"),
        ({"groups": [{"group": "physics", "parent": "nothing"}]}, "/groups/0/parent"),
        (
            {"groups": [{"group": "physics", "minimum_slots": 3, "maximum_slots": 2}]},
            "/groups/0/minimum_slots",
        ),
        ({"accounts": [{"account": "ann", "group": "nothing"}]}, "/accounts/0/group"),
        ({"accounts": [{"account": "ann"}, {"account": "ann"}]}, "/accounts/1/account"),
        ({"groups": [{"group": "physics"}, {"group": "physics"}]}, "/groups/1/group"),
        ({"capacity_slots": -1}, "/capacity_slots"),
        ({"demand": "some"}, "/demand"),
    ):
        reply = await broker.admin.post(PATH, body)
        reply.problem(422, "invalid_input")
        assert reply.pointers() == [pointer], body
    for bad in (b"-1", b"NaN", b"Infinity"):
        body_if = b'{"accounts": [{"account": "ann", "weight": %s}]}' % bad
        reply = await broker.admin.post(PATH, body_if)
        reply.problem(422, "invalid_input")
        assert reply.pointers() == ["/accounts/0/weight"]
    circle = [{"group": "physics", "parent": "biology"}, {"group": "biology", "parent": "physics"}]
    reply = await broker.admin.post(PATH, {"groups": circle})
    assert reply.problem(422, "invalid_input")
    assert reply.pointers() == ["/groups/1/parent"]


async def test_rule_B10_previews_are_for_those_who_set_quotas(broker: Running) -> None:
    ann = await broker.client("ann")
    (await ann.post(PATH, {})).problem(403, "forbidden")
