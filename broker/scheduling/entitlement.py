"""What each node is owed now: its part of the slots that it can use, down the tree.

`divide` pours the slots over the tree by weight. That alone would promise two accounts who can only
use one class more than the class has, so the classes are looked at as a flow: for every union S of
the classes that accounts can reach,

    the entitlements of those who reach nothing but S add up to no more than the slots of S

(Hall's condition). Where that fails, those accounts first divide S among themselves, and what that
gives each one is the most that it can use of the fleet. Exact where the sets lie within one another
or apart, as pools, models and sizes do; where they cross, feasible and close.
"""

from typing import NamedTuple

import numpy as np

from broker.scheduling.columns import Bools, Floats, Int32s, Int64s, Masks
from broker.scheduling.division import divide_tree
from broker.scheduling.kernel import kernel
from broker.scheduling.snapshot import Lanes, Snapshot
from broker.scheduling.tree import Tree

SETS_MAX = 64  # unions of classes that are looked at, the smallest first
MASKS_MAX = 64  # distinct masks of lanes whose demands are limited one by one
ROUNDING = 1e-9


class Wants(NamedTuple):
    """By account [n]. slots float64, running and pending, but not more than it holds or than the
    classes have that suit its lanes, those of each mask and all together; held int64, slots under
    lease; reach uint64, the classes that suit any busy lane, of those that exist.
    alike: all who reach anything reach everything, so there is but one set to look at."""

    slots: Floats
    held: Int64s
    reach: Masks
    alike: bool


class Sets(NamedTuple):
    """Unions of reaches, the smallest first: slots float64[u]; within float64[u, n], 1 for accounts
    that reach nothing else, otherwise 0."""

    slots: Floats
    within: Floats


def entitlements(
    snapshot: Snapshot, tree: Tree, adjusted: Floats, wants: Wants, sets: Sets
) -> Floats:
    """Slots each node is owed now, float64[N]. adjusted: float64[N], weights after history."""
    top, size = tree.parent.size, tree.accounts
    demand = np.zeros(top)
    demand[:size] = wants.slots

    def divided(slots: float, wanted: Floats) -> Floats:
        bounds = (tree.minimum, tree.maximum)
        return divide_tree(slots, adjusted, wanted, *bounds, tree.order, tree.first)

    everything = float(snapshot.class_capacity.sum())
    owed = divided(everything, demand)
    slots, within = sets
    if slots.size == 0:
        return owed
    looked_at = np.zeros(slots.size, dtype=bool)
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


def unions(wants: Wants, class_capacity: Int64s) -> Sets:
    """The sets of classes that could be promised twice; none where all reach everything."""
    reach, found = wants.reach, set[int]()
    if wants.alike:
        return Sets(np.empty(0), np.empty((0, reach.size)))
    masks = sorted(_numbered(reach, reach > 0)[1].tolist())
    for mask in masks:
        found |= {mask} | {mask | other for other in found}
        if len(found) > 4 * SETS_MAX:
            break
    capacity = class_capacity.tolist()
    slots = {s: sum(n for c, n in enumerate(capacity) if s >> c & 1) for s in found}
    chosen = sorted(
        sorted(s for s in found if slots[s] > 0), key=lambda s: (slots[s], s.bit_count())
    )[:SETS_MAX]
    outside = reach[None, :] & ~np.array(chosen, np.uint64)[:, None]
    within = ((outside == 0) & (reach[None, :] > 0)).astype(np.float64)
    return Sets(np.array([slots[s] for s in chosen], np.float64), within)


def wants(lanes: Lanes, accounts: int, class_capacity: Int64s) -> Wants:
    """What each account wants and holds."""
    return Wants(
        *_wants(
            lanes.account,
            lanes.pending,
            lanes.running,
            lanes.slots,
            lanes.members,
            lanes.classes,
            class_capacity,
            accounts,
        )
    )


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
def _slots_of(mask: np.uint64, class_capacity: Int64s) -> float:
    """Slots of the classes of a mask."""
    slots = 0.0
    for c in range(class_capacity.size):
        if (mask >> np.uint64(c)) & np.uint64(1):
            slots += class_capacity[c]
    return slots


@kernel
def _wants(
    account: Int32s,
    pending: Int64s,
    running: Int64s,
    slots: Int32s,
    members: Int32s,
    classes: Masks,
    class_capacity: Int64s,
    accounts: int,
) -> tuple[Floats, Int64s, Masks, bool]:
    """The columns of `Wants`. Lane columns [m]; class_capacity int64[k]."""
    existing = np.uint64(0)
    for c in range(class_capacity.size):
        if class_capacity[c] > 0:
            existing |= np.uint64(1) << np.uint64(c)
    mask, masks = _numbered(classes, pending > 0)
    if masks.size > MASKS_MAX:
        mask.fill(0)
        masks = np.full(1, ~np.uint64(0))
    mask_slots = np.empty(masks.size)
    for d in range(masks.size):
        mask_slots[d] = _slots_of(masks[d], class_capacity)
    reach = np.zeros(accounts, np.uint64)
    held = np.zeros(accounts, np.int64)
    wanted = np.zeros((accounts, masks.size))
    for lane in range(account.size):
        a, job = account[lane], np.int64(slots[lane]) * members[lane]
        held[a] += running[lane] * job
        if pending[lane] > 0:
            wanted[a, mask[lane]] += float(pending[lane]) * job
        if pending[lane] > 0 or running[lane] > 0:
            reach[a] |= classes[lane] & existing
    demand = np.empty(accounts)
    alike = True
    last, reach_slots = np.uint64(0), 0.0
    for a in range(accounts):
        alike &= reach[a] == 0 or reach[a] == existing
        if reach[a] != last:
            last, reach_slots = reach[a], _slots_of(reach[a], class_capacity)
        usable = float(held[a])
        for d in range(masks.size):
            usable += min(wanted[a, d], mask_slots[d])
        demand[a] = max(float(held[a]), min(usable, reach_slots))
    return demand, held, reach, alike
