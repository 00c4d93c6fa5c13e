"""A plan in the words of the board: what `shares`, `explain` and `preview` are told from."""

from collections.abc import Sequence

import numpy as np

from broker.protocol.ids import AccountId, GroupId, LaneId
from broker.protocol.resources import WHOLE
from broker.scheduling import LaneReason, Plan, Snapshot
from broker.scheduling.entitlement import wants
from broker.services.leader.backlog import Backlog
from broker.services.leader.fleet import Fleet
from broker.services.plans.board import AccountNote, Board, ClassNote, GroupNote, LaneNote

BUDGET_EXHAUSTED = "budget_exhausted"


def describe(
    snapshot: Snapshot, decided: Plan, lane_ids: Sequence[LaneId], backlog: Backlog, fleet: Fleet
) -> Board:
    """The board of a plan whose grants are not carried out.

    Args:
        lane_ids: of each row of the snapshot's lanes.
    """
    waiting = np.array([backlog.waiting(lane) for lane in lane_ids], np.int64)
    pending = np.zeros(snapshot.accounts.id.size, np.int64)
    np.add.at(pending, snapshot.lanes.account, waiting)
    demand = wants(snapshot.lanes, snapshot.accounts.id.size, snapshot.class_capacity).slots
    return Board(
        decided.planned_at,
        _slots(snapshot.class_capacity.sum()),
        _slots(snapshot.hosts.slots_free.sum()),
        {
            AccountId(int(account)): AccountNote(
                float(snapshot.accounts.weight[row]),
                float(snapshot.accounts.usage_gpu_seconds[row]),
                float(decided.weight_adjusted[row]),
                _slots(decided.entitlement_slots[row]),
                _slots(decided.allocated_slots[row]),
                int(pending[row]),
                int(decided.account_rank[row]),
                _slots(demand[row]),
            )
            for row, account in enumerate(snapshot.accounts.id)
        },
        {
            lane: LaneNote(
                reason_of(decided, row, beyond_budget=waiting[row] > snapshot.lanes.pending[row]),
                int(waiting[row]),
                int(snapshot.lanes.running[row]),
                fleet.class_name(int(decided.lane_blocking_class[row])),
                backlog.lanes[lane].job_seconds,
                backlog.lanes[lane].slots,
                fleet.class_name(int(decided.lane_reserved_class[row])),
                _seconds(decided.lane_starts_in[row]),
            )
            for row, lane in enumerate(lane_ids)
        },
        {
            GroupId(int(group)): GroupNote(
                float(snapshot.groups.weight[row]),
                float(decided.group_weight_adjusted[row]),
                _slots(decided.group_entitlement_slots[row]),
                _slots(decided.group_allocated_slots[row]),
            )
            for row, group in enumerate(snapshot.groups.id)
        },
        _classes(snapshot, decided, fleet),
    )


def reason_of(decided: Plan, row: int, *, beyond_budget: bool) -> str:
    """Why jobs of a lane wait: what the plan says, or that it was not even asked for them."""
    reason = LaneReason(decided.lane_reason[row])
    if beyond_budget and reason in (LaneReason.EMPTY, LaneReason.GRANTED_ALL):
        return BUDGET_EXHAUSTED
    return reason.name.lower()


def _slots(eighths: float) -> float:
    """Slots, of the eighths in which the leader has the planner count."""
    return float(eighths) / WHOLE


def _seconds(starts_in: float) -> float | None:
    """None for never."""
    return float(starts_in) if np.isfinite(starts_in) else None


def _classes(snapshot: Snapshot, decided: Plan, fleet: Fleet) -> list[ClassNote]:
    """Kinds of slots, with what the plan leaves over."""
    left = snapshot.hosts.slots_free.astype(np.int64)
    taken = decided.grant_count * snapshot.lanes.slots[decided.grant_lane]
    np.subtract.at(left, decided.grant_host, taken)
    free = np.zeros(snapshot.class_capacity.size, np.int64)
    np.add.at(free, snapshot.hosts.klass, left)
    return [
        ClassNote(
            fleet.class_name(klass),
            fleet.class_keys[klass].pool,
            bool(fleet.class_keys[klass].model),
            _slots(capacity),
            _slots(free[klass]),
            fleet.class_keys[klass].eighths,
        )
        for klass, capacity in enumerate(snapshot.class_capacity)
    ]
