"""Shares from what really ran: slot-seconds of attempts inside the time of contention. Pure.

Times are seconds on any one clock; a share is a fraction of 1, an error is in percentage points.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class Attempt:
    """One closed lease: who it was for, when it held its slots, what was charged for it."""

    scientist: str
    leased_at: float
    finished_at: float
    slot_seconds: float

    def within(self, start: float, end: float) -> float:
        """Slot-seconds of it that fall between two moments, spread evenly over its time."""
        length = self.finished_at - self.leased_at
        if length <= 0:
            return self.slot_seconds if start <= self.leased_at < end else 0.0
        overlap = min(end, self.finished_at) - max(start, self.leased_at)
        return self.slot_seconds * max(0.0, overlap) / length


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of time."""

    start: float
    end: float

    @property
    def seconds(self) -> float:
        return self.end - self.start


def contention(attempts: Sequence[Attempt], waiting: Mapping[str, int]) -> Window | None:
    """From the first lease until the first scientist has no job left that waits.

    Args:
        attempts: every closed attempt.
        waiting: for each scientist, the jobs that never got a lease (0 when all ran).

    Returns:
        None when somebody never got anything, so that there is nothing to compare.
    """
    last_lease = dict.fromkeys(waiting, -math.inf)
    for attempt in attempts:
        last_lease[attempt.scientist] = max(last_lease[attempt.scientist], attempt.leased_at)
    if not last_lease or -math.inf in last_lease.values():
        return None
    drained = [last_lease[name] for name, jobs in waiting.items() if jobs == 0]
    start = min(attempt.leased_at for attempt in attempts)
    end = min(drained, default=max(last_lease.values()))
    return Window(start, end) if end > start else None


def delivered(
    attempts: Iterable[Attempt], names: Iterable[str], window: Window
) -> dict[str, float]:
    """Slot-seconds that each scientist got within a window."""
    total = dict.fromkeys(names, 0.0)
    for attempt in attempts:
        total[attempt.scientist] += attempt.within(window.start, window.end)
    return total


def fractions(amounts: Mapping[str, float]) -> dict[str, float]:
    """Parts of the whole; zeros when the whole is 0."""
    whole = sum(amounts.values())
    return {name: amount / whole if whole > 0 else 0.0 for name, amount in amounts.items()}


def error_points(shares: Mapping[str, float], quotas: Mapping[str, float]) -> float:
    """Largest distance between a share and its quota's part of all quotas, percentage points."""
    due = fractions(quotas)
    return 100.0 * max(abs(shares[name] - due[name]) for name in due)


def over_time(
    attempts: Sequence[Attempt],
    names: Sequence[str],
    window: Window,
    width_seconds: float,
    moments: int = 200,
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """How shares developed: (seconds since the window's start, since its start, over a while).

    Args:
        width_seconds: length of the moving window, which looks back.
        moments: how many points in time.

    Returns:
        float64[moments], and twice float64[scientists, moments]: the share of everything given so
        far, and the share of what was given in the last `width_seconds`.
    """
    times = np.linspace(0.0, window.seconds, moments + 1)[1:]
    since_start = np.zeros((len(names), moments))
    lately = np.zeros((len(names), moments))
    for column, seconds in enumerate(times):
        now = window.start + float(seconds)
        for shares, start in (
            (since_start, window.start),
            (lately, max(window.start, now - width_seconds)),
        ):
            part = fractions(delivered(attempts, names, Window(start, now)))
            shares[:, column] = [part[name] for name in names]
    return times, since_start, lately
