"""Preemption with a real agent: the job writes a checkpoint on TERM and goes on from it."""

from pathlib import Path
from typing import Any

from broker.protocol.ids import JobId, parse
from broker.services.hosts import preemption
from tests.api.scene import scientist
from tests.support.real_agents import real_agent
from tests.support.running import Running
from tests.support.until import until

# Runs for ever the first time; the second time it finds what it wrote when it was told to stop.
RESUMES = """
import os, pathlib, signal, sys, time
kept = pathlib.Path(os.environ["FAIRLEAD_CHECKPOINT_DIR"]) / "step"
if kept.exists():
    pathlib.Path("result.txt").write_text("went on from " + kept.read_text())
    sys.exit()
def save(*_):
    kept.write_text("7")
    sys.exit()
signal.signal(signal.SIGTERM, save)
print("ready", flush=True)
time.sleep(600)
"""
SPEC = {
    "command": ["{python}", "main.py"],
    "files": {"main.py": RESUMES},
    "outputs": {"result.txt": {}},
}


async def test_a_preempted_job_goes_on_from_its_checkpoint_on_the_same_host(
    broker: Running, tmp_path: Path
) -> None:
    await broker.app("resumes", SPEC)
    ann = await scientist(broker)
    rules = {"minimum_run_seconds": 0, "grace_seconds": 10}
    async with real_agent(broker, tmp_path, "node") as agent:
        (await broker.admin.put("/v1/pools/default/preemption", rules)).expect(200)
        receipt = (await ann.post("/v1/batches", {"app": "resumes", "jobs": [{}]})).expect(201)
        job = receipt["first_job"]

        async def log() -> bytes:
            return (await ann.get(f"/v1/jobs/{job}/logs/stdout")).content

        async def is_ready() -> bool:
            return await log() == b"ready\n"

        await until(is_ready)
        number, s = JobId(parse("job", job, "")), broker.services
        assert await preemption.request(s.database, s.queues, s.waiting, [(number, 1)]) == [number]
        found: dict[str, Any] = {}

        async def over() -> bool:
            found.update((await ann.get(f"/v1/jobs/{job}")).expect(200))
            return found["finished_at"] is not None

        await until(over, 60)
        assert found["state"] == "succeeded", found["attempts"]
        first, second = found["attempts"]
        assert (first["outcome"], first["debited_gpu_seconds"]) == ("preempted", 0)
        assert (second["outcome"], second["epoch"]) == ("succeeded", 2)
        result = await ann.get(f"/v1/jobs/{job}/outputs/result.txt")
        assert result.content == b"went on from 7"
        await until(lambda: not agent.state.checkpoint(number).exists())
