"""How far the fleet is from what is due: the running broker's own measure of its promise."""

import math
from dataclasses import dataclass

import numpy as np

from broker.scheduling import Plan, Snapshot

AVERAGE_SECONDS = 300.0  # time constant of the average


def fairness_error(snapshot: Snapshot, decided: Plan) -> float:
    """The part of the fleet, 0 to 1, that accounts hold too little of what is due to them.

    sum over accounts of max(0, entitlement - held) / capacity. What the plan would grant only now
    is not held yet.
    """
    capacity = float(snapshot.class_capacity.sum())
    if capacity <= 0:
        return 0.0
    held = np.zeros(snapshot.accounts.id.size)
    lanes = snapshot.lanes
    np.add.at(held, lanes.account, (lanes.running * lanes.job_slots()).astype(np.float64))
    return float(np.maximum(0.0, decided.entitlement_slots - held).sum()) / capacity


@dataclass(slots=True)
class FairnessMeter:
    """The error now, and its average over about the last five minutes, weighed by time."""

    now: float = 0.0
    average: float = 0.0
    _at: float | None = None

    def observe(self, error: float, at: float) -> None:
        """Takes a new error; the one before held until now.

        Args:
            at: seconds on any clock; one that steps back counts for nothing.
        """
        if self._at is None:
            self.average = error
        else:
            fading = math.exp(-max(0.0, at - self._at) / AVERAGE_SECONDS)
            self.average = self.average * fading + self.now * (1 - fading)
        self.now, self._at = error, at
