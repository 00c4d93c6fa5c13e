"""Whole jobs, one after another, each to the account that stands lowest: integer water-filling.

From the top of the tree down, the next job goes to the sibling with the smallest

    (allocated + slots of its next job - lag) / weight

where lag, the slots that it was short of lately, counts up to the slots of that job: with four
slots for quotas of 50, 30 and 20 no moment is fair, but a minute can be (see `lag`). Siblings below
their minimum come first, by allocated / minimum; those of weight 0 last, evenly. Ties go to who was
served longest ago, then to the smaller node. An account's lanes take turns in a ring. A lane whose
next job fits on no host, or under no maximum, leaves the ring for the rest of the cycle: free
amounts only shrink and holdings only grow, so it cannot fit later, and it must not hold up the
account's other lanes.

All state is in named tuples of arrays, changed in place. Rows must stand in order of id: the row
number is the last tie-breaker. The kernels call one another and share this file for that reason
(see `kernel`).
"""

from typing import NamedTuple

import numpy as np

from broker.scheduling.columns import Floats, Int32s, Int64s, Masks
from broker.scheduling.kernel import kernel, lean_kernel
from broker.scheduling.nodes import LAG, MAXIMUM, MINIMUM, WEIGHT, Nodes
from broker.scheduling.placement import AMOUNTS, MEMBERS, ON_HOST, SECONDS, SLOTS, Search

HOST_ROWS = 8  # grants a host that there is room for at first


class LaneState(NamedTuple):
    """By lane, [m]: waiting int64 (jobs), shape int32 (-1 where nothing can be placed), following
    int32 (the next lane in its account's ring)."""

    waiting: Int64s
    shape: Int32s
    following: Int32s


class Contests(NamedTuple):
    """A knock-out among the children of each node [N + 1], so that the least claim is at hand and a
    change of one costs one match a round. match float64[total, 2] holds claim and item by place in
    the knock-outs, one after another: from base int64[N + 1] on, the winner at 1, the winner of the
    matches 2r and 2r + 1 at r, the children from width on; leaf int64[N] is a child's place.
    size int64[N + 1]: children that still take part. head int64[N + 1]: slots of the next job.

    An item is a node's `place`, or N + its number once it was served: after all who were not.
    """

    match: Floats
    base: Int64s
    leaf: Int64s
    size: Int64s
    head: Int64s


@lean_kernel
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


@lean_kernel
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
            and free[at, 3] >= need[shape, 3]
        ):
            break
        else:
            at += 1
    cursor[shape] = at
    return at


