"""How long one planning cycle takes: `python -m loadtests.bench_plan [--json] [--picture FILE]`.

Two cycles are timed on 10,000 lanes of 2,000 accounts in 50 groups of two levels, with 1,000,000
waiting jobs and 12,500 hosts of 8 slots in four classes; one lane in fifty asks for several slots
and one in two hundred for gangs on several hosts. The cycles: the cold fill of all 100,000 slots,
and the refill of 5,000 freed slots. "Flat" are the same two without groups, for jobs of one slot.

"Plan" is the whole of `plan(snapshot, now)` with all explanations, "kernel" the dispatch within it,
both by the wall clock; "CPU" is `plan` by the thread's own clock, which other load on the machine
does not stretch. What explanations cost is the ratio to a cycle without. The same plan in
straightforward Python (`loadtests.plain_plan`) runs beside it on a smaller fleet. One core, warm.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from broker.scheduling import Accounts, Groups, Hosts, Lanes, Snapshot, cycle, plan, warm
from loadtests.plain_plan import Plain

SEED = 20
HOST_SLOTS = 8
SECONDS_EACH = 4.0
ROUNDS_MAX = 200
GROWTH_LANES = (1_000, 3_000, 10_000, 30_000, 100_000)
GROWTH_ROUNDS = 15
HALF_LIFE_SECONDS = 7 * 86400.0
kernel_ms: list[float] = []


def fleet(lanes: int, accounts: int, hosts: int, jobs: int, groups: int = 50) -> Snapshot:
    """Lognormal quotas and histories in a tree of two levels, unequal queues, four host classes.

    With 0 groups it is flat: all accounts are siblings, and every job takes one slot.
    """
    random = np.random.default_rng(SEED)
    pending = 1 + random.multinomial(jobs - lanes, random.dirichlet(np.ones(lanes)))
    klass = random.integers(0, 4, hosts).astype(np.int32)
    slots_free = np.full(hosts, HOST_SLOTS, np.int32)
    masks = np.array([0b1111, 0b0011, 0b1100, 0b0001], np.uint64)
    slots, members = np.ones(lanes, np.int32), np.ones(lanes, np.int32)
    wide = (np.arange(lanes) % 50 == 7) & (groups > 0)
    slots[wide] = random.choice([2, 4, 8], int(wide.sum()))
    gangs = (np.arange(lanes) % 200 == 11) & (groups > 0)
    slots[gangs], members[gangs] = HOST_SLOTS, random.choice([2, 3, 4], int(gangs.sum()))
    pending[wide | gangs] = 1 + pending[wide | gangs] // 20
    above = np.full(groups, -1, np.int32)
    above[groups // 5 :] = np.arange(groups - groups // 5) % max(1, groups // 5)
    return Snapshot(
        accounts=Accounts(
            id=np.arange(accounts),
            weight=random.lognormal(0, 1, accounts),
            usage_gpu_seconds=random.lognormal(17, 1, accounts),
            entitled_gpu_seconds=random.lognormal(17, 1, accounts),
            group=(np.arange(accounts) % max(1, groups) - (groups == 0)).astype(np.int32),
        ),
        groups=Groups(id=np.arange(groups), parent=above, weight=random.lognormal(0, 1, groups)),
        lanes=Lanes(
            id=np.arange(lanes),
            account=np.resize(np.arange(accounts, dtype=np.int32), lanes),
            pending=pending,
            running=np.zeros(lanes, np.int64),
            slots=slots,
            members=members,
            cpus=slots * random.choice([1, 2, 4], lanes).astype(np.int32),
            memory_mib=slots.astype(np.int64) * random.choice([4096, 16384], lanes),
            classes=random.choice(masks, lanes),
            last_served=random.random(lanes) * 3600,
        ),
        hosts=Hosts(
            id=np.arange(hosts),
            klass=klass,
            slots_free=slots_free,
            cpus_free=slots_free * 4,
            memory_mib_free=slots_free.astype(np.int64) * 16384,
        ),
        class_capacity=np.bincount(klass, minlength=4) * HOST_SLOTS,
        half_life_seconds=HALF_LIFE_SECONDS,
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
    """Milliseconds of a cycle in all three measures, and what explanations cost."""
    kernel_ms.clear()
    for _ in range(3):
        plan(snapshot, 0.0)
    taken = timed(lambda: plan(snapshot, 0.0))
    figures: dict[str, float | int] = {
        f"{name}_granted_jobs": int(plan(snapshot, 0.0).lane_granted.sum()),
        f"{name}_rounds": len(taken),
    }
    in_kernel = kernel_ms[3 : 3 + len(taken)]
    told: list[float] = []
    bare: list[float] = []
    for _ in range(len(taken)):  # by turns, so that both see the same machine
        for explain, values in ((True, told), (False, bare)):
            start = time.thread_time_ns()
            plan(snapshot, 0.0, explain=explain)
            values.append((time.thread_time_ns() - start) / 1e6)
    for part, values in (("plan", taken), ("kernel", in_kernel), ("plan_cpu", told)):
        for percent in (50, 99):
            value = round(float(np.percentile(values, percent)), 3)
            figures[f"{name}_{part}_p{percent}_ms"] = value
    extra = 100.0 * (float(np.median(told)) / float(np.median(bare)) - 1.0)
    figures[f"{name}_explain_percent"] = round(extra, 1)
    return figures


def growth() -> dict[str, list[float]]:
    """CPU milliseconds of both cycles, median, with more and more lanes for the same hosts."""
    curves: dict[str, list[float]] = {"lanes": [], "full": [], "refill": []}
    for lanes in GROWTH_LANES:
        full = fleet(lanes, max(200, lanes // 5), 12_500, max(100_000, 100 * lanes))
        curves["lanes"].append(lanes)
        for name, snapshot in (("full", full), ("refill", with_freed(full, 5_000))):
            plan(snapshot, 0.0)
            act = lambda snapshot=snapshot: plan(snapshot, 0.0)  # noqa: E731
            taken = timed(act, GROWTH_ROUNDS, time.thread_time_ns)
            curves[name].append(round(float(np.median(taken)), 3))
    return curves


def draw(file: Path, curves: dict[str, list[float]]) -> None:
    """Both cycles over the number of lanes."""
    from broker.demo.pictures import COLOURS, new_figure

    figure = new_figure(6.4, 4.0)
    axes = figure.subplots()
    for name, text, colour in (
        ("full", "cold fill of 100,000 slots", COLOURS[0]),
        ("refill", "refill of 5,000 slots", COLOURS[1]),
    ):
        axes.loglog(curves["lanes"], curves[name], "o-", color=colour, label=text)
    axes.set_xlabel("lanes (five an account, 100 waiting jobs each)")
    axes.set_ylabel("CPU time of a cycle, ms (median)")
    axes.set_ylim(bottom=0.5)
    axes.grid(visible=True, which="both", linewidth=0.3)
    axes.legend(loc="lower right")
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file)


def main() -> None:
    parser = argparse.ArgumentParser(description="Time one planning cycle.")
    parser.add_argument("--json", action="store_true", help="end with one line of JSON")
    parser.add_argument("--picture", type=Path, help="measure growth too, and draw it here")
    given = parser.parse_args()
    start = time.perf_counter()
    warm()
    warm_seconds = time.perf_counter() - start

    small = fleet(lanes=1_000, accounts=200, hosts=1_250, jobs=100_000, groups=20)
    plan(small, 0.0)
    quick = timed(lambda: plan(small, 0.0), 50, time.thread_time_ns)
    plain = timed(lambda: Plain(small).plan(), 5, time.thread_time_ns)
    watch_kernel()
    large = fleet(lanes=10_000, accounts=2_000, hosts=12_500, jobs=1_000_000)
    flat = fleet(lanes=10_000, accounts=2_000, hosts=12_500, jobs=1_000_000, groups=0)
    figures: dict[str, float | int] = {}
    for prefix, filled in (("", large), ("flat_", flat)):
        figures |= measure(f"{prefix}full", filled)
        figures |= measure(f"{prefix}refill", with_freed(filled, 5_000))
    ratio = float(np.median(plain) / np.median(quick))

    table = Table(title="10,000 lanes, 1,000,000 jobs, 100,000 slots; milliseconds")
    table.add_column("cycle")
    table.add_column("jobs granted", justify="right")
    for part in ("plan", "kernel", "CPU"):
        for percent in (50, 99):
            table.add_column(f"{part} p{percent}", justify="right")
    table.add_column("explained", justify="right")
    for name in ("full", "refill", "flat_full", "flat_refill"):
        cells = [f"{figures[f'{name}_granted_jobs']:,}"]
        for part in ("plan", "kernel", "plan_cpu"):
            cells += [f"{figures[f'{name}_{part}_p{percent}_ms']:.2f}" for percent in (50, 99)]
        table.add_row(name.replace("_", " "), *cells, f"+{figures[f'{name}_explain_percent']} %")
    console = Console()
    console.print(table)
    console.print(f"plain Python takes {ratio:.0f} times as long (1,000 lanes, 10,000 slots)")
    console.print(f"warm() took {warm_seconds:.2f} s (loads or compiles the kernels)")
    curves = {}
    if given.picture:
        curves = {"growth": growth()}
        draw(given.picture, curves["growth"])
        console.print(curves)
    if given.json:
        print(
            json.dumps({"bench": "plan", "plain_python_ratio": round(ratio, 1)} | figures | curves)
        )


if __name__ == "__main__":
    main()
