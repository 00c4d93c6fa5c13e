"""Whole jobs, one after another, each to the account that stands lowest: integer water-filling.

The next job goes to the account with the smallest

    (allocated + slots of its next job - lag) / weight

where lag, the slots that it was short of lately, counts up to the slots of that job: with four
slots for quotas of 50, 30 and 20 no moment is fair, but a minute can be (see `lag`). Ties go to the
account served longest ago, then to the smaller row. An account's lanes take turns in a ring. A lane
whose next job fits on no host leaves the ring for the rest of the cycle: free amounts only shrink,
so it cannot fit later, and it must not hold up the account's other lanes.

All state is in named tuples of arrays, changed in place. Rows must stand in order of id: the row
number is the last tie-breaker. The kernels call one another and share this file for that reason
(see `kernel`).
"""

from typing import NamedTuple

import numpy as np

from broker.scheduling.columns import Floats, Int32s, Int64s, Masks
from broker.scheduling.kernel import kernel
from broker.scheduling.placement import Search

Grants = tuple[Int32s, Int32s, Int64s]


class AccountState(NamedTuple):
    """By account, [n]: allocated int64 (slots), lag float64 (slots), place int64 and at_place int32
    (0 for the account served longest ago, and back), tail int32 (the last lane of its ring, -1 if
    none is left)."""

    allocated: Int64s
    lag: Floats
    place: Int64s
    at_place: Int32s
    tail: Int32s


class LaneState(NamedTuple):
    """By lane, [m]: waiting int64 (jobs), shape int32 (-1 where nothing can be placed), following
    int32 (the next lane in its account's ring)."""

    waiting: Int64s
    shape: Int32s
    following: Int32s


@kernel
def _sift_down(item: Int64s, key: Floats, size: int, at: int) -> None:
    """Restore the heap below position `at`: the least (key, item) ends at the root.

    item int64[> size] and its key float64[> size], by position; the spare position is written to.
    Which child is smaller is a coin toss that no processor predicts, so it is added up rather than
    branched on.
    """
    moved, moved_key = item[at], key[at]
    key[size] = np.inf
    item[size] = np.iinfo(np.int64).max
    child = 2 * at + 1
    while child < size:
        left, right = key[child], key[child + 1]
        child += (right < left) | ((right == left) & (item[child + 1] < item[child]))
        if moved_key < key[child] or (moved_key == key[child] and moved < item[child]):
            break
        item[at] = item[child]
        key[at] = key[child]
        at = child
        child = 2 * at + 1
    item[at] = moved
    key[at] = moved_key


