"""First come, first served, with EASY backfill.

The oldest job that does not fit gets a reservation at the earliest moment when, by the limits of
what runs, it will; younger jobs may pass it where that does not delay it. Quotas play no part.
Source: Lifka, "The ANL/IBM SP scheduling system", 1995.
"""

import numpy as np

from broker.scheduling.columns import Int32s
from broker.scheduling.simulation.in_order import serve_in_order
from broker.scheduling.simulation.scene import Scene
from broker.scheduling.simulation.state import State


class Fifo:
    """See the module."""

    def __init__(self, scene: Scene, state: State) -> None:
        self._state = state
        self._same_account = np.zeros(state.held.size)
        self._same_job = np.zeros(scene.trace.jobs)

    def advance(self, now: float) -> None:
        """Nothing is remembered."""

    def submitted(self, first: int, last: int, now: float) -> None:
        """Rows stand in order of submission already."""

    def ended(self, job: int, seconds: float) -> None:
        """Nothing is remembered."""

    def cycle(self, now: float) -> Int32s:
        """By row."""
        return serve_in_order(self._state, self._same_account, self._same_job, now, True)
