"""The verdict: what was measured, whether it is good enough, and how it is told."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from broker.demo import onsager
from broker.demo.onsager import Point
from broker.demo.scientists import Design

SHARE_TOLERANCE_POINTS = 2.0
PHYSICS_TOLERANCE = 0.02
"""Of the magnetisation per site, and of the energy per site in units of J."""


@dataclass(frozen=True, slots=True)
class Report:
    """What the demo found. Nulls where there was too little to measure.

    Shares are fractions of 1, errors percentage points, times seconds, pictures paths.
    """

    quotas: dict[str, float]
    shares: dict[str, float] | None
    slot_seconds: dict[str, float] | None
    share_error_points: float | None
    contention_seconds: float
    deviation_max: float | None
    energy_deviation_max: float | None
    points: list[Point]
    jobs: int
    jobs_succeeded: int
    jobs_failed: int
    pictures: list[str]
    seconds: float
    slots: int

    def faults(self) -> list[str]:
        """Why the demo did not succeed, one sentence each; empty when it did."""
        found = []
        if self.jobs_failed:
            found.append(f"{self.jobs_failed} of {self.jobs} jobs failed")
        if self.share_error_points is None:
            found.append("there was no contention in which shares could be measured")
        elif self.share_error_points >= SHARE_TOLERANCE_POINTS:
            found.append(
                f"shares are {self.share_error_points:.2f} points from the quotas, "
                f"not within {SHARE_TOLERANCE_POINTS:g}"
            )
        for what, deviation in (
            ("magnetisation", self.deviation_max),
            ("energy", self.energy_deviation_max),
        ):
            if deviation is None:
                found.append(f"there is no {what} to compare")
            elif deviation >= PHYSICS_TOLERANCE:
                found.append(
                    f"the {what} is {deviation:.4f} from the exact solution, "
                    f"not within {PHYSICS_TOLERANCE:g}"
                )
        return found

    def document(self) -> dict[str, Any]:
        """The report as one JSON document."""
        return {**asdict(self), "faults": self.faults()}


def show(report: Report, design: Design, console: Console) -> None:
    """Prints the report for a person."""
    if report.shares and report.slot_seconds:
        console.print(_share_table(report, report.shares, report.slot_seconds))
    if report.points:
        console.print(_physics_table(report.points, design.size))
    if report.share_error_points is not None:
        console.print(f"largest share error: {report.share_error_points:.2f} percentage points")
    if report.deviation_max is not None:
        console.print(
            f"largest deviation of the magnetisation from the exact solution: "
            f"{report.deviation_max:.4f} (T ≤ {onsager.COMPARED_BELOW:g})",
            soft_wrap=True,
        )
    if report.energy_deviation_max is not None:
        console.print(
            f"largest deviation of the energy from the exact solution: "
            f"{report.energy_deviation_max:.4f} J (all temperatures)",
            soft_wrap=True,
        )
    for picture in report.pictures:
        console.print(f"picture: {picture}", markup=False, soft_wrap=True)
    for fault in report.faults():
        console.print(f"[red]not met:[/red] {fault}", soft_wrap=True)
    console.print(
        f"{report.jobs_succeeded} of {report.jobs} jobs done, {report.seconds:.0f} s in all"
    )


def _share_table(report: Report, shares: dict[str, float], slot_seconds: dict[str, float]) -> Table:
    table = Table(
        title=f"shares in {report.contention_seconds:.0f} s of contention",
        title_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
    )
    table.add_column("scientist")
    for heading in ("quota", "share given", "difference", "slot-seconds"):
        table.add_column(heading, justify="right")
    for name, quota in report.quotas.items():
        table.add_row(
            name,
            f"{quota:.1%}",
            f"{shares[name]:.1%}",
            f"{100 * (shares[name] - quota):+.2f} points",
            f"{slot_seconds[name]:.1f}",
        )
    return table


def _physics_table(points: Sequence[Point], size: int) -> Table:
    table = Table(
        title=f"2-D Ising model, {size} x {size}, per site",
        title_justify="left",
        caption=f"|m| above T = {onsager.COMPARED_BELOW:g} is shown, not compared: "
        "on a finite lattice its mean is never 0",
        caption_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
    )
    for heading in ("T", "chains", "|m|", "exact", "energy / J", "exact"):
        table.add_column(heading, justify="right")
    for p in points:
        table.add_row(
            f"{p.temperature:g}",
            str(p.runs),
            f"{p.magnetisation:.4f} ± {p.magnetisation_error:.4f}",
            f"{onsager.magnetisation(p.temperature):.4f}",
            f"{p.energy:.4f} ± {p.energy_error:.4f}",
            f"{onsager.energy(p.temperature):.4f}",
        )
    return table
