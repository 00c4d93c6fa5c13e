"""The live table: what each scientist was given so far against what is due."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich import box
from rich.console import RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

BAR_CHARACTERS = 14  # everything fits into 80 columns


@dataclass(frozen=True, slots=True)
class Standing:
    """One scientist's row. Fractions are of 1."""

    name: str
    quota: float
    """Part of all quotas that is due."""
    share: float | None
    """Part of the slot-seconds given so far under contention; None before anything was given."""
    slots: int
    """Slots held now."""
    done: int
    jobs: int


def table(standings: Sequence[Standing], title: str) -> RenderableType:
    """The table as rich draws it."""
    result = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    result.add_column("scientist")
    for heading in ("quota", "share given", "points off", "slots", "jobs done"):
        result.add_column(heading, justify="right")
    result.add_column("", width=BAR_CHARACTERS)
    for row in standings:
        result.add_row(
            row.name,
            f"{row.quota:.1%}",
            "-" if row.share is None else f"{row.share:.1%}",
            _difference(row),
            str(row.slots),
            f"{row.done} / {row.jobs}",
            ProgressBar(total=max(1, row.jobs), completed=row.done, width=BAR_CHARACTERS),
        )
    return result


def line(standings: Sequence[Standing], seconds: float) -> str:
    """The same on one line, for output that is not a terminal."""
    parts = [
        f"{row.name} {'-' if row.share is None else format(row.share, '.1%')} of {row.quota:.0%}, "
        f"{row.done}/{row.jobs} jobs"
        for row in standings
    ]
    return f"{seconds:3.0f} s: " + "; ".join(parts)


def _difference(row: Standing) -> Text:
    if row.share is None:
        return Text("-")
    points = 100.0 * (row.share - row.quota)
    return Text(f"{points:+.1f}", style="green" if abs(points) < 2.0 else "yellow")
