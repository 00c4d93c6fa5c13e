"""A GPU that is whole and one that several jobs share, on one host with a real agent."""

from pathlib import Path
from typing import Any

from broker.protocol.resources import Gpu
from tests.api.scene import scientist
from tests.api.test_shares import row_of
from tests.support.real_agents import real_agent
from tests.support.running import Running
from tests.support.until import until
from workers.gpus import shared

SHOWS = {"command": ["sh", "-c", 'echo "$CUDA_VISIBLE_DEVICES"; exec sleep 600']}
WHOLE, SPLIT = (
    Gpu(uuid=uuid, model=f"Fake {uuid}", memory_mib=80_000, compute_capability=9.0)
    for uuid in ("GPU-whole", "GPU-split")
)


async def test_jobs_run_side_by_side_on_a_whole_gpu_and_on_shares_of_another(
    broker: Running, tmp_path: Path
) -> None:
    await broker.app("shows", SHOWS)
    ann = await scientist(broker)
    gpus = (WHOLE, *shared([SPLIT], 4))
    async with real_agent(broker, tmp_path, "node", slots=0, gpus=gpus):
        for resources, jobs in (({"gpus": 1, "gpu_eighths": 1}, 6), ({"gpus": 1}, 2)):
            body = {"app": "shows", "jobs": [{}] * jobs, "resources": resources}
            (await ann.post("/v1/batches", body)).expect(201)
        running: list[dict[str, Any]] = []

        async def five_run() -> bool:
            page = (await ann.get("/v1/jobs?state=running")).expect(200)
            running[:] = page["items"]
            return len(running) == 5

        await until(five_run, 60)
        seen: list[bytes] = []

        async def all_told() -> bool:
            paths = [f"/v1/jobs/{job['id']}/logs/stdout" for job in running]
            seen[:] = sorted([(await ann.get(path)).content for path in paths])
            return all(seen)

        await until(all_told, 60)
        assert seen == [b"GPU-split\n"] * 4 + [b"GPU-whole\n"]
        await row_of(ann, "ann", allocated_slots=2, pending_jobs=3)
        async with broker.services.database.connection() as connection:
            prices = await connection.fetch(
                "SELECT slot_eighths, count(*) FROM job WHERE state = 'running'"
                " GROUP BY slot_eighths ORDER BY slot_eighths"
            )
        assert [tuple(row) for row in prices] == [(2, 4), (8, 1)]
