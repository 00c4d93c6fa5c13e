"""Whole jobs, one after another, each to the account that stands lowest: integer water-filling.

Whose turn it is, `contest` says; which of the account's lanes, `rings`; on which host, `fitting`. A
lane whose next job fits on no host, or under no maximum, leaves its ring for the rest of the cycle:
it must not hold up the account's other lanes.

All state is in named tuples of arrays, changed in place. Rows must stand in order of id: the row
number is the last tie-breaker.
"""

import numpy as np

from broker.scheduling.columns import Floats, Int32s, Int64s
from broker.scheduling.contest import Contests, claim_anew, line_up, winner
from broker.scheduling.fitting import drop_unplaceable, find_gang, find_host, job_slots, take
from broker.scheduling.kernel import kernel, lean_kernel
from broker.scheduling.nodes import MAXIMUM, Nodes
from broker.scheduling.placement import AMOUNTS, MEMBERS, Search
from broker.scheduling.rings import LaneState, form_rings, turned

HOST_ROWS = 8  # grants a host that there is room for at first


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
def _record(grants: Int64s, rows: int, lane: int, at: int, jobs: int, gang: int) -> int:
    """Note a grant in a new row, or in the last one where that is of the same lane and host; the
    rows there are now."""
    if rows > 0 and gang < 0 and grants[rows - 1, 0] == lane and grants[rows - 1, 1] == at:
        grants[rows - 1, 2] += jobs
        return rows
    grants[rows, 0], grants[rows, 1], grants[rows, 2], grants[rows, 3] = lane, at, jobs, gang
    return rows + 1


@lean_kernel
def _serve_all(
    nodes: Nodes,
    lanes: LaneState,
    search: Search,
    contests: Contests,
    grants: Int64s,
    filled: Int64s,
    spots: Int64s,
) -> bool:
    """Serve accounts while any lines up and any host is left, or until `grants` is full, which is
    returned.

    grants: int64[., 4], as of `dispatch`; filled: int64[2], rows and gangs in it so far, changed.
    spots: int64[h, 2], room for one gang's hosts.
    """
    rows, gangs = filled[0], filled[1]
    tails, at_place = nodes.tail, nodes.at_place
    waiting, shapes, following = lanes.waiting, lanes.shape, lanes.following
    cursor, skip, klass, free = search.cursor, search.skip, search.klass, search.free
    need, reach, class_end = search.need, search.reach, search.class_end
    match, base, size, head = contests.match, contests.base, contests.size, contests.head
    top = nodes.parent.size
    bounded = full = False
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
            a = winner(match, base[a], at_place)
        tail = tails[a]
        lane = following[tail]
        shape = int(shapes[lane])
        slots = job_slots(need, shape)
        most = 1 if need[shape, MEMBERS] == 1 else klass.size
        full = rows + most > grants.shape[0]
        if full:
            break
        room = _room(a, slots, nodes) if bounded else waiting[lane]
        at, jobs = klass.size, 0
        if room > 0:
            at = find_host(need, reach, class_end, cursor, skip, klass, free, shape)
        if at < klass.size and need[shape, MEMBERS] == 1:
            jobs = 1
            if alone and lane == tail:  # nobody else in line: fill the host in one go
                jobs = min(room, int(waiting[lane]))
                for kind in range(AMOUNTS):
                    if need[shape, kind] > 0:
                        jobs = min(jobs, int(free[at, kind] // need[shape, kind]))
            rows = _record(grants, rows, lane, at, jobs, -1)
            usable -= take(at, shape, jobs, need, free, search.least, skip)
        elif at < klass.size:
            found = find_gang(need, reach, class_end, klass, free, shape, spots)
            for spot in range(found):
                at, members = spots[spot, 0], spots[spot, 1]
                rows = _record(grants, rows, lane, at, members, gangs)
                usable -= take(at, shape, members, need, free, search.least, skip)
            jobs = int(found > 0)
            gangs += jobs
            if jobs == 0:
                cursor[shape] = klass.size  # nor for any other lane of this shape
        served = jobs > 0
        waiting[lane] -= jobs
        tails[a] = turned(tail, served and waiting[lane] > 0, following)
        next_slots = 0 if tails[a] < 0 else job_slots(need, shapes[following[tails[a]]])
        if head[a] != next_slots:  # seldom; else the contest need not wait for the lane's row
            head[a] = next_slots
        claim_anew(a, jobs * slots, served, nodes, contests)
    filled[0], filled[1] = rows, gangs
    return full


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
    contests = line_up(nodes, head)
    hosts = search.klass.size
    spots = np.empty((hosts, 2), np.int64)
    grants = np.empty((1024 + HOST_ROWS * hosts, 4), np.int64)
    filled = np.zeros(2, np.int64)
    while _serve_all(nodes, lanes, search, contests, grants, filled, spots):
        longer = np.empty((2 * filled[0] + hosts, 4), np.int64)
        for row in range(filled[0]):
            for column in range(4):
                longer[row, column] = grants[row, column]
        grants = longer
    return grants[: filled[0]]


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
