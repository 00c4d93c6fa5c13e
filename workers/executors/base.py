"""What every executor must do; the conformance suite in tests/conformance holds them to it.

- runs the command with exactly the given environment, in the given directory, without a shell
- ends it at the wall-clock limit and at the memory limit, and when told to
- ending means TERM, a grace, then KILL, of every process that the command started
- when `wait` returns, none of them is left
- stdout and stderr go to the given files, opened for appending
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Protocol


class CannotRun(Exception):
    """The host could not start the command; the message says why."""


class Refused(Exception):
    """The host will not run the job, nor would another one like it; the message says why."""


class Cause(StrEnum):
    """Why a command ended."""

    EXITED = "exited"  # by itself
    WALL_LIMIT = "wall_limit"
    MEMORY_LIMIT = "memory_limit"
    STOPPED = "stopped"  # we were told to


@dataclass(frozen=True, slots=True)
class Task:
    """One command to run."""

    arguments: tuple[str, ...]
    environment: dict[str, str]
    directory: Path
    stdout: Path
    stderr: Path
    mark: str
    """"NAME=value" of a variable in `environment` that no other attempt has."""
    wall_seconds: float
    memory_mib: int
    """Limit for the whole process tree; 0 for none."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended and what it used."""

    cause: Cause
    exit_code: int
    """Exit code, or minus the signal number."""
    wall_seconds: float
    cpu_seconds: float
    memory_peak_mib: float
    """Peak of the tree's resident memory as sampled; 0 for commands too short to be seen."""


class Execution(Protocol):
    """A running command."""

    @property
    def pid(self) -> int:
        """The root of its process tree."""
        ...

    @property
    def started_at(self) -> datetime:
        """When it started, by the host's clock."""
        ...

    def stop(self, *, grace_seconds: float | None = None) -> None:
        """Begin to end it.

        May be called again: the first grace counts, unless a later one is 0.

        Args:
            grace_seconds: between TERM and KILL; null for the executor's own, 0 to kill at once.
        """
        ...

    async def wait(self) -> Ended:
        """Wait until it and everything it started has ended. Call once; cancelling kills."""
        ...


class Executor(Protocol):
    """A way to run commands."""

    @property
    def confines_data(self) -> bool:
        """Whether a command reaches of the host's data only the places that its lease names, and
        under the uid and gid of their roots."""
        ...

    async def start(self, task: Task) -> Execution:
        """Start a command.

        Raises:
            CannotRun: the host cannot start it.
        """
        ...
