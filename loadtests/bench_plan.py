"""How long one planning cycle takes: `python loadtests/bench_plan.py [--json]`.

Two cycles are timed on 10,000 lanes of 2,000 accounts with 1,000,000 waiting jobs and 12,500 hosts
of 8 slots: the cold fill of all 100,000 slots, and the refill of 5,000 freed slots. "Plan" is the
whole of `plan(snapshot, now)`, "kernel" the dispatch loop within it, both by the wall clock; "CPU"
is `plan` by the thread's own clock, which other load on the machine does not stretch. A plain heapq
version of the same dispatch gives the ratio, on a smaller fleet. One core, warm.
"""

import argparse
import heapq
import json
import sys
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from rich.console import Console
from rich.table import Table

from broker.scheduling import Accounts, Hosts, Lanes, Snapshot, cycle, plan, warm

SEED = 20
HOST_SLOTS = 8
SECONDS_EACH = 4.0
ROUNDS_MAX = 200
kernel_ms: list[float] = []


def fleet(lanes: int, accounts: int, hosts: int, jobs: int) -> Snapshot:
    """Lognormal quotas and usage, unequal queues, four host classes, single-slot jobs."""
    random = np.random.default_rng(SEED)
    pending = 1 + random.multinomial(jobs - lanes, random.dirichlet(np.ones(lanes)))
    klass = random.integers(0, 4, hosts).astype(np.int32)
    slots = np.full(hosts, HOST_SLOTS, np.int32)
    masks = np.array([0b1111, 0b0011, 0b1100, 0b0001], np.uint64)
    return Snapshot(
        accounts=Accounts(
            id=np.arange(accounts),
            weight=random.lognormal(0, 1, accounts),
            usage_gpu_seconds=random.lognormal(17, 1, accounts),
        ),
        lanes=Lanes(
            id=np.arange(lanes),
            account=np.resize(np.arange(accounts, dtype=np.int32), lanes),
            pending=pending,
            running=np.zeros(lanes, np.int64),
            slots=np.ones(lanes, np.int32),
            cpus=random.choice([1, 2, 4], lanes).astype(np.int32),
            memory_mib=random.choice([4096, 16384], lanes),
            classes=random.choice(masks, lanes),
            last_served=random.random(lanes) * 3600,
        ),
        hosts=Hosts(
            id=np.arange(hosts),
            klass=klass,
            slots_free=slots,
            cpus_free=slots * 4,
            memory_mib_free=slots.astype(np.int64) * 16384,
        ),
        class_capacity=np.bincount(klass, minlength=4) * HOST_SLOTS,
        half_life_seconds=7 * 86400.0,
    )


def with_freed(snapshot: Snapshot, slots: int) -> Snapshot:
    """The fleet after its cold fill, with one slot free again on each of `slots` hosts."""
    made = plan(snapshot, 0.0)
    lanes, hosts = snapshot.lanes, snapshot.hosts
    free = np.zeros(hosts.id.size, np.int32)
    free[np.random.default_rng(SEED).choice(free.size, slots, replace=False)] = 1
    return replace(
        snapshot,
        lanes=replace(lanes, pending=lanes.pending - made.lane_granted, running=made.lane_granted),
        hosts=replace(
            hosts, slots_free=free, cpus_free=free * 4, memory_mib_free=free * np.int64(16384)
        ),
    )


def in_plain_python(snapshot: Snapshot) -> int:
    """The same dispatch with heapq and lists, one job at a time; returns the jobs granted."""
    lanes, hosts = snapshot.lanes, snapshot.hosts
    weight = plan(replace(snapshot, hosts=no_hosts()), 0.0).weight_adjusted.tolist()
    account, waiting = lanes.account.tolist(), lanes.pending.tolist()
    columns = (lanes.slots, lanes.cpus, lanes.memory_mib, lanes.classes)
    need = list(zip(*(column.tolist() for column in columns), strict=True))
    order = np.lexsort((hosts.slots_free, hosts.klass)).tolist()
    free = [
        [int(hosts.slots_free[h]), int(hosts.cpus_free[h]), int(hosts.memory_mib_free[h])]
        for h in order
    ]
    klass = [int(hosts.klass[h]) for h in order]
    queues: list[list[int]] = [[] for _ in weight]
    for lane in np.argsort(lanes.last_served).tolist():
        queues[account[lane]].append(lane)
    held = [0] * len(weight)
    cursor: dict[tuple[int, ...], int] = {}
    heap = [(need[queue[0]][0] / weight[a], a) for a, queue in enumerate(queues) if queue]
    heapq.heapify(heap)
    granted = 0
    while heap:
        _, a = heapq.heappop(heap)
        lane = queues[a].pop(0)
        slots, cpus, memory_mib, mask = need[lane]
        at = cursor.get(need[lane], 0)
        while at < len(free) and not (
            mask >> klass[at] & 1
            and free[at][0] >= slots
            and free[at][1] >= cpus
            and free[at][2] >= memory_mib
        ):
            at += 1
        cursor[need[lane]] = at
        if at < len(free):
            free[at][0] -= slots
            free[at][1] -= cpus
            free[at][2] -= memory_mib
            held[a] += slots
            granted += 1
            waiting[lane] -= 1
            if waiting[lane]:
                queues[a].append(lane)
        if queues[a]:
            heapq.heappush(heap, ((held[a] + need[queues[a][0]][0]) / weight[a], a))
    return granted


