"""The leader's memory of who was short of slots lately, as `broker.scheduling.lag` defines it.

Lost when another broker leads, and when an account has had no open jobs for a while: a lag is worth
at most one job, and the history of usage remembers the rest.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from broker.protocol.ids import AccountId, GroupId
from broker.scheduling import Plan, Snapshot, carried
from broker.scheduling.columns import Floats, Int64s

REMEMBERED_JOBS = 10.0  # typical jobs after which an account that left is forgotten

Node = int  # an account's id, or ~id of a group: so one table holds both


@dataclass(slots=True)
class Lags:
    """Lag of each account and group in slot-seconds, brought forward from cycle to cycle."""

    _row_of: dict[Node, int] = field(default_factory=dict)
    _parent: Int64s = field(default_factory=lambda: np.zeros(0, np.int64))
    _lag: Floats = field(default_factory=lambda: np.zeros(0))
    _entitlement: Floats = field(default_factory=lambda: np.zeros(0))
    _allocated: Floats = field(default_factory=lambda: np.zeros(0))
    _gone: dict[Node, tuple[float, float]] = field(default_factory=dict)  # when, lag
    _at: float = 0.0

    def advance(self, now: float, job_seconds: float) -> None:
        """Counts the time since the last call: until now, everybody held what was known then.

        Args:
            now: seconds; a clock that steps back counts for nothing.
            job_seconds: the length of a typical job.
        """
        seconds = max(0.0, now - self._at)
        self._at = now
        self._lag = carried(
            self._lag, self._entitlement, self._allocated, self._parent, seconds, job_seconds
        )
        horizon = now - REMEMBERED_JOBS * job_seconds
        self._gone = {n: (when, lag) for n, (when, lag) in self._gone.items() if when >= horizon}

    def freed(self, account: AccountId, slots: float) -> None:
        """Slots of an account became free since the last plan."""
        row = self._row_of.get(account, -1)
        while row >= 0:
            self._allocated[row] = max(0.0, self._allocated[row] - slots)
            row = int(self._parent[row])

    def of_accounts(self, accounts: Iterable[AccountId], job_seconds: float) -> Floats:
        """`Accounts.lag_slots` for the next snapshot, float64[n], in slots of the fleet."""
        return self._slots(accounts, job_seconds)

    def of_groups(self, groups: Iterable[GroupId], job_seconds: float) -> Floats:
        """`Groups.lag_slots` for the next snapshot, float64[g], likewise."""
        return self._slots((~group for group in groups), job_seconds)

    def planned(self, snapshot: Snapshot, decided: Plan) -> None:
        """Takes over what a plan says. Who left with slots to its credit wants them no more."""
        accounts, groups = snapshot.accounts, snapshot.groups
        nodes: Sequence[Node] = [*accounts.id.tolist(), *(~groups.id).tolist()]
        lag = np.array([self._of(node) for node in nodes], np.float64)
        left = self._row_of.keys() - set(nodes)
        self._gone |= {node: (self._at, min(0.0, self._of(node))) for node in left}
        self._row_of = {node: row for row, node in enumerate(nodes)}
        above = np.concatenate((accounts.group, groups.parent)).astype(np.int64)
        self._parent = np.where(above >= 0, above + accounts.id.size, -1)
        self._lag = lag
        self._entitlement = (
            np.concatenate((decided.entitlement_slots, decided.group_entitlement_slots))
            / snapshot.slot_units
        )
        self._allocated = (
            np.concatenate((decided.allocated_slots, decided.group_allocated_slots))
            / snapshot.slot_units
        )

    def _slots(self, nodes: Iterable[Node], job_seconds: float) -> Floats:
        return np.array([self._of(node) for node in nodes], np.float64) / job_seconds

    def _of(self, node: Node) -> float:
        """Slot-seconds; of those who left too, should they be back."""
        if (row := self._row_of.get(node)) is not None:
            return float(self._lag[row])
        return self._gone.get(node, (0.0, 0.0))[1]
