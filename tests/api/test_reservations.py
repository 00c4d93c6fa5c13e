"""Hosts held for a job of several GPUs, which narrow ones would starve: by limits of what runs."""

from typing import Any

import pytest

from broker.protocol.ids import JobId, parse
from tests.api.scene import job_of, scientist, submit
from tests.support.agent import Agent
from tests.support.http import Http
from tests.support.running import Running
from tests.support.until import until

GPU = {"model": "H100", "memory_mib": 80_000, "compute_capability": 9.0}
NARROW, WIDE = {"gpus": 1}, {"gpus": 2}


@pytest.fixture
async def agent(broker: Running) -> Agent:
    """A host with two GPUs."""
    return await broker.agent(slots=0, gpus=[{"uuid": f"GPU-{k}", **GPU} for k in range(2)])


@pytest.fixture
async def ann(broker: Running) -> Http:
    await broker.app()
    return await scientist(broker)


async def lease(agent: Agent, gpus: int) -> dict[str, Any]:
    """The one lease that comes for so many free GPUs."""
    (got,) = await agent.leases(1, free=0, free_gpus=gpus, free_gpus_by_kind=[gpus])
    return got


async def pass_over(broker: Running, job: str) -> None:
    """Makes it so that the job has been passed over often enough."""
    number = JobId(parse("job", job, ""))
    async with broker.services.database.connection() as connection:
        lane = await connection.fetchval("SELECT lane_id FROM job WHERE id = $1", number)
    backlog = broker.services.dispatch.memory.backlog
    await until(lambda: lane in backlog.lanes and backlog.lanes[lane].pending == 1)
    backlog.lanes[lane].skipped = 100


async def test_only_what_ends_in_time_may_use_a_host_that_is_held_for_a_wide_job(
    broker: Running, ann: Http, agent: Agent
) -> None:
    bob = await scientist(broker, "bob")
    await submit(bob, resources=NARROW, limits={"wall_seconds": 600})
    running = await lease(agent, 2)
    wide = job_of(await submit(ann, resources=WIDE))
    await pass_over(broker, wide)
    await submit(bob, resources=NARROW, limits={"wall_seconds": 3_600})
    short = job_of(await submit(bob, resources=NARROW, limits={"wall_seconds": 60}))
    backfilled = await lease(agent, 1)
    assert backfilled["job"] == short, "the long one would keep the wide job from starting"

    told: dict[str, Any] = {}

    async def is_held() -> bool:
        told.update((await ann.get(f"/v1/jobs/{wide}/explain")).expect(200))
        return told["numbers"]["starts_within_seconds"] is not None

    await until(is_held, told=lambda: told)
    assert 500 < told["numbers"]["starts_within_seconds"] <= 600
    assert told["reason"] == "no_free_slot"
    assert "Hosts are held for the next job of its queue" in told["sentence"]

    assert await agent.report([running, backfilled]) == ["ok", "ok"]
    assert (await lease(agent, 2))["job"] == wide
