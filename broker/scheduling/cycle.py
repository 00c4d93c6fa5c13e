"""One cycle: from a snapshot to grants, with the numbers that explain them."""

import numpy as np

from broker.scheduling.accounts import Accounts
from broker.scheduling.columns import Floats, Int32s, Int64s
from broker.scheduling.decision import Plan
from broker.scheduling.dispatch import LaneState, Nodes, dispatch, drop_unplaceable, form_rings
from broker.scheduling.division import divide
from broker.scheduling.entitlement import entitlements, slots_held
from broker.scheduling.ordering import orders_by_id
from broker.scheduling.placement import (
    Search,
    Shapes,
    fold_shapes,
    order_hosts,
    renew,
    slots_by_class,
)
from broker.scheduling.ranks import least_waiting, ranks
from broker.scheduling.rearrangement import rearranged, worthwhile
from broker.scheduling.reasons import Standing, lane_reasons
from broker.scheduling.reservation import hold, skips
from broker.scheduling.snapshot import Hosts, Lanes, Snapshot
from broker.scheduling.tree import Tree, grow, raise_up, rooms, totals
from broker.scheduling.weights import (
    WEIGHTLESS,
    adjusted_weights,
    dispatch_weights,
)


def plan(snapshot: Snapshot, now: float) -> Plan:
    """Grant free slots to waiting jobs. Pure: the same snapshot gives the same plan.

    now: seconds, kept in the plan. (`usage_gpu_seconds` must already be decayed to it.)
    Raises InvalidColumnError (a ValueError) for ids that occur twice.
    """
    orders = orders_by_id(snapshot)
    if orders.none_needed:
        return _plan_in_order(snapshot, now)
    return orders.put_back(_plan_in_order(orders.arrange(snapshot), now))


def _plan_in_order(snapshot: Snapshot, now: float) -> Plan:
    """`plan` for rows that stand in order of id."""
    lanes, size = snapshot.lanes, snapshot.accounts.id.size
    tree = grow(snapshot.accounts, snapshot.groups)
    adjusted = adjusted_weights(snapshot, tree)
    entitlement = entitlements(snapshot, tree, adjusted)

    holds = hold(snapshot)
    shapes = fold_shapes(lanes, holds, snapshot.class_capacity)
    search = order_hosts(snapshot.hosts, holds, shapes, snapshot.class_capacity.size)
    queue = LaneState(
        lanes.pending.copy(), shapes.of_lane.copy(), np.full(lanes.id.size, -1, np.int32)
    )
    served = np.full(size, -np.inf)
    np.maximum.at(served, lanes.account, lanes.last_served)
    weight = dispatch_weights(tree, adjusted)
    nodes = _nodes(tree, weight, slots_held(lanes, size), served)
    held = nodes.allocated.copy()
    grants = _grant(snapshot, shapes, nodes, queue, search)

    served[nodes.allocated[:size] > held[:size]] = np.inf
    least = least_waiting(lanes, queue.waiting, shapes.of_lane, size)
    place, at_place = _places(tree, served)
    allocated = nodes.allocated.copy()  # the ranks go on from it
    standing = Standing(
        adjusted[:size], entitlement[:size], allocated[:size], rooms(tree, allocated)
    )
    granted = lanes.pending - queue.waiting
    owed = (standing.allocated < standing.entitlement)[lanes.account]
    class_free = _class_free(snapshot, search)
    reason, blocking = lane_reasons(
        lanes, queue.waiting, class_free, snapshot.class_capacity, standing, snapshot.slot_units
    )
    return Plan(
        planned_at=now,
        grant_lane=grants[:, 0].astype(np.int32),
        grant_host=search.host[grants[:, 1]],
        grant_count=grants[:, 2].copy(),
        grant_gang=grants[:, 3].astype(np.int32),
        weight_adjusted=standing.weight,
        entitlement_slots=standing.entitlement,
        allocated_slots=standing.allocated,
        account_rank=ranks(nodes._replace(place=place, at_place=at_place), least),
        group_weight_adjusted=adjusted[size:],
        group_entitlement_slots=entitlement[size:],
        group_allocated_slots=allocated[size:-1],
        lane_granted=granted,
        lane_skipped=skips(snapshot, granted, search.klass[grants[:, 1]], owed),
        lane_reserved_class=np.where(granted > 0, -1, holds.klass).astype(np.int32),
        lane_starts_in=np.where(granted > 0, np.inf, holds.starts_in),
        lane_reason=reason,
        lane_blocking_class=blocking,
    )


