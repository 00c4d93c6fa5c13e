"""A host with GPUs and CPU slots: its cores and memory are those of all its jobs together."""

import pytest

from tests.api.scene import scientist, submit
from tests.api.test_shares import row_of
from tests.support.running import Running

GPU = {"uuid": "GPU-1", "model": "H100", "memory_mib": 80_000}
SIZES = {"cpus": {"cpus": 3}, "memory": {"memory_mib": 5_000}}
EMPTY = {"free_gpus": 1, "free_gpus_by_kind": [1], "free_cpus": 4, "free_memory_mib": 8_000}


@pytest.mark.parametrize("what", SIZES)
async def test_jobs_of_one_plan_on_different_devices_do_not_get_more_than_there_is(
    broker: Running, what: str
) -> None:
    await broker.app()
    ann = await scientist(broker)
    agent = await broker.agent(slots=2, cpus=4, memory_mib=8_000, gpus=[GPU])
    await submit(ann, resources={"gpus": 1, **SIZES[what]})
    await submit(ann, resources=SIZES[what])
    await row_of(ann, "ann", pending_jobs=2)
    reply = await agent.poll(2, **EMPTY)
    assert len(reply["leases"]) == 1
    full = {**EMPTY, "free_cpus": 1, "free_memory_mib": 3_000}
    assert (await agent.poll(1, wait=0.5, **full))["leases"] == []
    assert await agent.report(reply["leases"]) == ["ok"]
    assert len((await agent.poll(2, **EMPTY))["leases"]) == 1


async def test_what_fits_together_comes_at_once(broker: Running) -> None:
    await broker.app()
    ann = await scientist(broker)
    agent = await broker.agent(slots=2, cpus=4, memory_mib=8_000, gpus=[GPU])
    await submit(ann, resources={"gpus": 1, "cpus": 2, "memory_mib": 4_000})
    await submit(ann, 2, resources={"cpus": 1, "memory_mib": 2_000})
    await row_of(ann, "ann", pending_jobs=3)
    assert len((await agent.poll(2, **EMPTY))["leases"]) == 3
