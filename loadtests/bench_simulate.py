"""How long replays take: `python loadtests/bench_simulate.py [--json] [--quick] [--policy ...]`.

Replays the two traces of tests/data/traces, Philly's densest 30 days on 512 slots and the LCG log
on 1,200, under each policy. Times are CPU seconds of this one process, measuring included; the
figures of each replay stand beside them.
"""

import argparse
import gzip
import json
import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from broker.scheduling.simulation import (
    POLICIES,
    Fleet,
    Quotas,
    Report,
    Trace,
    read_quotas,
    read_trace,
    simulate,
)

TRACES = Path(__file__).resolve().parents[1] / "tests" / "data" / "traces"
DAY_SECONDS = 86_400.0
HALF_LIFE_SECONDS = 7 * DAY_SECONDS
PHILLY_SLOTS, LCG_SLOTS = 512, 1200


def philly(days: float) -> tuple[Trace, Quotas]:
    """Day 24 and what follows it, with the published quotas."""
    trace = _read("philly_sia_vc.csv.gz", PHILLY_SLOTS)
    with (TRACES / "philly_vc_quota.csv").open(encoding="utf-8") as lines:
        quotas, _ = read_quotas(lines)
    return trace.between(24 * DAY_SECONDS, (24 + days) * DAY_SECONDS), quotas


def lcg(days: float) -> tuple[Trace, Quotas]:
    """The first days, equal quotas."""
    return _read("lcg2005_grid.csv.gz", LCG_SLOTS).between(0.0, days * DAY_SECONDS), Quotas()


def _read(name: str, slots: int) -> Trace:
    with gzip.open(TRACES / name, "rt", encoding="utf-8", newline="") as lines:
        trace, bad = read_trace(lines, Fleet(slots).fits)
    if bad:
        raise ValueError(f"{name}: line {bad[0].line} {bad[0].why}")
    return trace


def timed(trace: Trace, slots: int, policy: str, quotas: Quotas) -> tuple[Report, float]:
    """A replay and its CPU seconds."""
    start = time.process_time()
    report = simulate(trace, slots, policy, HALF_LIFE_SECONDS, quotas)
    return report, time.process_time() - start


def measure(policies: Sequence[str], quick: bool) -> tuple[Table, dict[str, float]]:
    """All replays as a table and as figures: `<trace>_<policy>_cpu_seconds` and so on."""
    table = Table("trace", "policy", "jobs", "cycles", "CPU s", "error %", "lag", "Jain", "used %")
    figures: dict[str, float] = {}
    for name, (trace, quotas), slots in (
        ("philly", philly(2.0 if quick else 30.0), PHILLY_SLOTS),
        ("lcg", lcg(0.3 if quick else 12.0), LCG_SLOTS),
    ):
        for policy in policies:
            warm_up = trace.between(0.0, float(trace.submit_seconds[200]))
            simulate(warm_up, slots, policy, HALF_LIFE_SECONDS, quotas)
            report, seconds = timed(trace, slots, policy, quotas)
            found = report.metrics
            told = {
                "cpu_seconds": round(seconds, 2),
                "fairness_error": found.fairness_error,
                "worst_lag_gpu_hours": found.worst_lag_gpu_hours,
                "jain": found.jain,
                "utilisation": found.utilisation,
            }
            figures |= {f"{name}_{policy}_{figure}": value for figure, value in told.items()}
            table.add_row(
                *(name, policy, f"{report.jobs:,}", f"{report.cycles:,}", f"{seconds:.1f}"),
                f"{100 * found.fairness_error:.2f}",
                f"{found.worst_lag_gpu_hours:.0f}",
                *(f"{found.jain:.4f}", f"{100 * found.utilisation:.2f}"),
            )
    return table, figures


def main() -> None:
    parser = argparse.ArgumentParser(description="Time replays of real traces.")
    parser.add_argument("--json", action="store_true", help="end with one line of JSON")
    parser.add_argument("--quick", action="store_true", help="a short stretch of each trace")
    parser.add_argument("--policy", nargs="+", choices=list(POLICIES), default=list(POLICIES))
    given = parser.parse_args()
    table, figures = measure(given.policy, given.quick)
    Console().print(table)
    if given.json:
        print(json.dumps({"bench": "simulate", "quick": given.quick, **figures}))


if __name__ == "__main__":
    main()
