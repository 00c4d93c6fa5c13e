"""What a simulation drew: for each policy the share of each group over time, and its lag."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from broker.demo.pictures import GREY, new_figure, require
from broker.scheduling.columns import Floats

if TYPE_CHECKING:
    from broker.scheduling.simulation import Report

__all__ = ["draw", "require"]

GROUPS_SHOWN = 7
DOTS_PER_INCH, COLOURS_MAX = 96, 80
COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442")
HOURS_PER_DAY = 24.0


def draw(file: Path, reports: Sequence["Report"]) -> None:
    """One row a policy: on the left what groups held, on the right their lag."""
    shown = _largest(reports)
    lags = [_gathered(report.course.lag_gpu_hours, shown) for report in reports]
    highest = 1.05 * max(float(np.abs(lag).max()) for lag in lags) or 1.0
    figure = new_figure(11.0, 1.0 + 2.3 * len(reports))
    rows = figure.subplots(len(reports), 2, sharex=True, squeeze=False)
    for report, lag, (left, right) in zip(reports, lags, rows, strict=True):
        _draw_shares(left, report, shown)
        _draw_lag(right, report, lag, highest)
    rows[0][0].set_title("GPUs held by group, % of all (dashed: a group's entitlement)")
    rows[0][1].set_title("lag by group: entitled minus held so far, GPU-hours")
    for axes in rows[-1]:
        axes.set_xlabel("days since the first submission")
    names = [reports[0].course.groups[group] for group in shown]
    handles = [_swatch(colour) for colour in _colours(len(shown), lags[0].shape[1])]
    labels = names + (["all others"] if len(handles) > len(names) else [])
    figure.legend(handles, labels, loc="outside lower center", ncols=8, fontsize="small")
    figure.savefig(file, dpi=DOTS_PER_INCH)
    if file.suffix.lower() == ".png":
        _reduce(file)


def _reduce(file: Path) -> None:
    """A palette of the few colours that there are, so that a picture can lie beside a document."""
    from PIL import Image

    with Image.open(file) as picture:
        few = picture.convert("RGB").quantize(
            COLOURS_MAX, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE
        )
    few.save(file, optimize=True)


def _largest(reports: Sequence["Report"]) -> list[int]:
    """The groups that were entitled to most, the same in every row of the picture."""
    entitled = sum(report.course.entitled.sum(axis=0) for report in reports)
    order = np.argsort(-np.asarray(entitled), kind="stable")
    return [int(group) for group in order[:GROUPS_SHOWN]]


def _gathered(columns: Floats, shown: Sequence[int]) -> Floats:
    """The columns shown, and the sum of the others if there are any."""
    others = np.delete(columns, list(shown), axis=1)
    parts = [columns[:, list(shown)]]
    if others.shape[1]:
        parts.append(others.sum(axis=1, keepdims=True))
    return np.concatenate(parts, axis=1)


def _colours(shown: int, columns: int) -> list[str]:
    return [*COLOURS[:shown], *([GREY] * (columns - shown))]


def _draw_shares(axes: Any, report: "Report", shown: Sequence[int]) -> None:
    days = report.course.hours / HOURS_PER_DAY
    middle = (days[1:] + days[:-1]) / 2
    held = 100.0 * _gathered(report.course.held, shown) / report.slots
    due = 100.0 * _gathered(report.course.entitled, shown) / report.slots
    colours = _colours(len(shown), held.shape[1])
    axes.stackplot(middle, held.T, colors=colours, linewidth=0, antialiased=False)
    for level in np.cumsum(due, axis=1).T:
        axes.plot(middle, level, color="black", linewidth=0.6, linestyle="--")
    axes.set_ylabel(report.policy)
    axes.set_xlim(0.0, float(days[-1]))
    axes.set_ylim(0.0, 100.0)


def _draw_lag(axes: Any, report: "Report", lag: Floats, highest: float) -> None:
    days = report.course.hours / HOURS_PER_DAY
    for column, colour in zip(lag.T, _colours(GROUPS_SHOWN, lag.shape[1]), strict=False):
        axes.plot(days, column, color=colour, linewidth=1.3)
    axes.axhline(0.0, color="black", linewidth=0.6)
    axes.set_ylim(-highest, highest)
    axes.grid(alpha=0.25)


def _swatch(colour: str) -> Any:
    from matplotlib.patches import Patch

    return Patch(color=colour)
