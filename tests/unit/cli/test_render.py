from datetime import UTC, datetime
from io import StringIO

from rich.console import Console

from broker.cli.render import Column, fitting, human, moment, plain, table
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


def test_times_in_a_table_say_no_more_than_they_must() -> None:
    now = datetime(2025, 6, 2, 12).astimezone()
    assert moment(now.replace(hour=9), now) == "09:00:00"
    assert moment(now.replace(day=1, hour=9), now) == "Jun 01 09:00"
    assert moment(now.replace(year=2024, hour=9), now) == "2024-06-02"


def test_a_table_fits_its_terminal_by_leaving_out_what_can_be_spared() -> None:
    columns: list[Column[Count]] = [
        Column("id", lambda c: "job_1234567"),
        Column("name", lambda c: "n" * 20, spare=1),
        Column("created", lambda c: "12:00:00", spare=2),
    ]
    item = Count(count=3)
    assert [c.title for c in fitting([item], columns, 80)] == ["id", "name", "created"]
    for cells, titles in ((45, ["id", "name", "created"]), (44, ["id", "name"]), (9, ["id"])):
        shown = fitting([item], columns, cells)
        assert [column.title for column in shown] == titles
        out = StringIO()
        Console(file=out, width=cells).print(table([item], shown))
        lines = out.getvalue().splitlines()
        assert len(lines) == 3
        assert all(len(line) <= cells for line in lines)
        assert cells < 44 or "…" not in out.getvalue()


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
