"""What is due to each account by quota alone, integrated from plan to plan: the leader's memory.

PostgreSQL holds the integral; here is what was not written down yet. It is lost when another broker
leads, and that is a few seconds' worth.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from broker.protocol.ids import AccountId
from broker.scheduling import Plan, Snapshot
from broker.scheduling.columns import Floats, Int64s


@dataclass(slots=True)
class Dues:
    """GPU-seconds that became due to accounts since they were last written down."""

    _ids: Int64s = field(default_factory=lambda: np.zeros(0, np.int64))  # rising
    _slots: Floats = field(default_factory=lambda: np.zeros(0))  # due at the last plan
    _gpu_seconds: Floats = field(default_factory=lambda: np.zeros(0))
    _gone: dict[int, float] = field(default_factory=dict)  # of accounts that want nothing now
    _at: float = 0.0

    def advance(self, now: float) -> None:
        """Counts the time since the last call.

        Args:
            now: seconds; a clock that steps back counts for nothing.
        """
        self._gpu_seconds += self._slots * max(0.0, now - self._at)
        self._at = now

    def planned(self, snapshot: Snapshot, decided: Plan) -> None:
        """From now on this is due."""
        ids = snapshot.accounts.id
        if not np.array_equal(ids, self._ids):
            pending = self.of(ids.tolist())
            left = ~np.isin(self._ids, ids)
            for account in ids.tolist():
                self._gone.pop(account, None)
            gone = zip(self._ids[left].tolist(), self._gpu_seconds[left].tolist(), strict=True)
            self._gone |= dict(gone)
            self._ids, self._gpu_seconds = ids.copy(), pending
        self._slots = decided.fair_slots / snapshot.slot_units

    def slots(self, accounts: Sequence[AccountId] | Sequence[int]) -> Floats:
        """What was due at the last plan, float64[n]; 0 for accounts that were not in it."""
        return self._looked_up(self._slots, accounts)

    def of(self, accounts: Sequence[AccountId] | Sequence[int]) -> Floats:
        """GPU-seconds that were not written down yet, float64[n]."""
        found = self._looked_up(self._gpu_seconds, accounts)
        if self._gone:
            found += [self._gone.get(int(account), 0.0) for account in accounts]
        return found

    def unwritten(self) -> list[tuple[AccountId, float]]:
        """All there is to write down."""
        rows = [*zip(self._ids.tolist(), self._gpu_seconds.tolist(), strict=True)]
        return [(AccountId(each), due) for each, due in [*rows, *self._gone.items()] if due > 0]

    def written(self) -> None:
        """What was unwritten is in PostgreSQL now."""
        self._gpu_seconds = np.zeros(self._ids.size)
        self._gone.clear()

    def _looked_up(self, values: Floats, accounts: Sequence[int]) -> Floats:
        wanted = np.asarray(accounts, np.int64)
        if self._ids.size == 0:
            return np.zeros(wanted.size)
        row = np.minimum(np.searchsorted(self._ids, wanted), self._ids.size - 1)
        return np.where(self._ids[row] == wanted, values[row], 0.0)
