"""One cycle: from a snapshot to grants, with the numbers that explain them."""

import numpy as np

from broker.scheduling.columns import Int32s, Int64s
from broker.scheduling.decision import Plan
from broker.scheduling.dispatch import serve
from broker.scheduling.entitlement import entitlements, unions, wants
from broker.scheduling.explanation import Outcome, Why, explained, unexplained
from broker.scheduling.kernel import kernel
from broker.scheduling.nodes import Nodes, enrol, last_service
from broker.scheduling.ordering import orders_by_id
from broker.scheduling.placement import (
    SECONDS,
    Search,
    Shapes,
    fold_shapes,
    order_hosts,
    renew,
)
from broker.scheduling.rearrangement import rearranged, worthwhile
from broker.scheduling.reservation import ALWAYS, Holds, hold, skips
from broker.scheduling.rings import LaneState
from broker.scheduling.snapshot import Lanes, Snapshot
from broker.scheduling.tree import grow
from broker.scheduling.weights import adjusted_weights, dispatch_weights

ROUNDS_MAX = 4  # of making room and going on with the dispatch


def plan(snapshot: Snapshot, now: float, *, explain: bool = True) -> Plan:
    """Grant free slots to waiting jobs. Pure: the same snapshot gives the same plan.

    now: seconds, kept in the plan. (`usage_gpu_seconds` must already be decayed to it.)
    explain: whether reasons and ranks are wanted; the grants are the same without.
    Raises InvalidColumnError (a ValueError) for ids that occur twice.
    """
    orders = orders_by_id(snapshot)
    if orders.none_needed:
        return _plan_in_order(snapshot, now, explain)
    return orders.put_back(_plan_in_order(orders.arrange(snapshot), now, explain))


def _plan_in_order(snapshot: Snapshot, now: float, explain: bool) -> Plan:
    """`plan` for rows that stand in order of id."""
    lanes, size = snapshot.lanes, snapshot.accounts.id.size
    tree = grow(snapshot.accounts, snapshot.groups)
    adjusted = adjusted_weights(snapshot, tree)
    wanted = wants(lanes, size, snapshot.class_capacity)
    sets = unions(wanted, snapshot.class_capacity)
    entitlement = entitlements(snapshot, tree, adjusted, wanted, sets)
    fair = entitlement
    if adjusted is not tree.weight:
        fair = entitlements(snapshot, tree, tree.weight, wanted, sets)

    holds = hold(snapshot)
    shapes = fold_shapes(lanes, holds, snapshot.class_capacity)
    search = order_hosts(snapshot.hosts, holds, shapes, snapshot.class_capacity.size)
    queue = LaneState(
        lanes.pending.copy(), shapes.of_lane.copy(), np.full(lanes.id.size, -1, np.int32)
    )
    served = last_service(lanes.account, lanes.last_served, size)
    weight = dispatch_weights(tree.parent, adjusted)
    nodes = enrol(tree, weight, wanted.held, served)
    held = nodes.allocated.copy()
    grants = _grant(snapshot, holds, shapes, nodes, queue, search)
    allocated = nodes.allocated[:-1].copy()
    granted = lanes.pending - queue.waiting
    outcome = Outcome(grants, granted, adjusted, entitlement, fair, allocated)
    why = unexplained
    if explain:
        why = explained(snapshot, tree, shapes, nodes, queue, search, held, outcome)
    return _decided(snapshot, now, holds, search, outcome, why)


def _decided(
    snapshot: Snapshot, now: float, holds: Holds, search: Search, outcome: Outcome, why: Why
) -> Plan:
    """The answer of a cycle."""
    lanes, size = snapshot.lanes, snapshot.accounts.id.size
    grants, granted = outcome.grants, outcome.granted
    entitlement, allocated = outcome.entitlement, outcome.allocated
    lane, host, count, gang, busy = _columns(grants, search.host, search.klass)
    skipped = skips(
        lanes.account,
        lanes.pending,
        granted,
        lanes.slots,
        lanes.members,
        lanes.classes,
        lanes.skipped,
        busy,
        allocated[:size] - snapshot.accounts.lag_slots < entitlement[:size],
        snapshot.slot_units,
    )
    return Plan(
        planned_at=now,
        grant_lane=lane,
        grant_host=host,
        grant_count=count,
        grant_gang=gang,
        weight_adjusted=outcome.weight[:size],
        entitlement_slots=entitlement[:size],
        fair_slots=outcome.fair[:size],
        allocated_slots=allocated[:size],
        account_rank=why.rank,
        group_weight_adjusted=outcome.weight[size:],
        group_entitlement_slots=entitlement[size:],
        group_allocated_slots=allocated[size:],
        lane_granted=granted,
        lane_skipped=skipped,
        lane_reserved_class=np.where(granted > 0, np.int32(-1), holds.klass),
        lane_starts_in=np.where(granted > 0, np.inf, holds.starts_in),
        lane_reason=why.reason,
        lane_blocking_class=why.blocking_class,
    )