@lean_kernel
def _find_gang(
    need: Int64s,
    classes: Masks,
    class_end: Int32s,
    klass: Int32s,
    free: Int64s,
    shape: int,
    spots: Int64s,
) -> int:
    """Hosts of one class for all members of a job, those with most free first, so that it comes on
    few; writes spots int64[h, 2], position and members. Returns how many, 0 where they do not fit.

    The arrays are those of `Search`.
    """
    begin = 0
    while begin < klass.size:
        end = class_end[klass[begin]]
        if (classes[shape] >> np.uint64(klass[begin])) & np.uint64(1):
            left, count = need[shape, MEMBERS], 0
            for at in range(end - 1, begin - 1, -1):
                open_long = free[at, SECONDS] >= need[shape, SECONDS]
                fit = min(left, need[shape, ON_HOST]) if open_long else 0
                for kind in range(AMOUNTS):
                    if need[shape, kind] > 0:
                        fit = min(fit, free[at, kind] // need[shape, kind])
                if fit > 0:
                    spots[count, 0], spots[count, 1] = at, fit
                    count += 1
                    left -= fit
                    if left == 0:
                        return count
        begin = end
    return 0


@lean_kernel
def job_slots(need: Int64s, shape: int) -> int:
    """Slots of one job of a shape, all members together."""
    return int(need[shape, SLOTS] * need[shape, MEMBERS])


@lean_kernel
def _record(grants: Int64s, rows: int, lane: int, at: int, jobs: int, gang: int) -> int:
    """Note a grant in a new row, or in the last one where that is of the same lane and host; the
    rows there are now."""
    if rows > 0 and gang < 0 and grants[rows - 1, 0] == lane and grants[rows - 1, 1] == at:
        grants[rows - 1, 2] += jobs
        return rows
    grants[rows, 0], grants[rows, 1], grants[rows, 2], grants[rows, 3] = lane, at, jobs, gang
    return rows + 1


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


@lean_kernel
def claim(allocated: float, slots: float, terms: Floats, node: int) -> float:
    """Where a node stands with its next job, the least first; see the module's text.

    terms: float64[N, 4], by node its weight, lag, minimum and maximum.
    """
    minimum = terms[node, MINIMUM]
    if allocated < minimum:
        return float(-minimum / (allocated + slots))
    lag = min(max(terms[node, LAG], -slots), slots)
    return float((allocated + slots - lag) / terms[node, WEIGHT])


@kernel
def claims(nodes: Nodes, members: Int64s, slots: Int64s) -> Floats:
    """Where accounts stand with a job each, float64[members]. slots: int64[n], of that job."""
    keys = np.empty(members.size)
    for j in range(members.size):
        node = members[j]
        keys[j] = claim(nodes.allocated[node], slots[node], nodes.terms, node)
    return keys


@lean_kernel
def _enter(
    node: int,
    item: float,
    allocated: Int64s,
    head: Int64s,
    terms: Floats,
    match: Floats,
    base: int,
    at: int,
) -> bool:
    """Let a node claim its next job among its siblings; whether it does.

    One that has nothing left, or that has reached its maximum, takes part no more. base, at: where
    the knock-out of the siblings starts, and its place there; the rest as in `Nodes` and
    `Contests`. Matches are played without a branch: who wins is a coin toss that no processor
    predicts.
    """
    key = np.inf
    stays = bool(head[node] > 0 and allocated[node] + 1 <= terms[node, MAXIMUM])
    if stays:
        key = claim(allocated[node], head[node], terms, node)
    match[base + at, 0] = key
    match[base + at, 1] = item
    while at > 1:
        rival, other = match[base + (at ^ 1), 0], match[base + (at ^ 1), 1]
        tied = min(item, other) if rival == key else item
        item = other if rival < key else tied
        key = min(rival, key)
        at >>= 1
        match[base + at, 0] = key
        match[base + at, 1] = item
    return stays


@lean_kernel
def _winner(match: Floats, base: int, at_place: Int32s) -> int:
    """The node that is served next among siblings."""
    item = np.int64(match[base + 1, 1])
    return int(item - at_place.size if item >= at_place.size else at_place[item])


@kernel
def _line_up(nodes: Nodes, head: Int64s) -> Contests:
    """The contests at the start, decided from the leaves up. head: int64[N + 1], as in `Contests`,
    filled for accounts."""
    accounts, top = nodes.tail.size, nodes.parent.size
    size, base = np.zeros(top + 1, np.int64), np.zeros(top + 1, np.int64)
    leaf = np.zeros(top, np.int64)
    for node in range(top):
        leaf[node] = size[nodes.parent[node]]
        size[nodes.parent[node]] += 1
    width = np.ones(top + 1, np.int64)
    total = 0
    for node in range(accounts, top + 1):
        while width[node] < size[node]:
            width[node] *= 2
        base[node] = total
        total += 2 * width[node]
    match = np.full((total, 2), np.inf)
    for node in range(top):
        leaf[node] += width[nodes.parent[node]]
    for j in range(top - 1, -1, -1):
        node = nodes.order[j]
        above = nodes.parent[node]
        item = float(nodes.place[node])
        stays = _enter(
            node, item, nodes.allocated, head, nodes.terms, match, base[above], leaf[node]
        )
        size[above] -= not stays
        head[above] = head[_winner(match, base[above], nodes.at_place)] if size[above] > 0 else 0
    return Contests(match, base, leaf, size, head)


@lean_kernel
def _room(account: int, slots: int, nodes: Nodes) -> int:
    """Jobs of so many slots that the maxima of an account and its groups still allow."""
    room = int(np.iinfo(np.int64).max)
    node = account
    while node != nodes.parent.size:
        maximum = nodes.terms[node, MAXIMUM]
        if maximum < np.inf:
            room = min(room, max(0, int((maximum - nodes.allocated[node]) // slots)))
        node = int(nodes.parent[node])
    return room


@lean_kernel
def _take(
    at: int, shape: int, jobs: int, need: Int64s, free: Int64s, least: Int64s, skip: Int32s
) -> bool:
    """Take jobs of a shape from a host; whether it can serve no lane any more. As in `Search`."""
    used_up = False
    for kind in range(AMOUNTS):
        free[at, kind] -= jobs * need[shape, kind]
        if free[at, kind] < least[kind] and skip[at] == at:
            skip[at] = at + 1
            used_up = True
    return used_up


@lean_kernel
def _turned(tail: int, stays: bool, following: Int32s) -> int:
    """The new tail of a ring whose first lane was served and stays, or leaves; -1 for no ring."""
    lane = int(following[tail])
    if stays:
        return lane
    if lane == tail:
        return -1
    following[tail] = following[lane]
    return tail


@lean_kernel
def _rise(
    node: int,
    slots: int,
    served: bool,
    nodes: Nodes,
    contests: Contests,
) -> None:
    """Let a node and those above it claim anew, after it was given so many slots or passed over."""
    parent, at_place, allocated, terms = nodes.parent, nodes.at_place, nodes.allocated, nodes.terms
    match, base, leaf = contests.match, contests.base, contests.leaf
    size, head, top = contests.size, contests.head, parent.size
    while node != top:
        above = int(parent[node])
        allocated[node] += slots
        item = float(top + node) if served else float(match[base[above] + leaf[node], 1])
        stays = _enter(node, item, allocated, head, terms, match, base[above], leaf[node])
        size[above] -= not stays
        following = head[_winner(match, base[above], at_place)] if size[above] > 0 else 0
        if head[above] != following:  # seldom; else the contest above need not wait for this one
            head[above] = following
        node = above


@lean_kernel
def _serve_all(
    nodes: Nodes,
    lanes: LaneState,
    search: Search,
    contests: Contests,
    grants: Int64s,
    rows: int,
    gangs: int,
    spots: Int64s,
) -> tuple[int, int, bool]:
    """Serve accounts while any lines up and any host is left, or until `grants` is full.

    grants: int64[., 4], as of `dispatch`; rows and gangs in it so far. Returns these numbers anew,
    and whether it is full. spots: int64[h, 2], room for one gang's hosts.
    """
    tails, at_place = nodes.tail, nodes.at_place
    waiting, shapes, following = lanes.waiting, lanes.shape, lanes.following
    cursor, skip, klass, free = search.cursor, search.skip, search.klass, search.free
    need, classes, class_end = search.need, search.classes, search.class_end
    match, base, size, head = contests.match, contests.base, contests.size, contests.head
    top = nodes.parent.size
    bounded = False
    for node in range(top):
        bounded |= nodes.terms[node, MAXIMUM] < np.inf
    usable = 0
    for at in range(klass.size):
        usable += skip[at] == at
    while size[top] > 0 and usable > 0:
        alone = True
        a = top
        while a >= tails.size:
            alone &= size[a] == 1
            a = _winner(match, base[a], at_place)
        tail = tails[a]
        lane = following[tail]
        shape = shapes[lane]
        slots = job_slots(need, shape)
        most = 1 if need[shape, MEMBERS] == 1 else klass.size
        if rows + most > grants.shape[0]:
            return rows, gangs, True
        room = _room(a, slots, nodes) if bounded else waiting[lane]
        at, jobs = klass.size, 0
        if room > 0:
            at = _find_host(need, classes, class_end, cursor, skip, klass, free, shape)
        if at < klass.size and need[shape, MEMBERS] == 1:
            jobs = 1
            if alone and lane == tail:  # nobody else in line: fill the host in one go
                jobs = min(room, int(waiting[lane]))
                for kind in range(AMOUNTS):
                    if need[shape, kind] > 0:
                        jobs = min(jobs, int(free[at, kind] // need[shape, kind]))
            rows = _record(grants, rows, lane, at, jobs, -1)
            usable -= _take(at, shape, jobs, need, free, search.least, skip)
        elif at < klass.size:
            found = _find_gang(need, classes, class_end, klass, free, shape, spots)
            for spot in range(found):
                at, members = spots[spot, 0], spots[spot, 1]
                rows = _record(grants, rows, lane, at, members, gangs)
                usable -= _take(at, shape, members, need, free, search.least, skip)
            jobs = int(found > 0)
            gangs += jobs
            if jobs == 0:
                cursor[shape] = klass.size  # nor for any other lane of this shape
        served = jobs > 0
        waiting[lane] -= jobs
        tails[a] = _turned(tail, served and waiting[lane] > 0, following)
        next_slots = 0 if tails[a] < 0 else job_slots(need, shapes[following[tails[a]]])
        if head[a] != next_slots:  # seldom; else the contest need not wait for the lane's row
            head[a] = next_slots
        _rise(a, jobs * slots, served, nodes, contests)
    return rows, gangs, False


@kernel
def dispatch(nodes: Nodes, lanes: LaneState, search: Search) -> Int64s:
    """Serve all accounts until nothing of theirs fits anywhere.

    Returns int64[r, 4], lane, host position, jobs and -1, in the order granted; neighbouring grants
    of one lane to one host are one row. For each host of a job of several members a row of its own:
    members in place of jobs, and the number of that job.
    """
    tails, shapes, following = nodes.tail, lanes.shape, lanes.following
    head = np.zeros(nodes.parent.size + 1, np.int64)
    for account in range(tails.size):
        if tails[account] >= 0:
            head[account] = job_slots(search.need, shapes[following[tails[account]]])
    contests = _line_up(nodes, head)
    hosts = search.klass.size
    spots = np.empty((hosts, 2), np.int64)
    grants = np.empty((1024 + HOST_ROWS * hosts, 4), np.int64)
    rows, gangs, full = _serve_all(nodes, lanes, search, contests, grants, 0, 0, spots)
    while full:
        longer = np.empty((2 * rows + hosts, 4), np.int64)
        longer[:rows] = grants[:rows]
        grants = longer
        rows, gangs, full = _serve_all(nodes, lanes, search, contests, grants, rows, gangs, spots)
    return grants[:rows]


@kernel
def line(nodes: Nodes, least: Int64s) -> Int64s:
    """Accounts in the order in which `dispatch` would give each one more job, if the fleet lacked
    nothing and nobody had a maximum. least: int64[n], slots of that job, 0 where none waits.

    Changes `nodes`.
    """
    top, accounts = nodes.parent.size, nodes.tail.size
    nodes.terms[:, MAXIMUM] = np.inf
    head = np.zeros(top + 1, np.int64)
    head[:accounts] = least
    contests = _line_up(nodes, head)
    order, count = np.empty(accounts, np.int64), 0
    while contests.size[top] > 0:
        a = top
        while a >= accounts:
            a = _winner(contests.match, contests.base[a], nodes.at_place)
        order[count] = a
        count += 1
        slots = head[a]
        head[a] = 0
        _rise(a, slots, True, nodes, contests)
    return order[:count]


@kernel
def serve(
    account: Int32s,
    last_served: Floats,
    rarity: Int64s,
    nodes: Nodes,
    lanes: LaneState,
    search: Search,
) -> Int64s:
    """`dispatch` from the start: the lanes that fit somewhere line up, and all are served.

    Lane columns [m]: account int32, last_served float64. rarity: int64[s], by shape.
    """
    drop_unplaceable(search, lanes.shape)
    form_rings(account, last_served, rarity, lanes.shape, lanes.following, nodes.tail)
    return dispatch(nodes, lanes, search)
