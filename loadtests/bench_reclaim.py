"""How long it takes to choose what to take back.

    python -m loadtests.bench_reclaim [--json] [--quick]

The fleet of `bench_plan` (10,000 lanes of 2,000 accounts, 100,000 slots on 12,500 hosts) is full of
jobs of one slot of every other account, in groups or flat, while the others wait; in groups some of
these for wide jobs and gangs. Timed is `reclaims` for several rates, and where no pool allows it:
CPU time of the thread, one core, warm.
"""

import argparse
import json
import time
from dataclasses import replace

import numpy as np
from rich.console import Console
from rich.table import Table

from broker.scheduling import Plan, Reclaim, Running, Snapshot, plan, reclaims, warm
from broker.scheduling.reclaim.aftermath import granted
from loadtests.bench_plan import SEED, fleet, timed

RATES = (10, 100, 1000)
AGE_SECONDS_MAX, MINIMUM_RUN_SECONDS = 36_000.0, 600.0
ROUNDS_MAX, QUICK_ROUNDS_MAX = 40, 3


def full(groups: int, hosts: int = 12_500) -> tuple[Snapshot, Plan]:
    """The fleet once the even accounts have filled it, and the plan that grants nothing more.

    hosts: of 8 slots; lanes, accounts and jobs are in proportion.
    """
    size = {"lanes": hosts * 4 // 5, "accounts": hosts * 4 // 25, "jobs": 80 * hosts}
    start = fleet(**size, hosts=hosts, groups=groups)
    lanes = start.lanes
    early = replace(lanes, pending=np.where(lanes.account % 2 == 0, lanes.pending, 0))
    first = replace(start, lanes=early)
    made = plan(first, 0.0, explain=False)
    busy = granted(first, made)
    held = replace(
        busy,
        lanes=replace(busy.lanes, pending=lanes.pending - made.lane_granted),
        running=running(made),
    )
    last = plan(held, 0.0, explain=False)
    return granted(held, last), plan(granted(held, last), 0.0, explain=False)


def running(made: Plan) -> Running:
    """The granted jobs as rows, of random ages."""
    alone = made.grant_gang < 0
    jobs = made.grant_count[alone]
    parts = made.grant_gang[~alone].astype(np.int64)
    number = np.append(np.arange(jobs.sum()), jobs.sum() + parts)
    return Running(
        id=number,
        lane=np.append(np.repeat(made.grant_lane[alone], jobs), made.grant_lane[~alone]),
        host=np.append(np.repeat(made.grant_host[alone], jobs), made.grant_host[~alone]),
        age_seconds=np.random.default_rng(SEED).random(number.size) * AGE_SECONDS_MAX,
        members=np.append(np.ones(jobs.sum(), np.int64), made.grant_count[~alone]),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="Time the choice of jobs to take back.")
    parser.add_argument("--json", action="store_true", help="end with one line of JSON")
    parser.add_argument("--quick", action="store_true", help="a tenth of the fleet, few rounds")
    given = parser.parse_args()
    rounds = QUICK_ROUNDS_MAX if given.quick else ROUNDS_MAX
    warm()
    table = Table(title="reclaims; milliseconds of CPU time")
    for heading in ("fleet", "jobs allowed", "jobs taken", "p50", "p99"):
        table.add_column(heading, justify="left" if heading == "fleet" else "right")
    figures: dict[str, float | int] = {}
    for name, groups in (("tree", 50), ("flat", 0)):
        snapshot, decided = full(groups, hosts=1_250 if given.quick else 12_500)
        hosts, jobs = snapshot.hosts.id.size, int(np.unique(snapshot.running.id).size)
        figures[f"{name}_running_jobs"], fleet_of = jobs, f"{name}, {jobs:,} jobs run"
        for allowed in (0, *RATES):
            pool = np.full(hosts, 0 if allowed else -1, np.int32)
            rules = Reclaim(pool, np.array([MINIMUM_RUN_SECONDS]), np.array([allowed]))
            rows = reclaims(snapshot, decided, rules, 0.0)
            act = lambda rules=rules: reclaims(snapshot, decided, rules, 0.0)  # noqa: B023, E731
            taken = timed(act, rounds, time.thread_time_ns)
            p50, p99 = (round(float(np.percentile(taken, percent)), 3) for percent in (50, 99))
            went = int(np.unique(snapshot.running.id[rows]).size)
            figures |= {f"{name}_{allowed}_p50_ms": p50, f"{name}_{allowed}_p99_ms": p99}
            table.add_row(fleet_of, str(allowed), str(went), f"{p50:.2f}", f"{p99:.2f}")
    Console().print(table)
    if given.json:
        print(json.dumps({"bench": "reclaim", **figures}))


if __name__ == "__main__":
    main()
