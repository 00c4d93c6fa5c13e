"""Why everybody got what they got: reasons, the class that is missing, and the place in line.

Nothing here changes a grant, so a cycle whose answer nobody reads leaves it out.
"""

from typing import NamedTuple

import numpy as np

from broker.scheduling.columns import Floats, Int32s, Int64s
from broker.scheduling.kernel import kernel
from broker.scheduling.nodes import Nodes, moved_back
from broker.scheduling.placement import Search, Shapes
from broker.scheduling.ranks import ranks
from broker.scheduling.reasons import Standing, lane_reasons
from broker.scheduling.rings import LaneState
from broker.scheduling.snapshot import Lanes, Snapshot
from broker.scheduling.tree import Tree, rooms


class Outcome(NamedTuple):
    """What a cycle decided. grants int64[r, 4], as of `dispatch`; granted int64[m], jobs by lane;
    by node [N]: weight float64, adjusted; entitlement float64, fair float64 (by quota alone) and
    allocated int64, slots."""

    grants: Int64s
    granted: Int64s
    weight: Floats
    entitlement: Floats
    fair: Floats
    allocated: Int64s


class Why(NamedTuple):
    """By lane [m]: reason and blocking_class int32. By account [n]: rank int32. As in `Plan`."""

    reason: Int32s
    blocking_class: Int32s
    rank: Int32s


unexplained = Why(np.empty(0, np.int32), np.empty(0, np.int32), np.empty(0, np.int32))


def explained(
    snapshot: Snapshot,
    tree: Tree,
    shapes: Shapes,
    nodes: Nodes,
    queue: LaneState,
    search: Search,
    held: Int64s,
    outcome: Outcome,
) -> Why:
    """Reasons and ranks after a dispatch, whose state is used up.

    held: int64[N + 1], slots by node before it.
    """
    lanes, size = snapshot.lanes, tree.accounts
    allocated = outcome.allocated[:size]
    place, at_place = moved_back(nodes, held)
    room = rooms(tree, nodes.allocated)
    standing = Standing(outcome.weight[:size], outcome.entitlement[:size], allocated, room)
    hosts, free = snapshot.hosts, search.free
    left = _class_free(
        hosts.klass, hosts.slots_free, search.host, free, snapshot.class_capacity.size
    )
    reason, blocking = lane_reasons(
        lanes, queue.waiting, left, snapshot.class_capacity, standing, snapshot.slot_units
    )
    least = least_waiting(lanes, queue.waiting, shapes.of_lane, size)
    rank = ranks(nodes._replace(place=place, at_place=at_place), least)
    return Why(reason, blocking, rank)


def least_waiting(lanes: Lanes, waiting: Int64s, shape: Int32s, accounts: int) -> Int64s:
    """Slots of the smallest job of each account that waits, int64[n], 0 where none does.

    waiting int64[m], jobs; shape int32[m], -1 where no host of the fleet could ever run them.
    """
    return _least(lanes.account, waiting, shape, lanes.slots, lanes.members, accounts)


@kernel
def _least(
    account: Int32s,
    waiting: Int64s,
    shape: Int32s,
    slots: Int32s,
    members: Int32s,
    accounts: int,
) -> Int64s:
    """See `least_waiting`. Lane columns [m]."""
    least = np.zeros(accounts, np.int64)
    for lane in range(account.size):
        if waiting[lane] > 0 and shape[lane] >= 0:
            a, job = account[lane], np.int64(slots[lane]) * members[lane]
            least[a] = job if least[a] == 0 else min(least[a], job)
    return least


@kernel
def _class_free(
    klass: Int32s, slots_free: Int32s, host: Int32s, free: Int64s, classes: int
) -> Int64s:
    """Slots left by class, int64[k]. Host columns [h]; host int32 and free int64[., 4] of `Search`,
    whose first column is slots."""
    left = np.zeros(classes, np.int64)
    for row in range(klass.size):
        left[klass[row]] += slots_free[row]
    for at in range(host.size):
        left[klass[host[at]]] += free[at, 0] - slots_free[host[at]]
    return left