def _nodes(tree: Tree, weight: Floats, held: Int64s, served: Floats) -> Nodes:
    """The nodes at the start of a dispatch. By account: held int64[n], slots; served float64[n],
    when it last was."""
    place, at_place = _places(tree, served)
    lag = np.where(weight > WEIGHTLESS, tree.lag, 0.0)
    return Nodes(
        parent=tree.parent,
        order=tree.order,
        terms=np.column_stack((weight, lag, tree.minimum, tree.maximum)),
        allocated=totals(tree, held).astype(np.int64),
        place=place,
        at_place=at_place,
        tail=np.full(tree.accounts, -1, np.int32),
    )


def _places(tree: Tree, served: Floats) -> tuple[Int64s, Int32s]:
    """`Nodes.place` and `at_place`. A group was served when the last of its members was."""
    top = tree.parent.size
    latest = np.full(top + 1, -np.inf)
    latest[: tree.accounts] = served
    raise_up(tree.order, tree.parent, latest)
    by_service = np.argsort(latest[:top], kind="stable")
    place = np.empty(top, np.int64)
    place[by_service] = np.arange(top)
    return place, by_service.astype(np.int32)


def _grant(
    snapshot: Snapshot, shapes: Shapes, nodes: Nodes, queue: LaneState, search: Search
) -> Int64s:
    """Grants int64[r, 4], see `dispatch`; once more where room was made."""
    lanes, rarity = snapshot.lanes, _rarity(shapes, snapshot.class_capacity)

    def dispatched() -> Int64s:
        drop_unplaceable(search, queue.shape)
        ring = (queue.shape, queue.following, nodes.tail)
        form_rings(lanes.account, lanes.last_served, rarity, *ring)
        return dispatch(nodes, queue, search)

    grants = dispatched()
    if not worthwhile(search):
        return grants
    waits = (queue.waiting > 0) & (shapes.of_lane >= 0)
    single = waits & (lanes.members == 1)
    wanted = np.zeros(search.cursor.size, np.int64)
    np.add.at(wanted, shapes.of_lane[single], queue.waiting[single])
    grants, moved = rearranged(grants, shapes.of_lane, wanted, search)
    if not moved:
        return grants
    renew(search)
    queue.shape[:] = np.where(waits, shapes.of_lane, -1)
    more = dispatched()
    more[:, 3] += np.where(more[:, 3] >= 0, grants[:, 3].max(initial=-1) + 1, 0)
    return np.concatenate((grants, more))


def _rarity(shapes: Shapes, class_capacity: Int64s) -> Int64s:
    """By shape, int64[s]: 0 for the shape whose suiting classes have the fewest slots, and so on;
    shapes of equal reach share a number."""
    bits = np.arange(class_capacity.size, dtype=np.uint64)
    suits = ((shapes.classes[:, None] >> bits[None, :]) & np.uint64(1)).astype(np.int64)
    rarity: Int64s = np.unique(suits @ class_capacity, return_inverse=True)[1]
    return rarity


def _class_free(snapshot: Snapshot, search: Search) -> Int64s:
    """Slots left by class, int64[k]."""
    left = snapshot.hosts.slots_free.copy()
    left[search.host] = search.free[:, 0]
    return slots_by_class(snapshot.hosts.klass, left, snapshot.class_capacity.size)


def warm() -> None:
    """Compile every kernel, or load it from the cache, so that no cycle pays for it later."""
    one, two = np.ones(1, np.int64), np.arange(1, 3)
    ones, zeros = np.ones(2, np.int64), np.zeros(2)
    snapshot = Snapshot(
        accounts=Accounts(two, np.array([1.0, 0.0]), zeros),
        lanes=Lanes(
            id=two,
            account=np.array([0, 1], np.int32),
            pending=two,
            running=ones,
            slots=ones.astype(np.int32),
            cpus=ones.astype(np.int32),
            memory_mib=ones,
            classes=ones.astype(np.uint64),
            last_served=zeros,
        ),
        hosts=Hosts(one, np.zeros(1, np.int32), np.ones(1, np.int32), np.ones(1, np.int32), one),
        class_capacity=2 * one,
        half_life_seconds=1.0,
    )
    plan(snapshot, 0.0)
    divide(1.0, zeros, zeros, parent=np.full(2, -1))
