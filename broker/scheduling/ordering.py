"""Rows in order of id: so that a plan depends on ids alone, not on the order of a query's rows.

Sums of floats and the last tie-breaker both follow the row order. The planner therefore works on
rows sorted by id, and this module translates there and back. Sorted rows cost one comparison each.
"""

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from broker.scheduling.accounts import Accounts, Groups
from broker.scheduling.columns import Int32s, Int64s, refuse
from broker.scheduling.decision import Plan
from broker.scheduling.kernel import kernel
from broker.scheduling.snapshot import Hosts, Lanes, Snapshot

Order = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Orders:
    """For each table the row numbers in order of id, or None where the rows stand so already."""

    accounts: Order | None
    groups: Order | None
    lanes: Order | None
    hosts: Order | None

    @property
    def none_needed(self) -> bool:
        orders = (self.accounts, self.groups, self.lanes, self.hosts)
        return all(order is None for order in orders)

    def arrange(self, snapshot: Snapshot) -> Snapshot:
        """The same snapshot with its rows in order of id."""
        accounts, groups = snapshot.accounts, snapshot.groups
        lanes, hosts = snapshot.lanes, snapshot.hosts
        if self.groups is not None:
            row = _renumbered(self.groups)
            moved = _taken(groups, self.groups)
            groups = Groups(**moved | {"parent": row[moved["parent"]]})
            accounts = replace(accounts, group=row[accounts.group])
        if self.accounts is not None:
            accounts = Accounts(**_taken(accounts, self.accounts))
            lanes = replace(lanes, account=_renumbered(self.accounts)[lanes.account])
        running = snapshot.running
        if self.lanes is not None:
            lanes = Lanes(**_taken(lanes, self.lanes))
            running = replace(running, lane=_renumbered(self.lanes)[running.lane])
        if self.hosts is not None:
            hosts = Hosts(**_taken(hosts, self.hosts))
            running = replace(running, host=_renumbered(self.hosts)[running.host])
        return replace(
            snapshot, accounts=accounts, groups=groups, lanes=lanes, hosts=hosts, running=running
        )

    def put_back(self, plan: Plan) -> Plan:
        """The plan in the rows of the original snapshot."""
        return replace(
            plan,
            grant_lane=_original(self.lanes, plan.grant_lane),
            grant_host=_original(self.hosts, plan.grant_host),
            weight_adjusted=_scattered(self.accounts, plan.weight_adjusted),
            entitlement_slots=_scattered(self.accounts, plan.entitlement_slots),
            fair_slots=_scattered(self.accounts, plan.fair_slots),
            allocated_slots=_scattered(self.accounts, plan.allocated_slots),
            account_rank=_scattered(self.accounts, plan.account_rank),
            group_weight_adjusted=_scattered(self.groups, plan.group_weight_adjusted),
            group_entitlement_slots=_scattered(self.groups, plan.group_entitlement_slots),
            group_allocated_slots=_scattered(self.groups, plan.group_allocated_slots),
            lane_granted=_scattered(self.lanes, plan.lane_granted),
            lane_skipped=_scattered(self.lanes, plan.lane_skipped),
            lane_reserved_class=_scattered(self.lanes, plan.lane_reserved_class),
            lane_starts_in=_scattered(self.lanes, plan.lane_starts_in),
            lane_reason=_scattered(self.lanes, plan.lane_reason),
            lane_blocking_class=_scattered(self.lanes, plan.lane_blocking_class),
        )


def orders_by_id(snapshot: Snapshot) -> Orders:
    """Raises InvalidColumnError where an id occurs twice."""
    return Orders(
        accounts=_by_id("accounts.id", snapshot.accounts.id),
        groups=_by_id("groups.id", snapshot.groups.id),
        lanes=_by_id("lanes.id", snapshot.lanes.id),
        hosts=_by_id("hosts.id", snapshot.hosts.id),
    )


def in_order(order: Order | None, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """A column of one of the tables in order of id."""
    return values if order is None else values[order]


def _by_id(argument: str, ids: Int64s) -> Order | None:
    if _rise(ids):
        return None
    order = np.argsort(ids, kind="stable")
    twice = np.zeros(ids.size, dtype=bool)
    twice[order[1:]] = ids[order[1:]] == ids[order[:-1]]
    refuse(argument, twice, "occurs twice")
    return order


@kernel
def _rise(ids: Int64s) -> bool:
    """Whether each of int64[x] is greater than the one before."""
    rising = True
    for row in range(1, ids.size):
        rising &= ids[row] > ids[row - 1]
    return rising


def _renumbered(order: Order) -> Int32s:
    """The new row of each old one, int32[rows + 1]; the spare entry keeps -1, the top, at -1."""
    rows = np.full(order.size + 1, -1, np.int32)
    rows[order] = np.arange(order.size)
    return rows


def _taken(columns: Accounts | Groups | Lanes | Hosts, order: Order) -> dict[str, npt.NDArray[Any]]:
    return {field.name: getattr(columns, field.name)[order] for field in fields(columns)}


def _original(order: Order | None, rows: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    return rows if order is None else order[rows].astype(np.int32)


def _scattered(order: Order | None, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    if order is None or values.size == 0:  # there or never asked for
        return values
    scattered = np.empty_like(values)
    scattered[order] = values
    return scattered
