"""Printing: tables on a terminal, tab-separated lines in a pipe, JSON on demand."""

import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, Generic, Literal, TypeVar

if TYPE_CHECKING:
    from pydantic import BaseModel

    from broker.protocol.estimates import Estimate

Item = TypeVar("Item", bound="BaseModel")

STYLES: Final = {
    "running": "cyan",
    "leased": "cyan",
    "succeeded": "green",
    "failed": "red",
    "quarantined": "red",
    "cancelled": "yellow",
    "suspended": "yellow",
    "draining": "yellow",
    "banned": "red",
    "deprecated": "yellow",
}


GAP_CELLS: Final = 2  # between two columns


@dataclass(frozen=True, slots=True)
class Column(Generic[Item]):
    """One column of a list."""

    title: str
    """Heading, lower case; units in brackets."""
    value: Callable[[Item], object]
    """What stands in it."""
    right: bool = False
    """Whether it is a number, set to the right."""
    spare: int = 0
    """Left out of a table that is too wide for the terminal, the greatest first; 0 never."""


def print_list(
    items: Iterable[Item], columns: Sequence[Column[Item]], *, json: bool, empty: str = "nothing"
) -> None:
    """Print a list: a table, tab-separated lines with a heading, or a JSON line for each item."""
    if json:
        for item in items:
            print_line(item.model_dump_json())
    elif sys.stdout.isatty():
        _print_table(list(items), columns, empty)
    else:
        for number, item in enumerate(items):
            if number == 0:
                print_line("\t".join(column.title for column in columns))
            print_line("\t".join(plain(column.value(item)) for column in columns))


def print_document(item: "BaseModel", rows: Sequence[tuple[str, object]], *, json: bool) -> None:
    """Print one object: named values, or its JSON document."""
    if json:
        print_line(item.model_dump_json())
        return
    terminal = sys.stdout.isatty()
    width = max(len(title) for title, _ in rows) if terminal else 0
    for title, value in rows:
        text = human(value) if terminal else plain(value)
        print_line(f"{title:<{width}}  {text}" if terminal else f"{title}\t{text}")


def print_json(value: object) -> None:
    """Print a plain value as one line of JSON."""
    import orjson

    print_line(orjson.dumps(value, default=str).decode())


def print_done(text: str, *, json: bool) -> None:
    """Say that something was done; JSON mode says nothing, the exit code does."""
    if not json:
        print_line(text)


def print_line(text: str) -> None:
    """One line on stdout, at once: others may be following."""
    print(text, flush=True)


def note(text: str) -> None:
    """A remark for the person, on stderr, where it does not disturb a pipe."""
    print(text, file=sys.stderr, flush=True)


def plain(value: object) -> str:
    """A value for another program: no colours, no local times, no tabs, `-` for null."""
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    if isinstance(value, Enum):
        return str(value.value)
    return "".join(c if c.isprintable() else " " for c in str(value))


def human(value: object) -> str:
    """A value for a person: times are local."""
    if isinstance(value, datetime):
        return f"{value.astimezone():%Y-%m-%d %H:%M:%S}"
    return plain(value)


def moment(value: datetime, now: datetime | None = None) -> str:
    """A local time in as few cells as tell it: the clock today, else the day."""
    then, now = value.astimezone(), (now or datetime.now(UTC)).astimezone()
    if then.date() == now.date():
        return f"{then:%H:%M:%S}"
    return f"{then:%b %d %H:%M}" if then.year == now.year else f"{then:%Y-%m-%d}"


def ahead(estimate: "Estimate | None") -> list[tuple[str, object]]:
    """A time that lies ahead and what it rests on, as rows of a document; none for None."""
    from broker.domain.words import duration

    if estimate is None:
        return []
    span = f"{duration(estimate.seconds_low)} to {duration(estimate.seconds_high)}"
    return [("in", span), ("by", estimate.basis)]


def _print_table(items: list[Item], columns: Sequence[Column[Item]], empty: str) -> None:
    from rich.console import Console

    if not items:
        note(empty)
        return
    console = Console()
    shown = fitting(items, columns, console.width)
    console.print(table(items, shown))
    if left_out := [column.title for column in columns if column not in shown]:
        note(f"no room for: {', '.join(left_out)}")


def _cell(value: object) -> str:
    return moment(value) if isinstance(value, datetime) else human(value)


def fitting(
    items: Sequence[Item], columns: Sequence[Column[Item]], cells_max: int
) -> list[Column[Item]]:
    """The columns of a list that a terminal has room for."""
    from rich.cells import cell_len

    def cells_of(column: Column[Item]) -> int:
        return max(map(cell_len, [column.title, *(_cell(column.value(item)) for item in items)]))

    shown = list(columns)
    cells = {column.title: cells_of(column) + GAP_CELLS for column in shown}
    while sum(cells[column.title] for column in shown) > cells_max:
        most = max(shown, key=lambda column: column.spare)
        if not most.spare:
            break  # the table shortens its texts
        shown.remove(most)
    return shown


def table(items: Iterable[Item], columns: Sequence[Column[Item]]) -> Any:
    """A rich table of a list."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    gap = (0, GAP_CELLS - 1, 0, 0)  # and one cell where the box has its line
    result = Table(box=box.SIMPLE_HEAD, padding=gap, pad_edge=False, show_edge=False)
    for column in columns:
        justify: Literal["right", "left"] = "right" if column.right else "left"
        result.add_column(column.title, justify=justify, no_wrap=True)
    for item in items:
        texts = [_cell(column.value(item)) for column in columns]
        # Text, not markup: a job may be named "[red]".
        result.add_row(*(Text(text, style=STYLES.get(text, "")) for text in texts))
    return result
