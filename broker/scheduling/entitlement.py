"""What each node is owed now: its part of the slots that it can use, down the tree.

`divide` pours the slots over the tree by weight. That alone would promise two accounts who can only
use one class more than the class has, so the classes are looked at as a flow: for every union S of
the classes that accounts can reach,

    the entitlements of those who reach nothing but S add up to no more than the slots of S

(Hall's condition). Where that fails, those accounts first divide S among themselves, and what that
gives each one is the most that it can use of the fleet. Exact where the sets lie within one another
or apart, as pools, models and sizes do; where they cross, feasible and close.
"""

import numpy as np

from broker.scheduling.columns import Bools, Floats, Int32s, Int64s, Masks
from broker.scheduling.division import divide_tree
from broker.scheduling.kernel import kernel
from broker.scheduling.snapshot import Lanes, Snapshot
from broker.scheduling.tree import Tree

SETS_MAX = 64  # unions of classes that are looked at, the smallest first
MASKS_MAX = 64  # distinct masks of lanes whose demands are limited one by one
ROUNDING = 1e-9


def entitlements(snapshot: Snapshot, tree: Tree, adjusted: Floats) -> Floats:
    """Slots each node is owed now, float64[N]. adjusted: float64[N], weights after history."""
    top, size = tree.parent.size, tree.accounts
    reach = _reaches(snapshot.lanes, size, snapshot.class_capacity)
    demand = np.zeros(top)
    demand[:size] = usable_demand(snapshot.lanes, size, snapshot.class_capacity)

    def divided(slots: float, wanted: Floats) -> Floats:
        bounds = (tree.minimum, tree.maximum)
        return divide_tree(slots, adjusted, wanted, *bounds, tree.order, tree.first)

    sets, slots, within = _sets(reach, snapshot.class_capacity)
    everything = float(snapshot.class_capacity.sum())
    owed = divided(everything, demand)
    looked_at = np.zeros(sets.size, dtype=bool)
    while not looked_at.all():
        broken = ~looked_at & (within @ owed[:size] > slots * (1.0 + ROUNDING))
        if not broken.any():
            break
        smallest = int(np.argmax(broken))  # what it settles holds for every set around it
        looked_at[smallest] = True
        members = np.append(within[smallest] > 0, np.zeros(top - size, dtype=bool))
        inner = divided(float(slots[smallest]), np.where(members, demand, 0.0))
        demand[members] = np.minimum(demand, inner)[members]
        owed = divided(everything, demand)
    return owed


def _sets(reach: Masks, class_capacity: Int64s) -> tuple[Masks, Floats, Floats]:
    """Unions of reaches with some slots: masks uint64[u], slots float64[u], and which accounts
    reach nothing else, float64[u, n] of 0 and 1."""
    found: set[int] = set()
    for mask in sorted(_numbered(reach, reach > 0)[1].tolist()):
        found |= {mask} | {mask | other for other in found}
        if len(found) > 4 * SETS_MAX:
            break
    capacity = class_capacity.tolist()
    slots = {s: sum(n for c, n in enumerate(capacity) if s >> c & 1) for s in found}
    chosen = sorted(
        sorted(s for s in found if slots[s] > 0), key=lambda s: (slots[s], s.bit_count())
    )[:SETS_MAX]
    sets = np.array(chosen, np.uint64)
    outside = reach[None, :] & ~sets[:, None]
    within = ((outside == 0) & (reach[None, :] > 0)).astype(np.float64)
    return sets, np.array([slots[s] for s in chosen], np.float64), within


def usable_demand(lanes: Lanes, accounts: int, class_capacity: Int64s) -> Floats:
    """Slots wanted by each account, float64[n]: running and pending, but not more than it holds or
    than the classes have that suit its lanes, those of each mask and all together."""
    reach = _reaches(lanes, accounts, class_capacity)
    of_lane, masks = _numbered(lanes.classes, lanes.pending > 0)
    if masks.size > MASKS_MAX:
        of_lane.fill(0)
        masks = np.full(1, np.iinfo(np.uint64).max)
    bits = np.arange(class_capacity.size, dtype=np.uint64)
    slots = ((masks[:, None] >> bits) & np.uint64(1)).astype(np.float64) @ class_capacity
    all_slots = ((reach[:, None] >> bits) & np.uint64(1)).astype(np.float64) @ class_capacity
    return _usable_demand(
        lanes.account, lanes.pending, lanes.running, lanes.job_slots(), of_lane, slots, all_slots
    )


def _reaches(lanes: Lanes, accounts: int, class_capacity: Int64s) -> Masks:
    """Classes that suit any busy lane of each account, uint64[n]; only classes that exist."""
    existing = np.uint64(sum(1 << int(c) for c in np.flatnonzero(class_capacity > 0)))
    return _reach(lanes.account, lanes.pending, lanes.running, lanes.classes, existing, accounts)


@kernel
def _numbered(masks: Masks, counted: Bools) -> tuple[Int64s, Masks]:
    """A number for each mask uint64[x] that counts bool[x], int64[x], and the distinct masks; no
    more than one beyond `MASKS_MAX` are told apart."""
    number = np.zeros(masks.size, np.int64)
    distinct = np.zeros(MASKS_MAX + 1, np.uint64)
    count = 0
    for j in range(masks.size):
        if not counted[j]:
            continue
        d = 0
        while d < count and distinct[d] != masks[j]:
            d += 1
        if d == count and count <= MASKS_MAX:
            distinct[d] = masks[j]
            count += 1
        number[j] = min(d, MASKS_MAX)
    return number, distinct[:count].copy()


@kernel
def _reach(
    account: Int32s,
    pending: Int64s,
    running: Int64s,
    classes: Masks,
    existing: np.uint64,
    accounts: int,
) -> Masks:
    """uint64[n]: the classes of all busy lanes together. Lane columns [m]."""
    reach = np.zeros(accounts, np.uint64)
    for lane in range(account.size):
        if pending[lane] > 0 or running[lane] > 0:
            reach[account[lane]] |= classes[lane] & existing
    return reach


@kernel
def _usable_demand(
    account: Int32s,
    pending: Int64s,
    running: Int64s,
    slots: Int64s,
    mask: Int64s,
    mask_slots: Floats,
    reach_slots: Floats,
) -> Floats:
    """float64[n], in slots. Lane columns [m], mask a row of mask_slots float64[d];
    reach_slots float64[n]: what all classes of an account have."""
    size = reach_slots.size
    held = np.zeros(size)
    wanted = np.zeros((size, mask_slots.size))
    for lane in range(account.size):
        a = account[lane]
        held[a] += float(running[lane]) * slots[lane]
        if pending[lane] > 0:
            wanted[a, mask[lane]] += float(pending[lane]) * slots[lane]
    demand = np.empty(size)
    for a in range(size):
        usable = held[a]
        for d in range(mask_slots.size):
            usable += min(wanted[a, d], mask_slots[d])
        demand[a] = max(held[a], min(usable, reach_slots[a]))
    return demand


def slots_held(lanes: Lanes, accounts: int) -> Int64s:
    """Slots under lease by account, int64[n]."""
    return _slots_held(
        lanes.account, lanes.running, lanes.job_slots(), np.zeros(accounts, np.int64)
    )


@kernel
def _slots_held(account: Int32s, running: Int64s, slots: Int64s, held: Int64s) -> Int64s:
    """Fill `held` int64[n], in slots. Lane columns [m]."""
    for lane in range(account.size):
        held[account[lane]] += running[lane] * slots[lane]
    return held
