"""Who is served next: a knock-out among siblings, at every node of the tree.

From the top of the tree down, the next job goes to the sibling with the smallest

    (allocated + slots of its next job - lag) / weight

where lag, the slots that it was short of lately, counts up to the slots of that job: with four
slots for quotas of 50, 30 and 20 no moment is fair, but a minute can be (see `lag`). Siblings below
their minimum come first, by allocated / minimum; those of weight 0 last, evenly. Ties go to who was
served longest ago, then to the smaller node.
"""

from typing import NamedTuple

import numpy as np

from broker.scheduling.columns import Floats, Int32s, Int64s
from broker.scheduling.kernel import kernel, lean_kernel
from broker.scheduling.nodes import LAG, MAXIMUM, MINIMUM, WEIGHT, Nodes


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
def winner(match: Floats, base: int, at_place: Int32s) -> int:
    """The node that is served next among siblings."""
    item = np.int64(match[base + 1, 1])
    return int(item - at_place.size if item >= at_place.size else at_place[item])


@kernel
def line_up(nodes: Nodes, head: Int64s) -> Contests:
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
        head[above] = head[winner(match, base[above], nodes.at_place)] if size[above] > 0 else 0
    return Contests(match, base, leaf, size, head)


@lean_kernel
def claim_anew(
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
        following = head[winner(match, base[above], at_place)] if size[above] > 0 else 0
        if head[above] != following:  # seldom; else the contest above need not wait for this one
            head[above] = following
        node = above


@kernel
def line(nodes: Nodes, least: Int64s) -> Int64s:
    """Accounts in the order in which `dispatch` would give each one more job, if the fleet lacked
    nothing and nobody had a maximum. least: int64[n], slots of that job, 0 where none waits.

    Changes `nodes`.
    """
    top, accounts = nodes.parent.size, nodes.tail.size
    for node in range(top):
        nodes.terms[node, MAXIMUM] = np.inf
    head = np.zeros(top + 1, np.int64)
    for a in range(accounts):
        head[a] = least[a]
    contests = line_up(nodes, head)
    order, count = np.empty(accounts, np.int64), 0
    while contests.size[top] > 0:
        a = top
        while a >= accounts:
            a = winner(contests.match, contests.base[a], nodes.at_place)
        order[count] = a
        count += 1
        slots = head[a]
        head[a] = 0
        claim_anew(a, slots, True, nodes, contests)
    return order[:count]
