"""Parts of GPUs over HTTP: leases by kind, prices, shares, and what is said where none suits."""

import asyncio
from typing import Any

import pytest

from tests.api.scene import job_of, scientist, submit
from tests.api.test_explain import explained
from tests.api.test_shares import row_of
from tests.support.agent import Agent
from tests.support.http import Http
from tests.support.running import Running
from tests.support.until import until

H100 = {"model": "H100", "memory_mib": 80_000, "compute_capability": 9.0}
WHOLE = {"uuid": "GPU-1", **H100}
EIGHTH = {"uuid": "MIG-1", **H100, "model": "H100 MIG 1g.10gb", "memory_mib": 9_984, "eighths": 1}
GPU = {"gpus": 1}
PART = {"gpus": 1, "gpu_eighths": 1}


async def mixed(broker: Running, *gpus: dict[str, Any]) -> Agent:
    """A host with a whole GPU and seven parts of 1/8, or these GPUs."""
    return await broker.agent(slots=0, gpus=list(gpus or [WHOLE, *[EIGHTH] * 7]))


async def leases(agent: Agent, *by_kind: int) -> list[dict[str, Any]]:
    """As many leases as GPUs are offered, by kind."""
    offer = {"free": 0, "free_gpus": sum(by_kind), "free_gpus_by_kind": list(by_kind)}
    return await agent.leases(sum(by_kind), **offer)


async def grow_older(broker: Running, seconds: float) -> None:
    """Lets all live leases have begun so long ago."""
    async with broker.services.database.connection() as connection:
        await connection.execute(
            "UPDATE job SET leased_at = leased_at - $1 * interval '1 second'"
            " WHERE state IN ('leased', 'running')",
            seconds,
        )


async def debits(broker: Running) -> dict[str, float]:
    """GPU-seconds that the ledger holds against each account."""
    async with broker.services.database.connection() as connection:
        rows = await connection.fetch(
            "SELECT name, sum(amount) FROM ledger JOIN account ON account.id = account_id"
            " WHERE kind = 'debit' GROUP BY name"
        )
    return dict(rows)


@pytest.fixture
async def ann(broker: Running) -> Http:
    await broker.app()
    return await scientist(broker)


async def test_a_mixed_host_leases_both_kinds_at_once_and_each_job_pays_for_its_part(
    broker: Running, ann: Http
) -> None:
    agent = await mixed(broker)
    await submit(ann, 3, resources=GPU)
    await submit(ann, 3, resources=PART)
    await row_of(ann, "ann", pending_jobs=6)
    got = await leases(agent, 1, 3)
    assert sorted((lease["resources"]["gpu_eighths"], lease["gpu_kind"]) for lease in got) == [
        (1, 1), (1, 1), (1, 1), (8, 0),
    ]  # fmt: skip
    part = next(lease["job"] for lease in got if lease["gpu_kind"] == 1)
    answer = (await ann.get(f"/v1/jobs/{part}/explain")).expect(200)
    assert answer["numbers"]["slots"] == 0.125
    row = await row_of(ann, "ann", allocated_slots=1.375, pending_jobs=2)
    assert row["entitlement_slots"] == pytest.approx(1.875)
    assert (await ann.get("/v1/shares")).expect(200)["capacity_slots"] == 1.875

    await grow_older(broker, 100)
    assert await agent.report(got, usage={"wall_seconds": 80}) == ["ok"] * 4
    async with broker.services.database.connection() as connection:
        ledger = await connection.fetch("SELECT kind, amount FROM ledger ORDER BY kind, amount")
    assert [amount for kind, amount in ledger if kind == "debit"] == [10, 10, 10, 80]
    credits = [amount for kind, amount in ledger if kind == "credit"]
    assert credits == pytest.approx([credits[3] / 8] * 3 + [credits[3]])
    row = await row_of(ann, "ann", allocated_slots=0)
    assert row["usage_gpu_seconds"] == pytest.approx(110, rel=0.01)


