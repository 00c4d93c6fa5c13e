"""Two pictures: the magnetisation curve, and how the shares developed."""

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from broker.demo import onsager
from broker.demo.measure import Attempt, Window, fractions, over_time
from broker.demo.onsager import Point
from broker.errors import StartupError

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7")  # told apart also by the colour-blind
TOLERANCE_POINTS = 2.0
GREY = "0.35"


def require() -> None:
    """Raises StartupError when pictures cannot be drawn here."""
    if find_spec("matplotlib") is None:
        raise StartupError('pictures are drawn with matplotlib: pip install "fairlead[demo]"')


def draw_magnetisation(file: Path, points: Sequence[Point], size: int) -> None:
    """|m| over temperature with the exact curve, and below it what is left between the two."""
    figure = new_figure(7.5, 6.5)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1.2))
    coldest, hottest = points[0].temperature - 0.1, points[-1].temperature + 0.1
    # Dense towards the critical temperature, where the curve falls like (Tc - T)^(1/8).
    gap = np.geomspace(onsager.CRITICAL_TEMPERATURE - coldest, 1e-9, 400)
    curve = onsager.CRITICAL_TEMPERATURE - gap
    exact = [onsager.magnetisation(t) for t in curve] + [0.0, 0.0]
    above.plot(
        [*curve, onsager.CRITICAL_TEMPERATURE, hottest],
        exact,
        color="black",
        linewidth=1.2,
        label="exact, infinite lattice (Onsager, Yang)",
    )
    runs = sum(p.runs for p in points)
    for compared, marker, face, label in (
        (True, "o", COLOURS[0], f"Monte Carlo, {size} x {size}, compared"),
        (False, "o", "white", f"Monte Carlo, {size} x {size}, only shown"),
    ):
        chosen = [p for p in points if p.compared is compared]
        above.errorbar(
            [p.temperature for p in chosen],
            [p.magnetisation for p in chosen],
            [p.magnetisation_error for p in chosen],
            fmt=marker,
            color=COLOURS[0],
            markerfacecolor=face,
            markersize=6,
            capsize=3,
            label=label,
        )
    above.set_ylabel("magnetisation per site, ⟨|m|⟩")
    above.set_title(f"2-D Ising model: {runs} independent chains run as jobs by three scientists")
    above.set_xlim(coldest, hottest)
    above.set_ylim(-0.03, 1.05)
    compared_points = [p for p in points if p.compared]
    below.axhline(0.0, color="black", linewidth=1.2)
    below.errorbar(
        [p.temperature for p in compared_points],
        [p.magnetisation - onsager.magnetisation(p.temperature) for p in compared_points],
        [p.magnetisation_error for p in compared_points],
        fmt="o",
        color=COLOURS[0],
        markersize=5,
        capsize=3,
    )
    below.set_ylabel("⟨|m|⟩ - exact\n(bars: one standard error)", fontsize="small")
    below.set_xlabel("temperature, $k_B T / J$")
    for axes in (above, below):
        axes.axvline(onsager.CRITICAL_TEMPERATURE, color=GREY, linestyle=":", linewidth=1.2)
        axes.grid(alpha=0.25)
    above.text(onsager.CRITICAL_TEMPERATURE + 0.03, 0.97, "$T_c$ = 2.269", color=GREY, va="center")
    above.legend(loc="center right", fontsize="small")
    figure.savefig(file)


def draw_shares(
    file: Path,
    attempts: Sequence[Attempt],
    quotas: Mapping[str, float],
    window: Window,
    width_seconds: float,
    remark: str = "",
) -> None:
    """Shares since the start of contention and in a moving window, against the quotas."""
    names = list(quotas)
    due = fractions(quotas)
    times, since_start, lately = over_time(attempts, names, window, width_seconds)
    figure = new_figure(8.5, 5.0)
    axes = figure.subplots()
    for row, name in enumerate(names):
        colour = COLOURS[row % len(COLOURS)]
        quota = 100.0 * due[name]
        axes.axhspan(
            quota - TOLERANCE_POINTS, quota + TOLERANCE_POINTS, color=colour, alpha=0.12, lw=0
        )
        axes.axhline(quota, color=colour, linestyle="--", linewidth=1.0)
        axes.plot(times, 100.0 * lately[row], color=colour, linewidth=0.9, alpha=0.6)
        final = 100.0 * since_start[row, -1]
        axes.plot(
            times,
            100.0 * since_start[row],
            color=colour,
            linewidth=2.2,
            label=f"{name}: quota {quota:.0f} %, given {final:.1f} %",
        )
    axes.plot([], [], color=GREY, linewidth=2.2, label="since the start")
    axes.plot([], [], color=GREY, linewidth=0.9, label=f"in the last {width_seconds:.0f} s")
    axes.plot([], [], color=GREY, linestyle="--", linewidth=1.0, label="quota, ± 2 points")
    axes.set_xlim(0.0, window.seconds)
    axes.set_ylim(0.0, 80.0)
    axes.set_xlabel("time since the first lease, s")
    axes.set_ylabel("share of the slot-seconds given, %")
    title = "Shares given while all scientists have jobs waiting"
    axes.set_title(f"{title}\n{remark}" if remark else title, fontsize="medium")
    axes.grid(alpha=0.25)
    axes.legend(loc="upper right", ncols=2)
    figure.savefig(file)


def new_figure(width: float, height: float) -> Any:
    """A figure in inches; drawn without a display and without pyplot's global state."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    return figure
