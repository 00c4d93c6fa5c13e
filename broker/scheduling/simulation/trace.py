"""A trace: who submitted what and when, as columns; and the reading of its rows.

    job_id,user,group,gpus,submit_s,duration_s,state

An account is a user within a group. Without a user the group itself is the account; without a group
the user stands beside the groups. `state` is accepted and not used: a job that failed held its GPUs
just as long. Rows may come in any order; they are put in order of submission.
"""

import csv
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from broker.scheduling.columns import (
    Floats,
    Int32s,
    InvalidColumnError,
    column,
    refuse,
    refuse_negative,
    refuse_not_finite,
)

COLUMNS = ("job_id", "user", "group", "gpus", "submit_s", "duration_s", "state")
GPUS_MAX = 1_000_000
SECONDS_MAX = 1e10  # some 300 years


@dataclass(frozen=True, slots=True)
class Trace:
    """Jobs in order of submission, n rows.

    account: int32[n], an index into `accounts`.
    gpus: int32[n], >= 1, all of them or none.
    submit_seconds: float64[n], on any clock, rising.
    duration_seconds: float64[n], time on the GPUs, not negative.
    accounts: (group, user) of each account; either may be empty, not both.
    """

    account: Int32s
    gpus: Int32s
    submit_seconds: Floats
    duration_seconds: Floats
    accounts: tuple[tuple[str, str], ...]

    def __post_init__(self) -> None:
        size = len(self.account)
        for name, dtype in (
            ("account", np.int32),
            ("gpus", np.int32),
            ("submit_seconds", np.float64),
            ("duration_seconds", np.float64),
        ):
            checked = column(f"trace.{name}", getattr(self, name), dtype, size)
            object.__setattr__(self, name, checked)
        refuse_negative("trace.account", self.account)
        refuse("trace.account", self.account >= len(self.accounts), "names no account")
        refuse("trace.gpus", self.gpus < 1, "is below 1")
        refuse_not_finite("trace.submit_seconds", self.submit_seconds)
        refuse_not_finite("trace.duration_seconds", self.duration_seconds)
        refuse_negative("trace.duration_seconds", self.duration_seconds)
        earlier = np.zeros(size, bool)
        earlier[1:] = self.submit_seconds[1:] < self.submit_seconds[:-1]
        refuse("trace.submit_seconds", earlier, "is earlier than the row before")
        if len(set(self.accounts)) < len(self.accounts):
            raise InvalidColumnError("trace.accounts", "names an account twice")
        if ("", "") in self.accounts:
            raise InvalidColumnError("trace.accounts", "has an account without user and group")

    @property
    def jobs(self) -> int:
        return int(self.account.size)

    def between(self, start_seconds: float, end_seconds: float) -> "Trace":
        """The jobs submitted from `start_seconds` to before `end_seconds`, and their accounts."""
        low, high = np.searchsorted(self.submit_seconds, (start_seconds, end_seconds))
        kept, account = np.unique(self.account[low:high], return_inverse=True)
        return Trace(
            account.astype(np.int32),
            self.gpus[low:high],
            self.submit_seconds[low:high],
            self.duration_seconds[low:high],
            tuple(self.accounts[each] for each in kept),
        )


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that no job can be made of. `line` counts from 1, the heading included."""

    line: int
    why: str


def read_trace(lines: Iterable[str], fits: Callable[[int], bool]) -> tuple[Trace, list[BadRow]]:
    """The jobs of a CSV file and the rows that are none, each with its reason.

    fits: whether the cluster could ever run a job of so many GPUs.
    Raises InvalidColumnError (a ValueError) where the heading lacks a column.
    """
    bad: list[BadRow] = []
    rows = records(lines, bad)
    _, heading = next(rows, (0, []))
    place = _places(heading)
    good: list[tuple[float, int, float, tuple[str, str]]] = []
    seen: set[str] = set()
    sizes: dict[int, bool] = {}
    for line, row in rows:
        try:
            if len(row) > len(heading):
                raise ValueError(f"has {len(row)} fields, not {len(heading)}")
            job = _job(row, place, seen)
            if not sizes.setdefault(job[1], fits(job[1])):
                raise ValueError(f"gpus is {job[1]}: no such job fits on the cluster")
            good.append(job)
        except ValueError as error:
            bad.append(BadRow(line, str(error)))
    good.sort(key=lambda job: job[0])
    number: dict[tuple[str, str], int] = {}
    account = [number.setdefault(job[3], len(number)) for job in good]
    trace = Trace(
        np.array(account, np.int32),
        np.array([job[1] for job in good], np.int32),
        np.array([job[0] for job in good], np.float64),
        np.array([job[2] for job in good], np.float64),
        tuple(number),
    )
    return trace, bad


def records(lines: Iterable[str], bad: list[BadRow]) -> Iterator[tuple[int, list[str]]]:
    """(line on which it ends, fields) of each row of a CSV file that is not blank.

    What the csv module cannot read is added to `bad`.
    """
    rows = csv.reader(lines)
    while True:
        try:
            row = next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            bad.append(BadRow(rows.line_num, str(error)))
        else:
            if row:
                yield rows.line_num, row


def _places(heading: Sequence[str]) -> list[int]:
    """Where each of `COLUMNS` stands; `state` may be missing (-1)."""
    names = [name.strip().lstrip("\ufeff") for name in heading]
    for name in COLUMNS:
        if name not in names and name != "state":
            raise InvalidColumnError("heading", f"has no column {name}: {','.join(COLUMNS)}")
        if names.count(name) > 1:
            raise InvalidColumnError("heading", f"has the column {name} twice")
    return [names.index(name) if name in names else -1 for name in COLUMNS]


def _job(
    row: Sequence[str], place: Sequence[int], seen: set[str]
) -> tuple[float, int, float, tuple[str, str]]:
    """(submitted, gpus, duration, account); a ValueError says what is wrong with the row."""
    if len(row) <= max(place):
        raise ValueError(f"has {len(row)} fields, not {max(place) + 1}")
    job, user, group, gpus, submit, duration = (row[at].strip() for at in place[:-1])
    if not job:
        raise ValueError("job_id is empty")
    if job in seen:
        raise ValueError(f"job_id {job} occurs twice")
    if not user and not group:
        raise ValueError("user and group are both empty")
    values = (
        _seconds("submit_s", submit),
        _whole("gpus", gpus),
        _seconds("duration_s", duration),
        (group, user),
    )
    seen.add(job)
    return values


def _whole(name: str, text: str) -> int:
    try:
        value = int(text)
    except ValueError:
        raise ValueError(f"{name} is {text!r}, not a whole number") from None
    if not 1 <= value <= GPUS_MAX:
        raise ValueError(f"{name} is {value}, not 1 to {GPUS_MAX}")
    return value


def _seconds(name: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise ValueError(f"{name} is {text!r}, not a number of seconds") from None
    if not (math.isfinite(value) and 0 <= value <= SECONDS_MAX):
        raise ValueError(f"{name} is {text}, not 0 to {SECONDS_MAX:.0f} seconds")
    return value