async def test_the_kind_of_a_lease_is_told_again_to_a_host_that_did_not_hear_it(
    broker: Running, ann: Http
) -> None:
    agent = await mixed(broker)
    await submit(ann, resources=PART)
    (first,) = await agent.leases(free=0, free_gpus=8, free_gpus_by_kind=[1, 7])
    agent.held.clear()
    (again,) = await agent.leases()
    assert again == first
    assert again["gpu_kind"] == 1


async def test_shares_follow_quotas_in_gpu_seconds_and_not_in_devices(start_broker: Any) -> None:
    broker = await start_broker(half_life_seconds=1_800)
    await broker.app()
    people = [await scientist(broker, name) for name in ("ann", "bob")]
    agent = await mixed(broker)
    for who in people:
        await submit(who, 30, resources=GPU)
        await submit(who, 60, resources=PART)
    for name in ("ann", "bob"):
        await row_of(people[0], name, pending_jobs=90)
    for done in range(1, 7):
        got = await leases(agent, 1, 7)
        await grow_older(broker, 100)
        await agent.report(got, usage={"wall_seconds": 80})
        both = await debits(broker)
        assert sum(both.values()) == pytest.approx(done * 80 * 1.875)
        for name, used in both.items():  # history is what evens it out here
            await until_used(people[0], name, used)
    assert abs(both["ann"] - both["bob"]) <= 80  # one whole GPU for one job


async def until_used(http: Http, name: str, gpu_seconds: float) -> None:
    """The plan has heard of what was used."""

    async def heard() -> bool:
        row = await row_of(http, name)
        return abs(row["usage_gpu_seconds"] - gpu_seconds) < 0.05 * gpu_seconds

    await until(heard)


async def test_a_maximum_in_slots_bounds_parts_by_their_size(broker: Running, ann: Http) -> None:
    capped = {"maximum_slots": 0.375}
    (await broker.admin.patch("/v1/accounts/ann/quota", capped)).expect(200)
    agent = await mixed(broker)
    job = job_of(await submit(ann, 5, resources=PART), 4)
    await row_of(ann, "ann", pending_jobs=5)
    got = await agent.leases(3, free=0, free_gpus=8, free_gpus_by_kind=[1, 7])
    assert len(got) == 3
    answer = await explained(ann, job, "maximum_reached")
    assert "holds 0.375 slots" in answer["sentence"]
    assert answer["numbers"]["slots_wanted"] == 0.125


async def test_a_minimum_in_slots_comes_before_weights(broker: Running, ann: Http) -> None:
    bob = await scientist(broker, "bob", quota=0.001)
    (await broker.admin.patch("/v1/accounts/bob/quota", {"minimum_slots": 0.5})).expect(200)
    agent = await mixed(broker, *[EIGHTH] * 7)
    for who, name in ((ann, "ann"), (bob, "bob")):
        await submit(who, 9, resources=PART)
        await row_of(ann, name, pending_jobs=9)
    await leases(agent, 7)
    await row_of(ann, "bob", allocated_slots=0.5)
    await row_of(ann, "ann", allocated_slots=0.375)


async def test_a_gang_of_parts_pays_for_a_part_of_each_host(broker: Running, ann: Http) -> None:
    agents = [await broker.agent(f"h{n}", slots=0, gpus=[WHOLE, EIGHTH]) for n in range(2)]
    await submit(ann, resources={**PART, "hosts": 2})
    offer = {"free": 0, "free_gpus": 2, "free_gpus_by_kind": [1, 1]}
    members = await asyncio.gather(*(agent.leases(1, **offer) for agent in agents))
    assert [lease["gpu_kind"] for (lease,) in members] == [1, 1]
    await grow_older(broker, 100)
    for agent, got in zip(agents, members, strict=True):
        assert await agent.report(got, usage={"wall_seconds": 80}) == ["ok"]
    assert await debits(broker) == {"ann": 20}