@kernel
def _columns(
    grants: Int64s, hosts: Int32s, klass: Int32s
) -> tuple[Int32s, Int32s, Int64s, Int32s, np.uint64]:
    """Lane, host, jobs and gang of each row of int64[r, 4] as columns of their own, and the mask of
    all hosts' classes. hosts and klass: int32[.], by position."""
    rows = grants.shape[0]
    lane, host = np.empty(rows, np.int32), np.empty(rows, np.int32)
    count, gang = np.empty(rows, np.int64), np.empty(rows, np.int32)
    busy = np.uint64(0)
    for row in range(rows):
        at = grants[row, 1]
        lane[row], host[row] = grants[row, 0], hosts[at]
        count[row], gang[row] = grants[row, 2], grants[row, 3]
        busy |= np.uint64(1) << np.uint64(klass[at])
    return lane, host, count, gang, busy


def _grant(
    snapshot: Snapshot,
    holds: Holds,
    shapes: Shapes,
    nodes: Nodes,
    queue: LaneState,
    search: Search,
) -> Int64s:
    """Grants int64[r, 4], see `dispatch`: first what hosts were held for and now fits, a job each;
    then all others; and once more where room was made."""
    lanes = snapshot.lanes
    columns = (lanes.account, lanes.last_served, shapes.rarity)
    grants = np.empty((0, 4), np.int64)
    if holds.ready.size:
        grants = _grant_held(lanes, holds, shapes, nodes, queue, search)
    grants = _joined(grants, serve(*columns, nodes, queue, search))
    for _ in range(ROUNDS_MAX):
        if not worthwhile(search):
            break
        waits = (queue.waiting > 0) & (shapes.of_lane >= 0)
        single = waits & (lanes.members == 1)
        wanted = np.zeros(search.cursor.size, np.int64)
        np.add.at(wanted, shapes.of_lane[single], queue.waiting[single])
        grants, moved = rearranged(grants, shapes.of_lane, wanted, search)
        if not moved:
            break
        renew(search)
        queue.shape[:] = np.where(waits, shapes.of_lane, -1)
        more = serve(*columns, nodes, queue, search)
        if more.shape[0] == 0:
            break
        grants = _joined(grants, more)
    return grants


def _grant_held(
    lanes: Lanes,
    holds: Holds,
    shapes: Shapes,
    nodes: Nodes,
    queue: LaneState,
    search: Search,
) -> Int64s:
    """One job of each lane whose hosts are ready; then what is left of them is anybody's."""
    waiting = queue.waiting.copy()
    queue.waiting.fill(0)
    queue.waiting[holds.ready] = 1
    queue.shape[:] = np.where(queue.waiting > 0, shapes.of_lane, -1)
    columns = (lanes.account, lanes.last_served, shapes.rarity)
    grants = serve(*columns, nodes, queue, search)
    waiting[holds.ready] += queue.waiting[holds.ready] - 1
    queue.waiting[:] = waiting
    queue.shape[:] = np.where(waiting > 0, shapes.of_lane, -1)
    search.free[np.isin(search.host, holds.ready_rows), SECONDS] = ALWAYS
    renew(search)
    return grants


def _joined(grants: Int64s, more: Int64s) -> Int64s:
    """One table after the other; the gangs of the second are numbered on."""
    if grants.shape[0] == 0:
        return more
    more[:, 3] += np.where(more[:, 3] >= 0, grants[:, 3].max() + 1, 0)
    return np.concatenate((grants, more))
