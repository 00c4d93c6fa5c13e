"""What a replay is about: the jobs, the cluster and the quotas, the same for every policy."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from broker.scheduling.columns import Int32s
from broker.scheduling.simulation.fleet import Fleet
from broker.scheduling.simulation.matching import State, initial_state
from broker.scheduling.simulation.quotas import Quotas, Tree, tree_of
from broker.scheduling.simulation.trace import Trace


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
        """The cluster before the first submission.

        Limits are the durations: the traces hold no other, and so every policy that plans by
        declared limits plans with perfect ones.
        """
        parts, slots = self.fleet.shapes(self.trace)
        return initial_state(
            self.trace.account, parts, slots, self.trace.duration_seconds, self.fleet.free
        )


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


def nothing() -> Int32s:
    """No jobs."""
    return np.empty(0, np.int32)
