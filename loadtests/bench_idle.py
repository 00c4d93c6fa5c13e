"""What waiting costs: 10,000 agents in a long poll, then 1,000,000 queued jobs.

    python -m loadtests.bench_idle [--agents 10000] [--jobs 1000000] [--json]

Agents: each holds one keep-alive connection and asks for work that is not there, as long at a time
as our own agent does (50 seconds). They come evenly over one such time, so that the window that is
measured afterwards is the steady state: everybody waits, and 10,000/50 polls a second end and
begin anew. Goals: broker <= 500 MB and <= 20 % of a core.

Jobs: a broker of its own takes them as NDJSON streams while no host asks, and everything has left
the outbox for Redis. Goals: broker <= 300 MB, Redis <= 250 MB resident.
"""

import argparse
import asyncio
import hashlib
import secrets
import time
from dataclasses import dataclass
from typing import Any

import asyncpg
import redis.asyncio
import uvloop

from broker.protocol.resources import HostFacts
from loadtests.stand import Stand, emit, stand
from loadtests.wire import Connection, allow_open_files, poll_request
from workers.poller import WAIT_SECONDS

OPEN_FILES_SPARE = 500
SLOTS_PER_HOST = 4
JOBS_PER_STREAM = 100_000
DRAIN_SECONDS_MAX = 120.0
REST_SECONDS = 3.0
MIB = 2**20

ENROL = """
WITH wanted AS (
    SELECT * FROM unnest($1::text[], $2::json[], $3::bytea[]) WITH ORDINALITY
        AS w (name, facts, sha256, place)
), new AS (
    INSERT INTO host (account_id, name, pool, facts, gflops, last_seen_at)
    SELECT (SELECT min(account_id) FROM user_submit WHERE admin_all_apps), name, 'default', facts,
        1, now()
    FROM wanted ORDER BY place
    RETURNING id, name
), credit AS (
    INSERT INTO host_credit (host_id) SELECT id FROM new
), secret AS (
    INSERT INTO token (host_id, name, sha256)
    SELECT new.id, 'bench', sha256 FROM new JOIN wanted USING (name)
)
SELECT id, name FROM new"""


@dataclass
class Crowd:
    """What the agents of one run have seen."""

    answered: int = 0
    late_seconds_max: float = 0.0


async def enrol(database_url: str, hosts: int) -> list[tuple[str, str]]:
    """Makes hosts straight in the database, as enrolling them one by one would; (id, token)."""
    tokens = {f"host-{k}": "flh_" + secrets.token_urlsafe(32) for k in range(hosts)}
    facts = [
        HostFacts(name=name, cpus=8, memory_mib=64_000, slots=SLOTS_PER_HOST).model_dump_json()
        for name in tokens
    ]
    digests = [hashlib.sha256(token.encode()).digest() for token in tokens.values()]
    connection = await asyncpg.connect(database_url)
    try:
        rows = await connection.fetch(ENROL, list(tokens), facts, digests)
        await connection.execute("ANALYZE host, host_credit, token")
    finally:
        await connection.close()
    return [(f"host_{row['id']}", tokens[row["name"]]) for row in rows]


async def agent(
    url: str, host: str, token: str, after_seconds: float, wait_seconds: float, crowd: Crowd
) -> None:
    """Comes after a while and then polls until cancelled; there is never any work."""
    await asyncio.sleep(after_seconds)
    connection = await Connection.open(url)
    poll = poll_request(host, token, SLOTS_PER_HOST, wait_seconds)
    try:
        while True:
            started = time.perf_counter()
            answer = await connection.call(poll)
            assert not answer["leases"], answer
            crowd.answered += 1
            late = time.perf_counter() - started - wait_seconds
            crowd.late_seconds_max = max(crowd.late_seconds_max, late)
    finally:
        connection.close()


