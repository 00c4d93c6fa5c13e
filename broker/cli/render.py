"""Printing: tables on a terminal, tab-separated lines in a pipe, JSON on demand."""

import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

if TYPE_CHECKING:
    from pydantic import BaseModel

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


@dataclass(frozen=True, slots=True)
class Column(Generic[Item]):
    """One column of a list."""

    title: str
    """Heading, lower case; units in brackets."""
    value: Callable[[Item], object]
    """What stands in it."""
    right: bool = False
    """Whether it is a number, set to the right."""


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


def _print_table(items: list[Item], columns: Sequence[Column[Item]], empty: str) -> None:
    from rich.console import Console

    if not items:
        note(empty)
        return
    Console().print(table(items, columns))


def table(items: Iterable[Item], columns: Sequence[Column[Item]]) -> Any:
    """A rich table of a list."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    result = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        result.add_column(column.title, justify="right" if column.right else "left")
    for item in items:
        cells = [human(column.value(item)) for column in columns]
        # Text, not markup: a job may be named "[red]".
        result.add_row(*(Text(cell, style=STYLES.get(cell, "")) for cell in cells))
    return result