async def test_a_waiting_part_is_explained_in_eighths(broker: Running, ann: Http) -> None:
    agent = await mixed(broker, WHOLE, EIGHTH)
    job = job_of(await submit(ann, 2, resources=PART), 1)
    await row_of(ann, "ann", pending_jobs=2)
    await agent.leases(1, free=0, free_gpus=2, free_gpus_by_kind=[1, 1])
    answer = await explained(ann, job, "share_reached")
    assert "holds 0.125 slots, and 0.125 of 1.12 are its share now" in answer["sentence"]


async def test_another_pool_is_named_only_where_it_has_such_a_part_free(
    broker: Running, ann: Http
) -> None:
    await mixed(broker, EIGHTH)
    job = job_of(await submit(ann, resources=PART))
    offer = {"free": 0, "free_gpus": 1, "wait": 20}
    others = {"whole": WHOLE, "small": EIGHTH, "large": {**EIGHTH, "eighths": 4}}
    agents = [
        await broker.agent(pool, pool=pool, slots=0, gpus=[gpu]) for pool, gpu in others.items()
    ]

    async def pool_now() -> Any:
        return (await ann.get(f"/v1/jobs/{job}/explain")).expect(200)["pool_now"]

    async def named(pool: str) -> None:
        async def told() -> bool:
            return bool(await pool_now() == pool)

        await until(told)

    polls = [asyncio.create_task(agent.poll(**offer)) for agent in agents[:2]]
    await named("small")
    polls += [asyncio.create_task(agents[2].poll(**offer))]
    await named("large")  # most is free there
    for poll in polls:
        poll.cancel()
    await asyncio.gather(*polls, return_exceptions=True)


async def test_parts_that_a_pool_does_not_have_are_refused_with_what_it_has(
    broker: Running, ann: Http
) -> None:
    body = {"app": "sleep", "jobs": [{"parameters": {}}], "resources": {**PART, "gpu_eighths": 2}}
    early = job_of((await ann.post("/v1/batches", body)).expect(201)["id"])  # no hosts yet
    await mixed(broker)
    reply = await ann.post("/v1/batches", body)
    (problem,) = reply.problem(422, "invalid_input")["errors"]
    assert problem["pointer"] == "/resources/gpu_eighths"
    assert "no host has a part of at least 2/8 of a GPU; the largest is 1/8" in problem["detail"]
    answer = await explained(ann, early, "no_suitable_host")
    assert (
        "a part of at least 2/8 of a GPU (the nearest host has parts of 1/8)"
        in (answer["sentence"])
    )


async def test_bad_parts_are_refused_by_field(broker: Running, ann: Http) -> None:
    for resources in ({"gpus": 2, "gpu_eighths": 4}, {"gpu_eighths": 4}):
        body = {"app": "sleep", "jobs": [{}], "resources": resources}
        reply = await ann.post("/v1/batches", body)
        (problem,) = reply.problem(422, "invalid_input")["errors"]
        assert problem["pointer"] == "/resources/gpu_eighths"
        assert "one part at most" in problem["detail"]
    agent = await mixed(broker)
    offer = {"free_slots": 0, "free_gpus": 2, "free_gpus_by_kind": [1, 2]}
    reply = await agent.http.post(f"/v1/hosts/{agent.host}:poll", offer)
    (problem,) = reply.problem(422, "invalid_input")["errors"]
    assert problem["pointer"] == "/free_gpus_by_kind"


async def test_minima_beyond_the_fleet_count_parts_by_their_size(
    broker: Running, ann: Http
) -> None:
    agent = await mixed(broker)
    await agent.poll(wait=0, free=0)
    change = {"minimum_slots": 1.875}
    reply = (await broker.admin.patch("/v1/accounts/ann/quota", change)).expect(200)
    assert reply["warnings"] == []
    change = {"minimum_slots": 2}
    reply = (await broker.admin.patch("/v1/accounts/ann/quota", change)).expect(200)
    assert "the fleet has 1.88" in str(reply["warnings"])
