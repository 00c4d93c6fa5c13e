"""What a replay is about: the jobs, the cluster and the quotas, the same for every policy."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from broker.scheduling.columns import Floats, Int32s
from broker.scheduling.simulation.fleet import Fleet
from broker.scheduling.simulation.quotas import Quotas, Tree, tree_of
from broker.scheduling.simulation.state import State, initial_state
from broker.scheduling.simulation.trace import Trace

HOUR_SECONDS = 3600.0
LIMITS_SECONDS = HOUR_SECONDS * np.array(
    [1 / 6, 1.0, 4.0, 12.0, 24.0, 48.0, 96.0, 192.0, 384.0, 768.0]
)


@dataclass(frozen=True, slots=True)
class Scene:
    """One question. half_life_seconds: of whatever past usage a policy remembers."""

    trace: Trace
    fleet: Fleet
    tree: Tree
    half_life_seconds: float

    @classmethod
    def of(cls, trace: Trace, fleet: Fleet, half_life_seconds: float, quotas: Quotas) -> "Scene":
        """Raises InvalidColumnError for quotas that do not name every group."""
        return cls(trace, fleet, tree_of(trace, quotas), half_life_seconds)

    @property
    def start_seconds(self) -> float:
        return float(self.trace.submit_seconds[0])

    @property
    def end_seconds(self) -> float:
        """The last submission: what comes after is only the end of the queue, and not measured."""
        return float(self.trace.submit_seconds[-1])

    def state(self) -> State:
        """The cluster before the first submission."""
        parts, slots = self.fleet.shapes(self.trace)
        limit = declared_limits(self.trace.duration_seconds)
        return initial_state(self.trace.account, parts, slots, limit, self.fleet.free)


def declared_limits(duration_seconds: Floats) -> Floats:
    """How long people said that their jobs would take at most, float64[n]: the traces do not tell,
    so it is the true duration rounded up to the next of `LIMITS_SECONDS`, for every policy."""
    at = np.searchsorted(LIMITS_SECONDS, duration_seconds)
    longest = np.ceil(duration_seconds / LIMITS_SECONDS[-1]) * LIMITS_SECONDS[-1]
    limits: Floats = np.append(LIMITS_SECONDS, 0.0)[at]
    return np.where(at < LIMITS_SECONDS.size, limits, longest)


class Policy(Protocol):
    """Decides which waiting jobs start. It may change `State` only through the kernels."""

    def advance(self, now: float) -> None:
        """Time has come to `now`, and who holds what is about to change."""

    def submitted(self, first: int, last: int, now: float) -> None:
        """The jobs from row `first` to before row `last` wait now."""

    def ended(self, job: int, seconds: float) -> None:
        """A job left the cluster after so many seconds."""

    def cycle(self, now: float) -> Int32s:
        """Start what should start; returns the jobs started."""


class Reclaimer(Protocol):
    """A policy that takes running jobs back."""

    def reclaim(self, now: float) -> Int32s:
        """The running jobs to stop; each waits again, with its place, and begins anew."""

    def stopped(self, job: int) -> None:
        """A job was stopped."""


def nothing() -> Int32s:
    """No jobs."""
    return np.empty(0, np.int32)
