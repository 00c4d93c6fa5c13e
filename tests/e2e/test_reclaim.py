"""Running jobs are taken back for an account below its share, in a pool that allows it."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.api.scene import scientist
from tests.faults.test_plan_fails import metric
from tests.support.http import Http
from tests.support.real_agents import real_agent
from tests.support.running import Running
from tests.support.until import until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

SLOTS = 4
SLEEP = {"command": ["sleep", "{seconds}"], "parameters": {"seconds": {"type": "number"}}}
RULES = {"minimum_run_seconds": 1, "grace_seconds": 5, "jobs_per_minute_max": 10}
POOL = "/v1/pools/default/preemption"
LOOKS = 3  # so often the leader looks again before a test believes that nothing more happens


@pytest.fixture
async def full(broker: Running, tmp_path: Path) -> AsyncIterator[tuple[Running, Http]]:
    """A host that bob's endless jobs fill, with two more of them waiting."""
    await broker.app("sleep", SLEEP)
    bob = await scientist(broker, "bob")
    async with real_agent(broker, tmp_path, "node", slots=SLOTS):
        await work(bob, SLOTS + 2)
        await until(lambda: runs(broker, bob=SLOTS))
        yield broker, bob


async def work(http: Http, jobs: int) -> str:
    body = {"app": "sleep", "jobs": [{"parameters": {"seconds": 600}}] * jobs}
    return str((await http.post("/v1/batches", body)).expect(201)["id"])


async def rows(broker: Running, statement: str) -> list[dict[str, Any]]:
    async with broker.services.database.connection() as connection:
        return [dict(row) for row in await connection.fetch(statement)]


async def runs(broker: Running, **expected: int) -> bool:
    """Whether accounts run so many jobs each, and nobody else any."""
    found = await rows(
        broker,
        "SELECT account.name, count(*) FROM job JOIN lane ON lane.id = job.lane_id"
        " JOIN account ON account.id = lane.account_id WHERE job.state = 'running' GROUP BY 1",
    )
    return {row["name"]: row["count"] for row in found} == expected


async def looked_again(broker: Running) -> None:
    """Waits until the leader has read what runs where some more times."""
    occupancy = broker.services.dispatch.memory.occupancy
    for _ in range(LOOKS):
        before = occupancy.read_at
        await until(lambda before=before: occupancy.read_at > before, 30)


async def test_an_account_below_its_share_gets_slots_back_and_no_more_than_its_share(
    full: tuple[Running, Http],
) -> None:
    broker, bob = full
    (await broker.admin.put(POOL, RULES)).expect(200)
    ann = await scientist(broker)
    await work(ann, 5)
    await until(lambda: runs(broker, ann=2, bob=2), 60)
    taken = await rows(
        broker, "SELECT job_id, outcome, debited_gpu_seconds AS debit FROM attempt ORDER BY 1"
    )
    assert [row["outcome"] for row in taken] == ["preempted"] * 2
    assert [row["debit"] for row in taken] == [0, 0]
    states = await rows(
        broker,
        f"SELECT state, failures FROM job WHERE id IN ({taken[0]['job_id']}, {taken[1]['job_id']})",
    )
    assert states == [{"state": "queued", "failures": 0}] * 2
    assert await metric(broker, "fairlead_jobs_reclaimed_total") == 2
    assert await metric(broker, "fairlead_reclaim_failures_total") == 0
    why = (await bob.get(f"/v1/jobs/job_{taken[0]['job_id']}/explain")).expect(200)
    assert why["reason"] == "share_reached"
    assert "Once its host handed it back" in why["sentence"]
    await looked_again(broker)
    assert await runs(broker, ann=2, bob=2), "slots went to and fro"
    assert await metric(broker, "fairlead_jobs_reclaimed_total") == 2


async def test_running_jobs_of_other_pools_are_left_alone(full: tuple[Running, Http]) -> None:
    broker, _ = full
    (await broker.admin.post("/v1/pools", {"name": "elsewhere", "open": True})).expect(201)
    (await broker.admin.put("/v1/pools/elsewhere/preemption", RULES)).expect(200)
    ann = await scientist(broker)
    await work(ann, 2)
    body = {"app": "sleep", "pool": "elsewhere", "jobs": [{"parameters": {"seconds": 600}}]}
    (await ann.post("/v1/batches", body)).expect(201)
    await looked_again(broker)
    assert await runs(broker, bob=SLOTS)
    assert await metric(broker, "fairlead_jobs_reclaimed_total") == 0


async def test_who_gets_a_slot_from_a_job_that_ends_takes_none_back(
    full: tuple[Running, Http],
) -> None:
    broker, bob = full
    (await broker.admin.put(POOL, {**RULES, "minimum_run_seconds": 3_600})).expect(200)
    ann = await scientist(broker)
    await work(ann, 1)
    await looked_again(broker)
    assert await metric(broker, "fairlead_jobs_reclaimed_total") == 0, "no job ran for an hour"
    (victim,) = await rows(broker, "SELECT id FROM job WHERE state = 'running' LIMIT 1")
    (await bob.post(f"/v1/jobs/job_{victim['id']}:cancel")).expect(200)
    await until(lambda: runs(broker, ann=1, bob=SLOTS - 1), 30)
