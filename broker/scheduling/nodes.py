"""Accounts and groups as they stand in the dispatch: what they hold, and when they were served."""

from typing import NamedTuple

import numpy as np

from broker.scheduling.columns import Floats, Int32s, Int64s
from broker.scheduling.kernel import kernel
from broker.scheduling.tree import Tree
from broker.scheduling.weights import WEIGHTLESS

WEIGHT, LAG, MINIMUM, MAXIMUM = range(4)  # the columns of `Nodes.terms`


class Nodes(NamedTuple):
    """By node of the tree [N], or [N + 1] with the top: parent int32[N]; order int64[N], parents
    first; terms float64[N, 4], its weight (> 0, see `dispatch_weights`), lag, minimum and maximum
    in slots; allocated int64[N + 1], slots; place int64[N] and at_place int32[N], 0 for the node
    served longest ago, and back; tail int32[n], the last lane of an account's ring, -1 if none is
    left."""

    parent: Int32s
    order: Int64s
    terms: Floats
    allocated: Int64s
    place: Int64s
    at_place: Int32s
    tail: Int32s


def enrol(tree: Tree, weight: Floats, held: Int64s, served: Floats) -> Nodes:
    """The nodes at the start of a dispatch. By account: held int64[n], slots; served float64[n],
    when it last was."""
    bounds = (tree.minimum, tree.maximum)
    terms, allocated = _terms(tree.order, tree.parent, weight, tree.lag, *bounds, held)
    place, at_place = places(tree.order, tree.parent, served)
    tail = np.empty(tree.accounts, np.int32)
    return Nodes(tree.parent, tree.order, terms, allocated, place, at_place, tail)


@kernel
def _terms(
    order: Int64s,
    parent: Int32s,
    weight: Floats,
    lag: Floats,
    minimum: Floats,
    maximum: Floats,
    held: Int64s,
) -> tuple[Floats, Int64s]:
    """`Nodes.terms` and `Nodes.allocated`. By node [N]; held int64[n]."""
    terms = np.empty((parent.size, 4))
    allocated = np.zeros(parent.size + 1, np.int64)
    for account in range(held.size):
        allocated[account] = held[account]
    for j in range(order.size - 1, -1, -1):
        node = order[j]
        allocated[parent[node]] += allocated[node]
        terms[node, WEIGHT], terms[node, MINIMUM] = weight[node], minimum[node]
        terms[node, LAG] = lag[node] if weight[node] > WEIGHTLESS else 0.0
        terms[node, MAXIMUM] = maximum[node]
    return terms, allocated


@kernel
def places(order: Int64s, parent: Int32s, served: Floats) -> tuple[Int64s, Int32s]:
    """`Nodes.place` and `at_place`. A group was served when the last of its members was.

    served: float64[n], by account.
    """
    top = parent.size
    latest = np.full(top + 1, -np.inf)
    for account in range(served.size):
        latest[account] = served[account]
    for j in range(order.size - 1, -1, -1):
        latest[parent[order[j]]] = max(latest[parent[order[j]]], latest[order[j]])
    by_service = np.argsort(latest[:top], kind="mergesort")
    place = np.empty(top, np.int64)
    at_place = np.empty(top, np.int32)
    for at in range(top):
        place[by_service[at]] = at
        at_place[at] = by_service[at]
    return place, at_place


@kernel
def moved_back(nodes: Nodes, before: Int64s) -> tuple[Int64s, Int32s]:
    """`Nodes.place` and `at_place` after a dispatch: who was served comes last, by row.

    before: int64[N + 1], what nodes held when it began.
    """
    top = nodes.parent.size
    place, at_place = np.empty(top, np.int64), np.empty(top, np.int32)
    at = 0
    for old in range(top):
        node = nodes.at_place[old]
        if nodes.allocated[node] == before[node]:
            place[node], at_place[at] = at, node
            at += 1
    for node in range(top):
        if nodes.allocated[node] != before[node]:
            place[node], at_place[at] = at, node
            at += 1
    return place, at_place


@kernel
def last_service(account: Int32s, last_served: Floats, accounts: int) -> Floats:
    """When each account was served last, float64[n], -inf for never. Lane columns [m]."""
    served = np.full(accounts, -np.inf)
    for lane in range(account.size):
        served[account[lane]] = max(served[account[lane]], last_served[lane])
    return served
