"""Who may claim from whom, by the standing of both before and after.

A claimant and the groups above it must be below what they are owed, up to the group in which it
meets the victim; the victim and its groups there must stay at what they are owed or above, and
above where the claimant stood. As that holds for every pair, the sorted vector of allocated /
weight among their siblings improves strictly. And the dispatch must not give the slots right back
to the victim.
"""

import numpy as np

from broker.scheduling.columns import Bools, Floats
from broker.scheduling.contest import claim
from broker.scheduling.kernel import lean_kernel
from broker.scheduling.nodes import MAXIMUM, MINIMUM, WEIGHT, Nodes
from broker.scheduling.reclaim.state import ASKED, LOOKS, Attempt, Family, Jobs, Places


@lean_kernel
def climb(account: int, slots: int, nodes: Nodes, family: Family, tried: Attempt) -> int:
    """Write the way of a claim; the steps up, 0 where it is none: the account holds what it is
    owed, or one more job would exceed its maximum."""
    node, steps = account, 0
    while (
        node != nodes.parent.size
        and nodes.allocated[node] < family.owed[node]
        and nodes.allocated[node] + slots <= nodes.terms[node, MAXIMUM]
    ):
        tried.way[steps], tried.step[node] = node, steps
        tried.before[steps] = nodes.allocated[node]
        node = int(nodes.parent[node])
        steps += 1
    if steps > 0:
        tried.way[steps], tried.step[node] = node, steps
    return steps


@lean_kernel
def may_take(
    job: int, nodes: Nodes, family: Family, jobs: Jobs, places: Places, tried: Attempt
) -> bool:
    """Whether a claim may take a job: by the rates of its pools, and at every level below the group
    in which claimant and victim meet."""
    tried.tally[LOOKS] += 1
    if jobs.taken[job] >= 0:
        return False
    for part in range(jobs.first_part[job], jobs.first_part[job + 1]):
        if places.room[jobs.pool[part]] <= 0:
            return False
    slots, node = jobs.slots[job], jobs.account[job]
    branch = -1
    while tried.step[node] < 0:
        if node == nodes.parent.size or nodes.allocated[node] - slots < family.floor[node]:
            return False
        branch = node
        node = np.int64(nodes.parent[node])
    if branch < 0:
        return False
    step = tried.step[node] - 1
    rival, held, left = tried.way[step], tried.before[step], nodes.allocated[branch] - slots
    again = claim(left, slots, nodes.terms, branch)
    if again < claim(held, tried.tally[ASKED], nodes.terms, rival):
        return False  # the dispatch would give it right back
    return _standing(left, nodes.terms, branch) > _standing(held, nodes.terms, rival)


@lean_kernel
def tallest(start: int, shut: Bools, nodes: Nodes, family: Family, tried: Attempt) -> int:
    """The account below `start` that stands highest and is not shut, found from the top down; -1 if
    there is none. Shuts groups that have nothing left."""
    while True:
        node = start
        while node >= nodes.tail.size:
            best, most = -1, -np.inf
            tried.tally[LOOKS] += family.last[node] - family.first[node]
            for at in range(family.first[node], family.last[node]):
                child = family.order[at]
                if not shut[child]:
                    standing = _standing(nodes.allocated[child], nodes.terms, child)
                    if standing > most:
                        best, most = child, standing
            if best < 0:
                break
            node = int(best)
        if node < nodes.tail.size:
            return node
        if node == start:
            return -1
        shut[node] = True


@lean_kernel
def _standing(allocated: float, terms: Floats, node: int) -> float:
    """How high a node stands among its siblings: those below their minimum first."""
    minimum = terms[node, MINIMUM]
    if allocated < minimum:
        return float(allocated / minimum - 1.0)
    return float(allocated / terms[node, WEIGHT])
