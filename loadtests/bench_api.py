"""Single durable submissions over HTTP: >= 2,000 a second with p99 <= 60 ms.

    python -m loadtests.bench_api [--seconds 10] [--submissions 20000] [--connections 32] [--json]

Each of the connections submits one job at a time (POST /v1/batches), for some seconds or so many
submissions, whichever ends first. No host asks, so nothing but the submission is measured. In the
end PostgreSQL is asked whether every job that was answered with a 201 is there.
"""

import argparse
import asyncio
import time
from typing import Any

import asyncpg
import uvloop

from loadtests.figures import spread_ms
from loadtests.stand import Stand, cpu_us_per, emit, stand
from loadtests.wire import Connection, request

ACCOUNTS = 4
WARM_SUBMISSIONS = 1_000
CREATED = 201


async def submit(
    connection: Connection, body: bytes, until: float, left: list[int], taken: list[float]
) -> None:
    """One connection: a submission after the other; appends the seconds that each one took."""
    while left[0] > 0 and (started := time.perf_counter()) < until:
        left[0] -= 1
        status, answer = await connection.send(body)
        taken.append(time.perf_counter() - started)
        if status != CREATED:
            raise RuntimeError(f"{status} {answer[:500]!r}")


async def load(
    s: Stand, bodies: list[bytes], connections: int, seconds: float, submissions: int
) -> tuple[list[float], float, dict[str, float]]:
    """Seconds of each submission, of the whole, and CPU seconds by part."""
    open_ = [await Connection.open(s.url) for _ in range(connections)]
    taken: list[float] = []
    left = [submissions]
    cpu, started = s.cpu_by_part(), time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for k, connection in enumerate(open_):
            body = bodies[k % len(bodies)]
            group.create_task(submit(connection, body, started + seconds, left, taken))
    elapsed, spent = time.perf_counter() - started, s.cpu_spent(cpu)
    for connection in open_:
        connection.close()
    return taken, elapsed, spent


async def run(seconds: float, submissions: int, connections: int) -> dict[str, Any]:
    """One whole measurement."""
    async with stand() as s:
        await s.app()
        tokens = [await s.account(f"scientist-{k}") for k in range(ACCOUNTS)]
        batch = {"app": "noop", "jobs": [{"parameters": {"x": 1}}]}
        bodies = [request("POST", "/v1/batches", token, batch) for token in tokens]
        warm, _, _ = await load(s, bodies, connections, seconds, min(WARM_SUBMISSIONS, submissions))
        taken, elapsed, spent = await load(s, bodies, connections, seconds, submissions)
        database = await asyncpg.connect(s.database_url)
        stored = await database.fetchval("SELECT count(*) FROM job")
        await database.close()
        assert stored == len(warm) + len(taken), f"{stored} jobs stored, not {len(taken)}"
        return {
            "submissions": len(taken),
            "connections": connections,
            "submissions_per_second": len(taken) / elapsed,
            **spread_ms("submission", taken),
            "elapsed_seconds": elapsed,
            "broker_cores": spent["broker"] / elapsed,
            "driver_cores": spent["driver"] / elapsed,
            **cpu_us_per("submission", spent, len(taken)),
            "broker_memory_mib": s.memory_mib(),
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--submissions", type=int, default=20_000)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--json", action="store_true", help="end with one line of JSON")
    options = parser.parse_args()
    result = uvloop.run(run(options.seconds, options.submissions, options.connections))
    emit(result, options.json)


if __name__ == "__main__":
    main()
