"""Scientists, agents and an administrator at once, by locust: no request may fail.

    python -m loadtests.run_locust [--seconds 20] [--users 30] [--json]

Starts a stand, then locust headless as a process of its own over loadtests/locustfile.py, for a
bounded time. Percentiles are locust's, in whole milliseconds, over all requests of a role; the
long poll is told apart, because its time is mostly waiting for work.
"""

import argparse
import asyncio
import json
import os
import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import uvloop

from loadtests.figures import merged, percentile_of_counts
from loadtests.stand import Stand, emit, stand

LOCUSTFILE = Path(__file__).with_name("locustfile.py")
SLOTS_PER_HOST = 50
SCIENTISTS = 10
START_AND_STOP_SECONDS_MAX = 60.0


async def cast(s: Stand, hosts: int) -> dict[str, Any]:
    """The people and hosts of the play."""
    names = [f"scientist-{k}" for k in range(SCIENTISTS)]
    return {
        "admin": s.admin_token,
        "scientists": [(name, await s.account(name)) for name in names],
        "hosts": [await s.host(f"host-{k}", SLOTS_PER_HOST) for k in range(hosts)],
    }


async def play(s: Stand, seconds: int, users: int) -> list[dict[str, Any]]:
    """Runs locust; what it counted, an entry for each kind of request.

    Raises:
        RuntimeError: it printed no figures.
        TimeoutError: it did not end.
    """
    environment = {
        **os.environ,
        "FAIRLEAD_URL": s.url,
        "FAIRLEAD_LOADTEST": json.dumps(await cast(s, users)),
    }
    locust = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "locust", "--headless", "--json"),
        *("-f", str(LOCUSTFILE), "-H", s.url, "-u", str(users), "-r", str(users)),
        *("--run-time", f"{seconds}s", "--stop-timeout", "5", "--loglevel", "WARNING"),
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(seconds + START_AND_STOP_SECONDS_MAX):
            out, err = await locust.communicate()
    finally:
        if locust.returncode is None:
            locust.kill()
            await locust.wait()
    try:
        entries: list[dict[str, Any]] = json.loads(out[out.index(b"[") :])
    except ValueError:
        raise RuntimeError(f"locust ended with {locust.returncode}: {err[-2000:]!r}") from None
    if locust.returncode:
        sys.stderr.write(err.decode(errors="replace")[-4000:])
    return entries


def summary(entries: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Figures of all and by role, out of locust's entries (`--json`)."""
    began = min(entry["start_time"] for entry in entries)
    ended = max(entry["last_request_timestamp"] or began for entry in entries)
    roles: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for entry in entries:
        roles[entry["name"].split(":")[0]].append(entry)
    requests = sum(entry["num_requests"] for entry in entries)
    figures: dict[str, Any] = {
        "requests": requests,
        "failures": sum(entry["num_failures"] for entry in entries),
        "requests_per_second": requests / max(ended - began, 1.0),
    }
    for role, parts in sorted(roles.items()):
        times = merged(
            [{float(ms): n for ms, n in part["response_times"].items()} for part in parts]
        )
        figures[f"{role}_requests"] = sum(part["num_requests"] for part in parts)
        figures[f"{role}_failures"] = sum(part["num_failures"] for part in parts)
        for percent in (50, 99) if times else ():
            figures[f"{role}_p{percent}_ms"] = percentile_of_counts(times, percent)
    return figures


async def run(seconds: int, users: int) -> dict[str, Any]:
    """One whole measurement."""
    async with stand(lease_seconds="600") as s:
        await s.app()
        cpu = s.cpu_by_part()
        entries = await play(s, seconds, users)
        spent = s.cpu_spent(cpu)
        for entry in sorted(entries, key=lambda entry: str(entry["name"])):
            print(f"  {entry['name']:<28}{entry['num_requests']:>8}{entry['num_failures']:>6}")
        return {
            "users": users,
            "run_seconds": seconds,
            **summary(entries),
            "broker_cores": spent["broker"] / seconds,
            "broker_memory_mib": s.memory_mib(),
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--users", type=int, default=30)
    parser.add_argument("--json", action="store_true", help="end with one line of JSON")
    options = parser.parse_args()
    result = uvloop.run(run(options.seconds, options.users))
    emit(result, options.json)
    if result["failures"]:
        sys.exit(f"{result['failures']} requests failed")


if __name__ == "__main__":
    main()