def no_hosts() -> Hosts:
    whole, small = np.empty(0, np.int64), np.empty(0, np.int32)
    return Hosts(whole, small, small, small, whole)


def timed(
    act: Callable[[], object],
    rounds_max: int = ROUNDS_MAX,
    clock: Callable[[], int] = time.perf_counter_ns,
) -> list[float]:
    """Milliseconds of each round by `clock`, for a few seconds."""
    taken: list[float] = []
    end = time.perf_counter() + SECONDS_EACH
    while len(taken) < rounds_max and time.perf_counter() < end:
        start = clock()
        act()
        taken.append((clock() - start) / 1e6)
    return taken


def watch_kernel() -> None:
    """Record how long each cycle spends in the dispatch kernel."""
    module = sys.modules[cycle.__name__]
    dispatch = vars(module)["serve"]

    def watched(*args: object) -> object:
        start = time.perf_counter_ns()
        grants = dispatch(*args)
        kernel_ms.append((time.perf_counter_ns() - start) / 1e6)
        return grants

    vars(module)["serve"] = watched


def measure(name: str, snapshot: Snapshot) -> dict[str, float | int]:
    kernel_ms.clear()
    for _ in range(3):
        plan(snapshot, 0.0)
    taken = timed(lambda: plan(snapshot, 0.0))
    figures: dict[str, float | int] = {
        f"{name}_granted_jobs": int(plan(snapshot, 0.0).grant_count.sum()),
        f"{name}_rounds": len(taken),
    }
    in_kernel = kernel_ms[3 : 3 + len(taken)]
    on_core = timed(lambda: plan(snapshot, 0.0), clock=time.thread_time_ns)
    for part, values in (("plan", taken), ("kernel", in_kernel), ("plan_cpu", on_core)):
        for percent in (50, 99):
            value = round(float(np.percentile(values, percent)), 3)
            figures[f"{name}_{part}_p{percent}_ms"] = value
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description="Time one planning cycle.")
    parser.add_argument("--json", action="store_true", help="end with one line of JSON")
    as_json = parser.parse_args().json
    start = time.perf_counter()
    warm()
    warm_seconds = time.perf_counter() - start

    small = fleet(lanes=1_000, accounts=200, hosts=1_250, jobs=100_000)
    quick = timed(lambda: plan(small, 0.0), 50)
    plain = timed(lambda: in_plain_python(small), 5)
    watch_kernel()
    large = fleet(lanes=10_000, accounts=2_000, hosts=12_500, jobs=1_000_000)
    figures = measure("full", large) | measure("refill", with_freed(large, 5_000))
    ratio = float(np.median(plain) / np.median(quick))

    table = Table(title="10,000 lanes, 1,000,000 jobs, 100,000 slots; milliseconds")
    table.add_column("cycle")
    table.add_column("jobs granted", justify="right")
    for part in ("plan", "kernel", "CPU"):
        for percent in (50, 99):
            table.add_column(f"{part} p{percent}", justify="right")
    for name in ("full", "refill"):
        cells = [f"{figures[f'{name}_granted_jobs']:,}"]
        for part in ("plan", "kernel", "plan_cpu"):
            cells += [f"{figures[f'{name}_{part}_p{percent}_ms']:.2f}" for percent in (50, 99)]
        table.add_row(name, *cells)
    console = Console()
    console.print(table)
    console.print(f"plain Python takes {ratio:.0f} times as long (1,000 lanes, 10,000 slots)")
    console.print(f"warm() took {warm_seconds:.2f} s (loads or compiles the kernels)")
    if as_json:
        print(json.dumps({"bench": "plan", "plain_python_ratio": round(ratio, 1), **figures}))


if __name__ == "__main__":
    main()