async def waiting_agents(agents: int, wait_seconds: float, window_seconds: float) -> dict[str, Any]:
    """The steady state of agents that wait for work."""
    allow_open_files(agents + OPEN_FILES_SPARE)
    async with stand() as s:
        await s.app()
        hosts = await enrol(s.database_url, agents)
        memory_before_mib = s.memory_mib()
        crowd = Crowd()
        tasks = [
            asyncio.create_task(
                agent(s.url, host, token, wait_seconds * k / agents, wait_seconds, crowd)
            )
            for k, (host, token) in enumerate(hosts)
        ]
        try:
            await none_ends(tasks, wait_seconds + REST_SECONDS)
            answered, cpu, started = crowd.answered, s.cpu_by_part(), time.perf_counter()
            await none_ends(tasks, window_seconds)
            elapsed, spent = time.perf_counter() - started, s.cpu_spent(cpu)
            return {
                "agents": agents,
                "agents_window_seconds": elapsed,
                "agents_polls_per_second": (crowd.answered - answered) / elapsed,
                "agents_poll_late_seconds_max": crowd.late_seconds_max,
                "agents_broker_memory_mib": s.memory_mib(),
                "agents_broker_memory_before_mib": memory_before_mib,
                **{f"agents_{part}_cores": seconds / elapsed for part, seconds in spent.items()},
            }
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def none_ends(tasks: list[asyncio.Task[None]], seconds: float) -> None:
    """Lets time pass.

    Raises:
        Exception: an agent's, as soon as one fails.
    """
    done, _ = await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_EXCEPTION)
    for task in done:
        task.result()


async def queued_jobs(jobs: int) -> dict[str, Any]:
    """What queued jobs weigh when nobody asks for them."""
    async with stand() as s:
        await s.app()
        token = await s.account("scientist")
        client = redis.asyncio.Redis.from_url(s.redis_url)
        empty = {
            "jobs_broker_memory_before_mib": s.memory_mib(),
            "jobs_redis_memory_before_mib": s.memory_mib(s.redis_pid),
        }
        started = time.perf_counter()
        for first in range(0, jobs, JOBS_PER_STREAM):
            await submit(s, token, first, min(JOBS_PER_STREAM, jobs - first))
        accepted_seconds = time.perf_counter() - started
        await drained(client, jobs)
        drained_seconds = time.perf_counter() - started
        await asyncio.sleep(REST_SECONDS)
        used = (await client.info("memory"))["used_memory"]
        await client.aclose()
        return {
            "jobs": jobs,
            "jobs_accepted_per_second": jobs / accepted_seconds,
            "jobs_in_redis_after_seconds": drained_seconds,
            "jobs_broker_memory_mib": s.memory_mib(),
            "jobs_redis_memory_mib": s.memory_mib(s.redis_pid),
            "jobs_redis_used_memory_mib": used / MIB,
            **empty,
        }


async def submit(s: Stand, token: str, first: int, jobs: int) -> None:
    """One NDJSON stream."""
    lines = [
        b'{"app":"noop"}',
        *(b'{"parameters":{"x":%d}}' % x for x in range(first, first + jobs)),
    ]
    await s.call(
        "POST",
        "/v1/batches",
        b"\n".join(lines),
        token=token,
        headers={"Content-Type": "application/x-ndjson"},
    )


async def drained(client: "redis.asyncio.Redis", jobs: int) -> None:
    """Waits until Redis holds every job.

    Raises:
        TimeoutError: it does not within DRAIN_SECONDS_MAX.
    """
    async with asyncio.timeout(DRAIN_SECONDS_MAX):
        while await members(client) < jobs:  # noqa: ASYNC110  it is in another process
            await asyncio.sleep(0.1)


async def members(client: "redis.asyncio.Redis") -> int:
    """Entries of all lanes."""
    lanes = [key async for key in client.scan_iter(match="*:lane:*")]
    return sum([await client.zcard(lane) for lane in lanes])


async def run(agents: int, wait_seconds: float, window_seconds: float, jobs: int) -> dict[str, Any]:
    """Both measurements, each on a stand of its own."""
    result = await waiting_agents(agents, wait_seconds, window_seconds) if agents else {}
    return {**result, **(await queued_jobs(jobs) if jobs else {})}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--agents", type=int, default=10_000, help="0: leave this part out")
    parser.add_argument("--wait-seconds", type=float, default=WAIT_SECONDS, help="of each poll")
    parser.add_argument("--window-seconds", type=float, default=30.0, help="what is measured")
    parser.add_argument("--jobs", type=int, default=1_000_000, help="0: leave this part out")
    parser.add_argument("--json", action="store_true", help="end with one line of JSON")
    options = parser.parse_args()
    result = uvloop.run(
        run(options.agents, options.wait_seconds, options.window_seconds, options.jobs)
    )
    emit(result, options.json)


if __name__ == "__main__":
    main()
