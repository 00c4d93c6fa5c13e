"""Jobs a second, end to end: submitted over HTTP, leased, reported, everything durable.

    python -m loadtests.bench_dispatch [--jobs 100000] [--hosts 16] [--json]

N no-op jobs are submitted as NDJSON in batches; agents inside this process speak the real pull
protocol over HTTP (poll, then report) and run nothing. The clock runs from the first byte of the
first submission until the last report is answered. The floor is measured in the same run, on the
same servers (loadtests/floor.py).
"""

import argparse
import asyncio
import time
from dataclasses import dataclass

import orjson
import uvloop

from loadtests.floor import floor_jobs_per_second
from loadtests.stand import Stand, cpu_us_per, emit, stand

SUBMITTERS = 2
JOBS_PER_BATCH = 10_000
SLOTS_PER_HOST = 500


@dataclass
class Progress:
    """Shared by the agents of one run."""

    jobs: int
    done: int = 0

    @property
    def finished(self) -> bool:
        return self.done >= self.jobs


async def submit(stand: Stand, token: str, jobs: int) -> None:
    """Submits jobs in NDJSON batches, one after the other."""
    for first in range(0, jobs, JOBS_PER_BATCH):
        count = min(JOBS_PER_BATCH, jobs - first)
        lines = [b'{"app":"noop"}', *(b'{"parameters":{"x":%d}}' % k for k in range(count))]
        await stand.call(
            "POST",
            "/v1/batches",
            b"\n".join(lines),
            token=token,
            headers={"Content-Type": "application/x-ndjson"},
        )


async def agent(stand: Stand, host: str, token: str, progress: Progress) -> None:
    """One host: polls, and reports what it got at once."""
    poll = orjson.dumps({"free_slots": SLOTS_PER_HOST, "wait_seconds": 1})
    while not progress.finished:
        answer = await stand.call("POST", f"/v1/hosts/{host}:poll", poll, token=token)
        leases = answer["leases"]
        if not leases:
            continue
        reports = [
            {
                "job": lease["job"],
                "epoch": lease["epoch"],
                "outcome": "succeeded",
                "exit_code": 0,
                "usage": {"wall_seconds": 0.001},
            }
            for lease in leases
        ]
        answer = await stand.call("POST", "/v1/leases:report", {"reports": reports}, token=token)
        assert all(a["status"] == "ok" for a in answer["answers"]), answer["answers"][:3]
        progress.done += len(leases)


async def run(jobs: int, hosts: int) -> dict[str, float | int]:
    """One whole measurement."""
    async with stand(lease_seconds="600") as s:
        await s.app()
        tokens = [await s.account(f"scientist-{k}") for k in range(SUBMITTERS)]
        joined = [await s.host(f"host-{k}", SLOTS_PER_HOST) for k in range(hosts)]
        floor = await floor_jobs_per_second(s.database_url, jobs)

        # warm: compiled kernels, prepared statements, caches
        warm = Progress(1_000)
        await asyncio.gather(
            submit(s, tokens[0], warm.jobs), *(agent(s, h, t, warm) for h, t in joined)
        )

        progress = Progress(jobs)
        cpu = s.cpu_by_part()
        started = time.perf_counter()
        share = jobs // SUBMITTERS
        parts = [share] * (SUBMITTERS - 1) + [jobs - share * (SUBMITTERS - 1)]
        submitted = asyncio.gather(
            *(submit(s, token, part) for token, part in zip(tokens, parts, strict=True))
        )
        work = [asyncio.create_task(agent(s, h, t, progress)) for h, t in joined]
        await submitted
        accepted = time.perf_counter() - started
        await asyncio.gather(*work)
        elapsed = time.perf_counter() - started
        spent = s.cpu_spent(cpu)
        return {
            "jobs": jobs,
            "hosts": hosts,
            "jobs_per_second": jobs / elapsed,
            "floor_jobs_per_second": floor,
            "ratio_to_floor": jobs / elapsed / floor,
            "accepted_after_seconds": accepted,
            "elapsed_seconds": elapsed,
            **cpu_us_per("job", spent, jobs),
            "broker_memory_mib": s.memory_mib(),
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=100_000)
    parser.add_argument("--hosts", type=int, default=16)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    emit(uvloop.run(run(options.jobs, options.hosts)), options.json)


if __name__ == "__main__":
    main()
