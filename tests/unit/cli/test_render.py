from datetime import UTC, datetime
from io import StringIO

from rich.console import Console

from broker.cli.render import Column, human, plain, table
from broker.cli.shares import bar
from broker.protocol.base import Count
from broker.protocol.states import JobState

NOON = datetime(2025, 1, 1, 12, tzinfo=UTC)


def test_values_for_programs() -> None:
    values = [None, "", True, 0.1 + 0.2, NOON, JobState.FAILED, "a\tb\x1b[2J", 7]
    assert [plain(value) for value in values] == [
        "-",
        "-",
        "yes",
        "0.3",
        "2025-01-01T12:00:00+00:00",
        "failed",
        "a b [2J",
        "7",
    ]


def test_times_for_people_are_local_and_short() -> None:
    assert human(NOON) == f"{NOON.astimezone():%Y-%m-%d %H:%M:%S}"


def test_names_are_no_markup() -> None:
    out = StringIO()
    columns: list[Column[Count]] = [Column("name", lambda c: f"[bold]{c.count}[/bold]")]
    Console(file=out, width=60).print(table([Count(count=3)], columns))
    assert "[bold]3[/bold]" in out.getvalue()


def test_bars_stay_within_their_cells() -> None:
    assert bar(0, 0, 4) == "┃░░░"
    assert bar(1, 1, 4) == "███┃"
    assert bar(7, -1, 4) == "┃███"
    assert bar(0.5, 0.75, 8) == "████░░┃░"
