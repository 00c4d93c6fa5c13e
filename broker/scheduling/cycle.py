"""One cycle: from a snapshot to grants, with the numbers that explain them."""

import numpy as np
import numpy.typing as npt

from broker.scheduling.accounts import Accounts
from broker.scheduling.columns import Floats, Int32s, Int64s
from broker.scheduling.decision import Plan
from broker.scheduling.dispatch import (
    AccountState,
    LaneState,
    dispatch,
    drop_unplaceable,
    form_rings,
)
from broker.scheduling.division import divide
from broker.scheduling.ordering import orders_by_id
from broker.scheduling.placement import Search, Shapes, fold_shapes, order_hosts, slots_by_class
from broker.scheduling.reasons import lane_reasons
from broker.scheduling.snapshot import Hosts, Lanes, Snapshot
from broker.scheduling.weights import adjusted_weights, entitlements, slots_held


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
    accounts, lanes, hosts = snapshot.accounts, snapshot.lanes, snapshot.hosts
    size = accounts.id.size
    held = slots_held(lanes, size)
    busy = (lanes.pending > 0) | (lanes.running > 0)
    active = np.bincount(lanes.account[busy], minlength=size) > 0
    adjusted = adjusted_weights(snapshot, accounts, active)
    entitlement = entitlements(snapshot, accounts, lanes, adjusted)

    shapes = fold_shapes(lanes, snapshot.class_capacity)
    search = order_hosts(lanes, hosts, shapes, snapshot.class_capacity.size)
    served = np.full(size, -np.inf)
    np.maximum.at(served, lanes.account, lanes.last_served)
    state, queue = _line_up(snapshot, shapes, search, held, served)
    grant_lane, grant_at, grant_count = _serve(adjusted, state, queue, search)

    served[state.allocated > held] = np.inf
    waits = (queue.waiting > 0) & (shapes.of_lane >= 0)
    class_free = _class_free(snapshot, search)
    standing = (adjusted, entitlement, state.allocated)
    reason, blocking = lane_reasons(
        lanes, queue.waiting, class_free, snapshot.class_capacity, standing
    )
    return Plan(
        planned_at=now,
        grant_lane=grant_lane,
        grant_host=search.host[grant_at],
        grant_count=grant_count,
        weight_adjusted=adjusted,
        entitlement_slots=entitlement,
        allocated_slots=state.allocated,
        account_rank=_ranks(waits, snapshot, standing, served),
        lane_granted=lanes.pending - queue.waiting,
        lane_reason=reason,
        lane_blocking_class=blocking,
    )


def _line_up(
    snapshot: Snapshot, shapes: Shapes, search: Search, held: Int64s, served: Floats
) -> tuple[AccountState, LaneState]:
    """The queues at the start of a cycle. `served` float64[n]: when each account last was."""
    lanes, size = snapshot.lanes, held.size
    by_service = np.argsort(served, kind="stable")
    place = np.empty(size, np.int64)
    place[by_service] = np.arange(size)
    state = AccountState(
        held.copy(),
        snapshot.accounts.lag_slots,
        place,
        by_service.astype(np.int32),
        np.full(size, -1, np.int32),
    )
    queue = LaneState(
        lanes.pending.copy(), shapes.of_lane.copy(), np.full(lanes.id.size, -1, np.int32)
    )
    drop_unplaceable(search, queue.shape)
    rarity = _rarity(shapes, snapshot.class_capacity)
    form_rings(lanes.account, lanes.last_served, rarity, queue.shape, queue.following, state.tail)
    return state, queue


def _rarity(shapes: Shapes, class_capacity: Int64s) -> Int64s:
    """By shape, int64[s]: 0 for the shape whose suiting classes have the fewest slots, and so on;
    shapes of equal reach share a number."""
    bits = np.arange(class_capacity.size, dtype=np.uint64)
    suits = ((shapes.classes[:, None] >> bits[None, :]) & np.uint64(1)).astype(np.int64)
    rarity: Int64s = np.unique(suits @ class_capacity, return_inverse=True)[1]
    return rarity


def _serve(
    adjusted: Floats, state: AccountState, queue: LaneState, search: Search
) -> tuple[Int32s, Int32s, Int64s]:
    """First all who have a quota; then, for what they cannot use, those without one, evenly."""
    with_quota = np.flatnonzero(adjusted > 0).astype(np.int32)
    without = np.flatnonzero(adjusted <= 0).astype(np.int32)
    first = dispatch(with_quota, adjusted, state, queue, search)
    if not without.size:
        return first
    second = dispatch(without, np.ones_like(adjusted), state, queue, search)
    return (
        np.concatenate((first[0], second[0])),
        np.concatenate((first[1], second[1])),
        np.concatenate((first[2], second[2])),
    )


def _class_free(snapshot: Snapshot, search: Search) -> Int64s:
    """Slots left by class, int64[k]."""
    left = snapshot.hosts.slots_free.copy()
    left[search.host] = search.free[:, 0]
    return slots_by_class(snapshot.hosts.klass, left, snapshot.class_capacity.size)


def _ranks(
    waits: npt.NDArray[np.bool_],
    snapshot: Snapshot,
    standing: tuple[Floats, Floats, Int64s],
    served: Floats,
) -> Int32s:
    """Places in line, int32[n]: by the claim of the least waiting job.

    waits bool[m]: jobs of the lane still wait. standing, as in `lane_reasons`; served float64[n].
    """
    adjusted, _, allocated = standing
    lanes = snapshot.lanes
    nothing = np.iinfo(np.int64).max
    least = np.full(adjusted.size, nothing)
    np.minimum.at(least, lanes.account[waits], lanes.slots[waits].astype(np.int64))
    waiting = np.flatnonzero(least < nothing)
    weight = adjusted[waiting]
    slots = least[waiting]
    lag = np.clip(snapshot.accounts.lag_slots[waiting], -slots, slots)
    key = (allocated[waiting] + slots - lag) / np.where(weight > 0, weight, 1.0)
    order = np.lexsort((served[waiting], key, weight <= 0))
    rank = np.zeros(adjusted.size, np.int32)
    rank[waiting[order]] = np.arange(1, waiting.size + 1)
    return rank


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
