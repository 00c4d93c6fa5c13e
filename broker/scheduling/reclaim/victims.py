"""Whose running jobs make room for whom: claims in order of the dispatch, victims in its mirror.

The next claim is found as `dispatch` finds the next grant, from the top of the tree down, to the
sibling with the smallest (allocated + slots of its next job - lag) / weight. `serving` makes room
for it, from whom `eligibility` allows.

All state is in named tuples of arrays, changed in place. Rows must stand in order of id.
"""

import numpy as np

from broker.scheduling.columns import Bools, Int64s
from broker.scheduling.contest import claim
from broker.scheduling.kernel import kernel, lean_kernel
from broker.scheduling.nodes import Nodes
from broker.scheduling.placement import MEMBERS, Shapes
from broker.scheduling.reclaim.serving import serve_claim
from broker.scheduling.reclaim.state import LOOKS, NUMBER, Attempt, Claims, Family, Jobs, Places

LOOKS_MAX = 1_000_000  # jobs, nodes and hosts looked at in one call; the next one goes on


@kernel
def choose(
    nodes: Nodes, family: Family, claims: Claims, jobs: Jobs, shapes: Shapes, places: Places
) -> Int64s:
    """Take jobs for claims until no claim can be served; writes `jobs.taken`.

    Returns int64[c]: by number of a claim the row of `Claims` that it was of. Some need no job
    taken: room was left over. `nodes` and `places` are as if all that had happened.
    """
    top, accounts, hosts = nodes.parent.size, nodes.tail.size, places.klass.size
    tried = Attempt(
        way=np.empty(top + 1, np.int64),
        step=np.empty(top + 1, np.int64),
        before=np.empty(top + 1, np.int64),
        fits=np.zeros(hosts, np.int64),
        spots=np.empty(hosts, np.int64),
        victims=np.empty(jobs.account.size, np.int64),
        loose=np.empty(hosts, np.int64),
        is_loose=np.zeros(hosts, np.bool_),
        tally=np.zeros(6, np.int64),
        poor=_poor(jobs.first, nodes),
        shut=np.empty(top, np.bool_),
        seen=np.empty(hosts, np.bool_),
        dead=np.zeros((shapes.classes.size, top + 1 - accounts), np.bool_),
        begin=jobs.first.copy(),
    )
    slots = shapes.need[:, 0] * shapes.need[:, MEMBERS]
    turn, ring = nodes.place.copy(), claims.first[:accounts].copy()
    head = np.zeros(top + 1, np.int64)
    for account in range(accounts):
        if claims.first[account] < claims.first[account + 1]:
            head[account] = slots[claims.shape[ring[account]]]
    served = np.empty(64, np.int64)
    while tried.tally[LOOKS] < LOOKS_MAX and _any(places.room):
        account = _next_account(nodes, head, turn)
        if account < 0:
            break
        tried.tally[LOOKS] += top
        row, count = ring[account], tried.tally[NUMBER]
        if serve_claim(account, row, nodes, family, claims, jobs, shapes, places, tried):
            if count == served.size:
                served = np.concatenate((served, np.empty_like(served)))
            served[count] = row
            tried.tally[NUMBER] += 1
            claims.waiting[row] -= 1
            node = account
            while node != top:
                turn[node] = top + node
                node = int(nodes.parent[node])
        else:
            claims.waiting[row] = 0
        ring[account] = _turned(account, row, claims)
        head[account] = slots[claims.shape[ring[account]]] if ring[account] >= 0 else 0
    return served[: tried.tally[NUMBER]]


@kernel
def _next_account(nodes: Nodes, head: Int64s, turn: Int64s) -> int:
    """Whose claim is next, -1 if nobody's. head int64[N + 1]: slots of the job that an account
    claims, 0 for none; written for groups. turn int64[N]: the smaller goes first among equals."""
    top, accounts = nodes.parent.size, nodes.tail.size
    head[accounts:] = 0
    least = np.full(top + 1, np.inf)
    best = np.full(top + 1, -1, np.int64)
    for j in range(top - 1, -1, -1):
        node = nodes.order[j]
        if head[node] == 0:
            continue
        above = nodes.parent[node]
        key = claim(nodes.allocated[node], head[node], nodes.terms, node)
        if (
            best[above] < 0
            or key < least[above]
            or (key == least[above] and turn[node] < turn[best[above]])
        ):
            least[above], best[above], head[above] = key, node, head[node]
    node = top
    while node >= accounts:
        if best[node] < 0:
            return -1
        node = int(best[node])
    return node


@lean_kernel
def _any(room: Int64s) -> bool:
    """Whether any pool lets a job go. int64[p], as in `Places`."""
    found = False
    for pool in range(room.size):
        found |= room[pool] > 0
    return found


@lean_kernel
def _turned(account: int, row: int, claims: Claims) -> int:
    """The next row of an account's ring after one that had its turn, -1 if none is left."""
    begin, end = claims.first[account], claims.first[account + 1]
    for ahead in range(1, end - begin + 1):
        other = begin + (row - begin + ahead) % (end - begin)
        if claims.waiting[other] > 0:
            return int(other)
    return -1


@kernel
def _poor(first: Int64s, nodes: Nodes) -> Bools:
    """By node, whether nothing can be taken below it, bool[N]. first as in `Jobs`."""
    poor = np.ones(nodes.parent.size, np.bool_)
    for account in range(nodes.tail.size):
        node = account if first[account] < first[account + 1] else nodes.parent.size
        while node != nodes.parent.size and poor[node]:
            poor[node] = False
            node = int(nodes.parent[node])
    return poor
