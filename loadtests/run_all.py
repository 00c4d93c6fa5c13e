"""Runs every bench, says which goals are met, and writes docs/performance.md (`make bench`).

    python -m loadtests.run_all [--quick] [--only NAME ...] [--output FILE]

Each bench is a process of its own, one after the other. A quick run has small sizes and only shows
that everything works; it writes no page unless `--output` names one. `--only` measures some
benches anew and keeps what the page says about the others. Ends with status 1 when a bench failed,
or missed a goal in a full run.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from inspect import cleandoc
from pathlib import Path

from loadtests import floor
from loadtests.goals import BENCHES, Bench
from loadtests.performance_page import Run, analysis_of, goal_rows, page, runs_of, table

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "performance.md"
BENCH_SECONDS_MAX = 600


def machine() -> dict[str, str]:
    """Facts of this machine and of the servers that the stand runs."""
    from broker.embedded.binaries import find_postgres, find_valkey

    cpu = Path("/proc/cpuinfo").read_text()
    models = {line.split(":", 1)[1].strip() for line in cpu.splitlines() if "model name" in line}
    total = Path("/proc/meminfo").read_text().splitlines()[0].split()[1]
    return {
        "CPU": ", ".join(sorted(models)) or platform.machine(),
        "cores": str(len(os.sched_getaffinity(0))),
        "memory": f"{int(total) / 2**20:.0f} GiB",
        "system": f"{platform.system()} {platform.release()}",
        "servers": f"{find_postgres(None)[0].release}, {find_valkey()[0].release}",
        "Python": platform.python_version(),
    }


def measure(bench: Bench, quick: bool, facts: dict[str, str]) -> Run:
    """Runs a bench; a failure is a Run with an error."""
    drawn = ["--picture", f"docs/{bench.picture}"] if bench.picture and not quick else []
    arguments = ["-m", bench.module, *(bench.quick if quick else drawn), "--json"]
    command = " ".join(["python", *arguments])
    load = round(os.getloadavg()[0], 2)
    print(f"\n{command}", flush=True)
    result, error = {}, ""
    try:
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=ROOT,
            capture_output=True,
            timeout=BENCH_SECONDS_MAX,
        )
    except subprocess.TimeoutExpired:
        error = f"not done within {BENCH_SECONDS_MAX} s"
    else:
        text = done.stdout.decode(errors="replace")
        print(text.rstrip(), flush=True)
        try:
            result = json.loads(text.rstrip().rsplit("\n", 1)[-1])
        except ValueError:
            result = {}
        if done.returncode or not result:
            lines = done.stderr.decode(errors="replace").strip().splitlines()
            error = lines[-1][:300] if lines else f"status {done.returncode}, no figures"
            print("\n".join(lines[-30:]), file=sys.stderr, flush=True)
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    return Run(bench.name, command, now, load, facts, result, error)


def summary(benches: Sequence[Bench], runs: dict[str, Run]) -> str:
    """Every figure of the benches that ran."""
    rows = []
    for bench in benches:
        if (run := runs[bench.name]).error:
            rows.append([bench.name, "", "", "", f"failed: {run.error[:60]}"])
        rows += [[bench.name, *row] for row in goal_rows(bench, run)]
    return table(("bench", "figure", "goal", "measured", "result"), rows)


def has_failed(bench: Bench, run: Run, quick: bool) -> bool:
    """Whether a bench broke, or missed a goal in a run of the promised size."""
    missed = any(goal.verdict(run.result) == "missed" for goal in bench.goals)
    return bool(run.error) or (missed and bench.is_full(run.result) and not quick)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    names = [bench.name for bench in BENCHES]
    parser.add_argument("--quick", action="store_true", help="small sizes: does everything work?")
    parser.add_argument("--only", nargs="+", choices=names, default=names, metavar="NAME")
    parser.add_argument("--output", type=Path, help=f"the page; {PAGE.name} for a full run")
    options = parser.parse_args()

    benches = [bench for bench in BENCHES if bench.name in options.only]
    facts = machine()
    runs = {bench.name: measure(bench, options.quick, facts) for bench in benches}
    print("\n" + summary(benches, runs))
    output = options.output or (None if options.quick else PAGE)
    if output:
        write(output, runs)
    sys.exit(any(has_failed(bench, runs[bench.name], options.quick) for bench in benches))


def write(output: Path, runs: dict[str, Run]) -> None:
    """Writes the page; what it said about other benches, and the analysis, stay."""
    before = output.read_text() if output.exists() else ""
    definition = cleandoc(floor.__doc__ or "")
    output.write_text(page({**runs_of(before), **runs}, analysis_of(before), definition))
    print(f"\nwritten: {output}")


if __name__ == "__main__":
    main()
