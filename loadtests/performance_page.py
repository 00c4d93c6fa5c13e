"""docs/performance.md: made from the benches' JSON lines and nothing else. Pure.

Two things outlive a run: the analysis, which people write between two marks, and the raw lines at
the end of the page, so that a run of some benches keeps what the others measured before.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from loadtests.goals import BENCHES, Bench, shown

ANALYSIS_BEGIN = "<!-- analysis: begin; written by hand, kept by run_all -->"
ANALYSIS_END = "<!-- analysis: end -->"
ANALYSIS_EMPTY = "Nothing written yet."
RAW_BEGIN, RAW_END = "```json raw", "```"
NOT_MEASURED = "not measured yet"


@dataclass(frozen=True, slots=True)
class Run:
    """What one bench said.

    Args:
        measured_at: time of its end, for people.
        load_before: the machine's load average over a minute before it began.
        machine: facts of the machine by name.
        result: its JSON line; empty when it failed.
        error: why it failed, else empty.
    """

    bench: str
    command: str
    measured_at: str
    load_before: float
    machine: Mapping[str, str]
    result: Mapping[str, Any]
    error: str = ""


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table, its columns padded so that the source reads well."""
    cells = [[cell.replace("|", "\\|") for cell in row] for row in [headings, *rows]]
    widths = [max(3, *(len(row[k]) for row in cells)) for k in range(len(headings))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
        for row in cells
    ]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([lines[0], rule, *lines[1:]])


def goal_rows(bench: Bench, run: Run | None) -> list[list[str]]:
    """Figure, goal, measured value and verdict, a row for each goal of a bench."""
    rows = []
    for goal in bench.goals:
        verdict = goal.verdict(run.result) if run else "not measured"
        measured = (
            "" if verdict == "not measured" else shown(run_value(run, goal.figure), goal.unit)
        )
        if verdict == "told":
            verdict = ""
        elif verdict in ("met", "missed") and run and not bench.is_full(run.result):
            verdict = f"{verdict} (small run)"
        rows.append([goal.text, goal.promise, measured, verdict])
    return rows


def run_value(run: Run | None, figure: str) -> float:
    """A figure of a run that has it."""
    assert run is not None
    return float(run.result[figure])


def cpu_rows(result: Mapping[str, Any], unit: str) -> list[list[str]]:
    """Where the CPU time of one job or submission goes: part, microseconds, share of all."""
    ending = f"_cpu_us_per_{unit}"
    parts = {
        name.removesuffix(ending): float(value)
        for name, value in result.items()
        if name.endswith(ending)
    }
    total = sum(parts.values())
    ordered = sorted(parts.items(), key=lambda part: -part[1])
    return [
        [PARTS.get(part, part), f"{us:,.0f} us", f"{us / total:.0%}" if total else ""]
        for part, us in [*ordered, ("all", total)]
        if parts
    ]


PARTS = {
    "broker": "broker (Python)",
    "driver": "load generator with its agents",
    "postgresql": "PostgreSQL",
    "valkey": "Valkey",
    "all": "together",
}


def analysis_of(page: str) -> str:
    """What people wrote in an earlier page."""
    if ANALYSIS_BEGIN not in page or ANALYSIS_END not in page:
        return ANALYSIS_EMPTY
    return page.split(ANALYSIS_BEGIN, 1)[1].split(ANALYSIS_END, 1)[0].strip() or ANALYSIS_EMPTY


def runs_of(page: str) -> dict[str, Run]:
    """The runs that an earlier page shows, by bench."""
    if RAW_BEGIN not in page:
        return {}
    lines = page.split(RAW_BEGIN, 1)[1].split(RAW_END, 1)[0].strip().splitlines()
    runs = [Run(**json.loads(line)) for line in lines]
    return {run.bench: run for run in runs}


def page(runs: Mapping[str, Run], analysis: str, floor: str) -> str:
    """The whole page.

    Args:
        runs: by bench; those that are missing read "not measured yet".
        analysis: what people wrote.
        floor: how the floor is defined.
    """
    parts = [
        "# Performance",
        "Written by `make bench` (`python -m loadtests.run_all`) out of what the benches printed; "
        "only the analysis is written by hand. Every bench runs on private servers with fsync on, "
        "over loopback, with the load generator on the same machine; `loadtests/bench_<name>.py "
        "--json` repeats one.",
        "## Machine",
        machine_text(runs),
        "## Goals",
    ]
    for bench in BENCHES:
        parts += bench_section(bench, runs.get(bench.name))
    parts += [
        "## The floor",
        floor,
        "## Where the CPU time of a job goes",
        *cpu_section(runs),
        "## Analysis",
        f"{ANALYSIS_BEGIN}\n\n{analysis}\n\n{ANALYSIS_END}",
        "## Raw results",
        "\n".join([RAW_BEGIN, *raw_lines(runs), RAW_END]),
    ]
    return "\n\n".join(parts) + "\n"


def machine_text(runs: Mapping[str, Run]) -> str:
    """The machine, or each machine with its benches where they differ."""
    machines: dict[str, list[str]] = {}
    for name, run in runs.items():
        facts = "\n".join(f"- {fact}: {value}" for fact, value in run.machine.items())
        machines.setdefault(facts, []).append(name)
    if not machines:
        return NOT_MEASURED.capitalize() + "."
    if len(machines) == 1:
        return next(iter(machines))
    return "\n\n".join(f"{', '.join(names)}:\n\n{facts}" for facts, names in machines.items())


def bench_section(bench: Bench, run: Run | None) -> list[str]:
    """Title, when and how it ran, and its table."""
    said = NOT_MEASURED
    if run:
        said = f"`{run.command}`, {run.measured_at}, load average before: {run.load_before:.2f}"
    if run and run.error:
        said += f". It failed: `{run.error}`"
    rows = goal_rows(bench, run)
    parts = [f"### {bench.title}", said, table(("figure", "goal", "measured", "result"), rows)]
    if bench.picture:
        parts.append(f"![{bench.title}]({bench.picture})")
    return parts


def cpu_section(runs: Mapping[str, Run]) -> list[str]:
    """CPU time of a job in bulk, and of a submission alone."""
    sections = []
    for name, unit, text in (
        ("dispatch", "job", "One job of many, from submission to report (bench_dispatch):"),
        ("api", "submission", "One submission of one job (bench_api):"),
        (
            "latency",
            "job",
            "One job alone, with all that an idle broker does meanwhile (bench_latency):",
        ),
    ):
        run = runs.get(name)
        rows = cpu_rows(run.result, unit) if run else []
        text_or_table = table(("part", "CPU time", "share"), rows) if rows else NOT_MEASURED
        sections += [text, text_or_table]
    return sections


def raw_lines(runs: Mapping[str, Run]) -> list[str]:
    """One JSON line for each run, in the benches' order."""
    return [json.dumps(asdict(runs[b.name])) for b in BENCHES if b.name in runs]
