"""The leader's memory of who was short of slots lately, as `broker.scheduling.lag` defines it.

Lost when another broker leads, and when an account has had no open jobs for a while: a lag is worth
at most one job, and the history of usage remembers the rest.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from broker.protocol.ids import AccountId
from broker.scheduling import Plan, carried
from broker.scheduling.columns import Floats, Int64s

REMEMBERED_JOBS = 10.0  # typical jobs after which an account that left is forgotten


@dataclass(slots=True)
class Lags:
    """Lag of each account in slot-seconds, brought forward from cycle to cycle."""

    _row_of: dict[AccountId, int] = field(default_factory=dict)
    _lag: Floats = field(default_factory=lambda: np.zeros(0))
    _entitlement: Floats = field(default_factory=lambda: np.zeros(0))
    _allocated: Floats = field(default_factory=lambda: np.zeros(0))
    _gone: dict[AccountId, tuple[float, float]] = field(default_factory=dict)  # when, lag
    _at: float = 0.0

    def advance(self, now: float, job_seconds: float) -> None:
        """Counts the time since the last call: until now, everybody held what was known then.

        Args:
            now: seconds; a clock that steps back counts for nothing.
            job_seconds: the length of a typical job.
        """
        seconds = max(0.0, now - self._at)
        self._at = now
        self._lag = carried(self._lag, self._entitlement, self._allocated, seconds, job_seconds)
        horizon = now - REMEMBERED_JOBS * job_seconds
        self._gone = {a: (when, lag) for a, (when, lag) in self._gone.items() if when >= horizon}

    def freed(self, account: AccountId, slots: int) -> None:
        """Slots of an account became free since the last plan."""
        if (row := self._row_of.get(account)) is not None:
            self._allocated[row] = max(0.0, self._allocated[row] - slots)

    def slots(self, accounts: Iterable[AccountId], job_seconds: float) -> Floats:
        """`Accounts.lag_slots` for the next snapshot, float64[n]."""
        return np.array([self._of(account) for account in accounts], np.float64) / job_seconds

    def planned(self, accounts: Int64s, decided: Plan) -> None:
        """Takes over what a plan says. Who left with slots to its credit wants them no more."""
        ids = [AccountId(account) for account in accounts.tolist()]
        lag = np.array([self._of(account) for account in ids], np.float64)
        left = self._row_of.keys() - set(ids)
        self._gone |= {account: (self._at, min(0.0, self._of(account))) for account in left}
        self._row_of = {account: row for row, account in enumerate(ids)}
        self._lag, self._entitlement = lag, decided.entitlement_slots
        self._allocated = decided.allocated_slots.astype(np.float64)

    def _of(self, account: AccountId) -> float:
        """Slot-seconds; of those who left too, should they be back."""
        if (row := self._row_of.get(account)) is not None:
            return float(self._lag[row])
        return self._gone.get(account, (0.0, 0.0))[1]