@kernel
def form_rings(
    account: Int32s,
    last_served: Floats,
    rarity: Int64s,
    shape: Int32s,
    following: Int32s,
    tail: Int32s,
) -> None:
    """Link the lanes that have a shape into one ring an account; writes following and tail.

    Order: served longest ago, then rarest, then row. By lane [m]: account, shape, following int32,
    last_served float64 (seconds). By shape [s]: rarity int64, 0 for the rarest. tail int32[n].
    """
    start = np.zeros(tail.size + 1, np.int64)
    for lane in range(account.size):
        if shape[lane] >= 0:
            start[account[lane] + 1] += 1
    most = 0
    for a in range(tail.size):
        most = max(most, start[a + 1])
        start[a + 1] += start[a]
    member = np.empty(start[tail.size], np.int32)
    place = start.copy()
    for lane in range(account.size):
        if shape[lane] >= 0:
            member[place[account[lane]]] = lane
            place[account[lane]] += 1
    item = np.empty(most + 1, np.int64)
    key = np.empty(most + 1)
    for a in range(tail.size):
        size = start[a + 1] - start[a]
        if size == 0:
            tail[a] = -1
            continue
        for j in range(size):
            lane = member[start[a] + j]
            item[j] = rarity[shape[lane]] * account.size + lane
            key[j] = last_served[lane]
        for at in range(size // 2 - 1, -1, -1):
            _sift_down(item, key, size, at)
        head = item[0] % account.size
        last = head
        for left in range(size - 1, 0, -1):
            item[0] = item[left]
            key[0] = key[left]
            _sift_down(item, key, left, 0)
            following[last] = item[0] % account.size
            last = item[0] % account.size
        following[last] = head
        tail[a] = last


@kernel
def _find_host(
    need: Int64s,
    classes: Masks,
    class_end: Int32s,
    cursor: Int32s,
    skip: Int32s,
    klass: Int32s,
    free: Int64s,
    shape: int,
) -> int:
    """The first position where a job of this shape fits, or the number of positions.

    The arrays are those of `Search`; taking them out of the tuple for every job would cost more
    than the search.
    """
    at: int = cursor[shape]
    mask = classes[shape]
    while at < klass.size:
        if skip[at] != at:
            beyond = skip[skip[at]]
            skip[at] = beyond  # halves the path for the next search
            at = beyond
        elif not (mask >> np.uint64(klass[at])) & np.uint64(1):
            at = class_end[klass[at]]
        elif (
            free[at, 0] >= need[shape, 0]
            and free[at, 1] >= need[shape, 1]
            and free[at, 2] >= need[shape, 2]
        ):
            break
        else:
            at += 1
    cursor[shape] = at
    return at


@kernel
def claim(allocated: float, slots: float, lag: float, weight: float) -> float:
    """Where an account stands with its next job, the least first; see the module's text."""
    return (allocated + slots - min(max(lag, -slots), slots)) / weight


@kernel
def drop_unplaceable(search: Search, shape: Int32s) -> None:
    """Set shape int32[m] of lanes that fit on no host even now to -1: they need not queue."""
    need, classes, class_end = search.need, search.classes, search.class_end
    cursor, skip, klass, free = search.cursor, search.skip, search.klass, search.free
    for s in range(cursor.size):
        _find_host(need, classes, class_end, cursor, skip, klass, free, s)
    for lane in range(shape.size):
        if shape[lane] >= 0 and cursor[shape[lane]] == klass.size:
            shape[lane] = -1


@kernel
def dispatch(
    members: Int32s,
    weight: Floats,
    accounts: AccountState,
    lanes: LaneState,
    search: Search,
) -> Grants:
    """Serve `members` (int32, rows of accounts) until nothing of theirs fits anywhere.

    weight: float64[n], > 0 for members. Returns lane int32[g], host position int32[g] and jobs
    int64[g] in the order granted; neighbouring grants of one lane to one host are one row.
    """
    allocated, tails, at_place = accounts.allocated, accounts.tail, accounts.at_place
    lag = accounts.lag
    waiting, shapes, following = lanes.waiting, lanes.shape, lanes.following
    cursor, skip, klass, free = search.cursor, search.skip, search.klass, search.free
    need, classes, class_end, least = search.need, search.classes, search.class_end, search.least
    item = np.empty(members.size + 1, np.int64)
    key = np.empty(members.size + 1)
    size = 0
    for a in members:
        if tails[a] >= 0:
            item[size] = accounts.place[a]
            slots = need[shapes[following[tails[a]]], 0]
            key[size] = claim(allocated[a], slots, lag[a], weight[a])
            size += 1
    for at in range(size // 2 - 1, -1, -1):
        _sift_down(item, key, size, at)
    grant_lane = np.empty(1024, np.int32)
    grant_at = np.empty(1024, np.int32)
    grant_jobs = np.empty(1024, np.int64)
    rows = 0
    usable = 0
    for at in range(klass.size):
        usable += skip[at] == at
    while size > 0 and usable > 0:
        a = item[0] - weight.size if item[0] >= weight.size else np.int64(at_place[item[0]])
        tail = tails[a]
        lane = following[tail]
        shape = shapes[lane]
        at = _find_host(need, classes, class_end, cursor, skip, klass, free, shape)
        leaves = at == klass.size
        if not leaves:
            jobs = 1
            if size == 1 and lane == tail:  # nobody else in line: fill the host in one go
                jobs = waiting[lane]
                for kind in range(3):
                    if need[shape, kind] > 0:
                        jobs = min(jobs, free[at, kind] // need[shape, kind])
            if rows > 0 and grant_lane[rows - 1] == lane and grant_at[rows - 1] == at:
                grant_jobs[rows - 1] += jobs
            else:
                if rows == grant_lane.size:
                    grant_lane = np.concatenate((grant_lane, np.empty_like(grant_lane)))
                    grant_at = np.concatenate((grant_at, np.empty_like(grant_at)))
                    grant_jobs = np.concatenate((grant_jobs, np.empty_like(grant_jobs)))
                grant_lane[rows], grant_at[rows], grant_jobs[rows] = lane, at, jobs
                rows += 1
            for kind in range(3):
                free[at, kind] -= jobs * need[shape, kind]
                if free[at, kind] < least[kind] and skip[at] == at:
                    skip[at] = at + 1  # it can serve no lane any more
                    usable -= 1
            allocated[a] += jobs * need[shape, 0]
            item[0] = weight.size + a  # among equals, after all who were not served yet
            waiting[lane] -= jobs
            leaves = waiting[lane] == 0
        if not leaves:
            tails[a] = lane
        elif lane != tail:
            following[tail] = following[lane]
        else:
            tails[a] = -1
            size -= 1
            item[0] = item[size]
            key[0] = key[size]
        if tails[a] >= 0:
            slots = need[shapes[following[tails[a]]], 0]
            key[0] = claim(allocated[a], slots, lag[a], weight[a])
        if size > 1:
            _sift_down(item, key, size, 0)
    return grant_lane[:rows], grant_at[:rows], grant_jobs[:rows]
