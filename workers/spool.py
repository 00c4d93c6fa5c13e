"""Reports on disk between the end of an attempt and the broker's answer.

A group of reports is one file: written aside, synced, renamed, its directory synced; only then
may it be sent. It is removed when every report in it has been answered. So a crash at any moment
loses no report, and at worst sends one twice, which the broker answers `stored`.
"""

import contextlib
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import structlog
from pydantic import TypeAdapter, ValidationError

from broker.protocol.leases import Report
from workers.state_directory import write_durably

_REPORTS = TypeAdapter(list[Report])
log = structlog.get_logger()


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """Reports that share a file; `path` is null when the disk refused them. Equal only itself."""

    path: Path | None
    reports: tuple[Report, ...]


class Spool:
    """See the module's text. Calls block on the disk: run them in a thread."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._numbers = itertools.count(1 + max(map(_number, directory.glob("*.json")), default=0))

    def write(self, reports: Sequence[Report]) -> Group:
        """Keep reports; returns once they would survive a power cut.

        Raises:
            OSError: the disk refuses.
        """
        path = self._directory / f"{next(self._numbers):016d}.json"
        write_durably(path, _REPORTS.dump_json(list(reports)))
        return Group(path, tuple(reports))

    def remove(self, group: Group) -> None:
        """Every report of the group has been answered."""
        if group.path is not None:
            # No sync: coming back after a power cut only sends the reports once more.
            with contextlib.suppress(OSError):
                group.path.unlink(missing_ok=True)

    def refuse(self, report: Report) -> None:
        """Set aside a report that the broker cannot accept, for a person to look at."""
        aside = self._directory / "refused"
        aside.mkdir(mode=0o700, exist_ok=True)
        write_durably(
            aside / f"job_{report.job}-{report.epoch}.json", report.model_dump_json().encode()
        )

    def load(self) -> list[Group]:
        """What earlier agent processes left, oldest first; damaged files are set aside."""
        groups = []
        for part in self._directory.glob("*.part"):
            part.unlink(missing_ok=True)  # never renamed, so never sent and never promised
        for path in sorted(self._directory.glob("*.json")):
            try:
                groups.append(Group(path, tuple(_REPORTS.validate_json(path.read_bytes()))))
            except (OSError, ValidationError) as error:
                log.error("damaged spool file set aside", path=str(path), error=str(error)[:200])
                path.rename(path.with_suffix(".damaged"))
        return groups


def _number(path: Path) -> int:
    return int(path.stem) if path.stem.isdigit() else 0
