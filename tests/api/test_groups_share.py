"""Groups in the plan, over HTTP: siblings share first, then members."""

from tests.api.scene import job_of, scientist, submit
from tests.api.test_shares import row_of
from tests.support.running import Running


async def test_slots_go_to_groups_first_and_to_their_members_after(broker: Running) -> None:
    await broker.app()
    people = {name: await scientist(broker, name, quota=1.0) for name in ("ann", "bob", "cleo")}
    for name, weight, members in (("physics", 1, ("ann", "bob")), ("biology", 2, ("cleo",))):
        (await broker.admin.post("/v1/groups", {"name": name, "weight": weight})).expect(201)
        for member in members:
            (await broker.admin.put(f"/v1/groups/{name}/accounts/{member}")).expect(200)
    for http in people.values():
        await submit(http, 20)
    for name, http in people.items():
        await row_of(http, name, pending_jobs=20)  # an ask before that would be all ann's
    agent = await broker.agent(slots=12)
    await agent.leases(12)

    for name, slots in (("ann", 2), ("bob", 2), ("cleo", 8)):
        row = await row_of(people[name], name, allocated_slots=slots)
        assert abs(row["entitlement_slots"] - slots) < 0.1
    table = (await people["ann"].get("/v1/shares")).expect(200)
    rows = {row["group_name"]: row for row in table["groups"]}
    assert {name: row["allocated_slots"] for name, row in rows.items()} == {
        "physics": 4,
        "biology": 8,
    }
    assert abs(rows["biology"]["entitlement_slots"] - 8) < 0.1
    assert rows["physics"]["pending_jobs"] == 36


async def test_maximum_of_a_group_holds_and_is_told(broker: Running) -> None:
    await broker.app()
    ann = await scientist(broker, "ann", quota=1.0)
    (await broker.admin.post("/v1/groups", {"name": "lab", "maximum_slots": 3})).expect(201)
    (await broker.admin.put("/v1/groups/lab/accounts/ann")).expect(200)
    batch = await submit(ann, 8)
    agent = await broker.agent(slots=6)
    await agent.leases(3)
    await row_of(ann, "ann", allocated_slots=3, pending_jobs=5)
    told = (await ann.get(f"/v1/jobs/{job_of(batch, 7)}/explain")).expect(200)
    assert told["reason"] == "maximum_reached"
