"""From submission to lease on an idle broker: p50 <= 10 ms, p99 <= 50 ms.

    python -m loadtests.bench_latency [--submissions 500] [--hosts 4] [--json]

One job is submitted at a time over HTTP while several hosts wait in a long poll. The clock runs
from the first byte of the submission until an agent has read the answer to its poll, with the
lease in it. The job is reported, the agent polls again, and only then comes the next submission,
after a pause, so that every one meets a broker at rest.
"""

import argparse
import asyncio
import time
from typing import Any

import uvloop

from loadtests.figures import spread_ms
from loadtests.stand import Stand, cpu_us_per, emit, stand
from loadtests.wire import Connection, poll_request, report_request, request

WARM_SUBMISSIONS = 20
SLOTS_PER_HOST = 8
POLL_SECONDS = 30.0
PAUSE_SECONDS = 0.02
LEASE_SECONDS_MAX = 10.0
Arrived = tuple[str, float]  # job, when its lease was read


async def agent(
    stand: Stand,
    host: str,
    token: str,
    leased: "asyncio.Queue[Arrived]",
    settled: asyncio.Queue[str],
) -> None:
    """One host: says when a lease came, reports it, and polls again, until cancelled."""
    connection = await Connection.open(stand.url)
    poll = poll_request(host, token, SLOTS_PER_HOST, POLL_SECONDS)
    try:
        while True:
            leases: list[dict[str, Any]] = (await connection.call(poll))["leases"]
            now = time.perf_counter()
            for lease in leases:
                leased.put_nowait((lease["job"], now))
            if leases:
                answer = await connection.call(report_request(token, leases))
                assert all(a["status"] == "ok" for a in answer["answers"]), answer
            for lease in leases:
                settled.put_nowait(lease["job"])
    finally:
        connection.close()


async def run(submissions: int, hosts: int) -> dict[str, Any]:
    """One whole measurement."""
    async with stand(lease_seconds="600") as s:
        await s.app()
        token = await s.account("scientist")
        leased: asyncio.Queue[Arrived] = asyncio.Queue()
        settled: asyncio.Queue[str] = asyncio.Queue()
        joined = [await s.host(f"host-{k}", SLOTS_PER_HOST) for k in range(hosts)]
        agents = [asyncio.create_task(agent(s, h, t, leased, settled)) for h, t in joined]
        connection = await Connection.open(s.url)
        one = request("POST", "/v1/batches", token, {"app": "noop", "jobs": [{"parameters": {}}]})

        async def once() -> tuple[float, float]:
            """Seconds until (the submission was answered, its lease was with an agent)."""
            await asyncio.sleep(PAUSE_SECONDS)
            started = time.perf_counter()
            receipt = await connection.call(one)
            accepted = time.perf_counter()
            job, arrived = await asyncio.wait_for(leased.get(), LEASE_SECONDS_MAX)
            assert job == receipt["first_job"], (job, receipt)
            await settled.get()
            return accepted - started, arrived - started

        for _ in range(WARM_SUBMISSIONS):
            await once()
        cpu = s.cpu_by_part()
        times = [await once() for _ in range(submissions)]
        spent = s.cpu_spent(cpu)
        for task in agents:
            task.cancel()
        await asyncio.gather(*agents, return_exceptions=True)
        connection.close()
        return {
            "submissions": submissions,
            "hosts": hosts,
            **spread_ms("lease", [lease for _, lease in times]),
            **spread_ms("accepted", [accepted for accepted, _ in times]),
            **cpu_us_per("job", spent, submissions),
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--submissions", type=int, default=500)
    parser.add_argument("--hosts", type=int, default=4)
    parser.add_argument("--json", action="store_true", help="end with one line of JSON")
    options = parser.parse_args()
    emit(uvloop.run(run(options.submissions, options.hosts)), options.json)


if __name__ == "__main__":
    main()
