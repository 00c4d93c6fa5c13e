"""docs/performance.md: verdicts, tables, and what outlives a run."""

from dataclasses import replace

from loadtests.goals import BENCHES, Goal, shown
from loadtests.performance_page import (
    ANALYSIS_BEGIN,
    ANALYSIS_EMPTY,
    ANALYSIS_END,
    Run,
    analysis_of,
    cpu_rows,
    goal_rows,
    page,
    runs_of,
    table,
)

LATENCY = next(bench for bench in BENCHES if bench.name == "latency")
FULL = Run(
    bench="latency",
    command="python -m loadtests.bench_latency --json",
    measured_at="2030-01-01 00:00 UTC",
    load_before=0.5,
    machine={"cores": "2"},
    result={
        "submissions": 500,
        "lease_p50_ms": 8.25,
        "lease_p99_ms": 51.0,
        "broker_cpu_us_per_job": 300.0,
        "postgresql_cpu_us_per_job": 100.0,
    },
)


def test_verdict_compares_on_the_promised_side() -> None:
    most, least = Goal("x", "", "", 10), Goal("x", "", "", 10, "at least")
    assert [most.verdict({"x": x}) for x in (9, 10, 11)] == ["met", "met", "missed"]
    assert [least.verdict({"x": x}) for x in (9, 10, 11)] == ["missed", "met", "met"]
    assert most.verdict({}) == "not measured"
    assert Goal("x", "").verdict({"x": 1}) == "told"


def test_goal_rows_tell_met_missed_and_not_measured() -> None:
    rows = goal_rows(LATENCY, FULL)
    assert rows[0] == ["submission to lease, p50", "at most 10 ms", "8.25 ms", "met"]
    assert rows[1][2:] == ["51 ms", "missed"]
    assert rows[2][1:] == ["", "", "not measured"]
    assert {row[3] for row in goal_rows(LATENCY, None)} == {"not measured"}


def test_small_run_never_passes_for_the_promised_one() -> None:
    small = replace(FULL, result={**FULL.result, "submissions": 20})
    assert goal_rows(LATENCY, small)[0][3] == "met (small run)"


def test_table_is_padded_markdown() -> None:
    assert table(("a", "bcde"), [("long cell", "x|y")]) == (
        "| a         | bcde |\n|-----------|------|\n| long cell | x\\|y |"
    )


def test_figures_are_shown_with_digits_that_say_something() -> None:
    told = [shown(0.123), shown(12.34, "ms"), shown(12345.6, "/s"), shown(60, "ms")]
    assert told == ["0.12", "12.3 ms", "12,346/s", "60 ms"]


def test_cpu_rows_are_ordered_and_add_up() -> None:
    assert cpu_rows(FULL.result, "job") == [
        ["broker (Python)", "300 us", "75%"],
        ["PostgreSQL", "100 us", "25%"],
        ["together", "400 us", "100%"],
    ]
    assert cpu_rows(FULL.result, "submission") == []


def test_page_without_runs_claims_nothing() -> None:
    text = page({}, ANALYSIS_EMPTY, "The floor.")
    assert "not measured yet" in text
    assert "| met" not in text
    assert "| missed" not in text
    assert runs_of(text) == {}


def test_analysis_and_earlier_runs_outlive_a_new_page() -> None:
    first = page({"latency": FULL}, ANALYSIS_EMPTY, "The floor.")
    written = first.replace(ANALYSIS_EMPTY, "The p99 is the disk's.\n\nTwo paragraphs.")
    assert analysis_of(written) == "The p99 is the disk's.\n\nTwo paragraphs."
    again = page(runs_of(written), analysis_of(written), "The floor.")
    assert again == written
    assert runs_of(again) == {"latency": FULL}


def test_analysis_of_a_foreign_page_is_empty() -> None:
    assert analysis_of("") == ANALYSIS_EMPTY
    assert analysis_of(f"{ANALYSIS_BEGIN}\n{ANALYSIS_END}") == ANALYSIS_EMPTY


def test_failed_run_says_why() -> None:
    failed = replace(FULL, result={}, error="RuntimeError: the broker ended")
    text = page({"latency": failed}, ANALYSIS_EMPTY, "")
    assert "It failed: `RuntimeError: the broker ended`" in text
    assert {row[3] for row in goal_rows(LATENCY, failed)} == {"not measured"}
