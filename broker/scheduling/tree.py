"""Accounts and groups as one tree of nodes, in which siblings share first and members after.

Nodes are numbered: the accounts 0 .. n-1, then the groups n .. N-1; N itself stands for the top,
the fleet. Without groups every account is a child of the top, and the tree is the flat list.
"""

from typing import NamedTuple

import numpy as np

from broker.scheduling.accounts import Accounts, Groups
from broker.scheduling.columns import Floats, Int32s, Int64s
from broker.scheduling.division import breadth_first
from broker.scheduling.kernel import kernel


class Tree(NamedTuple):
    """The nodes [N]: parent int32 (N at the top), order and first as of `breadth_first` (parents
    before children, siblings side by side), weight, lag, minimum, maximum float64 as in `Accounts`.
    accounts: n."""

    accounts: int
    parent: Int32s
    order: Int64s
    first: Int64s
    weight: Floats
    lag: Floats
    minimum: Floats
    maximum: Floats


def grow(accounts: Accounts, groups: Groups) -> Tree:
    """The tree of a snapshot."""
    parent, above = _parents(accounts.group, groups.parent)
    order, first = breadth_first(above)
    return Tree(
        accounts=accounts.id.size,
        parent=parent,
        order=order,
        first=first,
        weight=np.concatenate((accounts.weight, groups.weight)),
        lag=np.concatenate((accounts.lag_slots, groups.lag_slots)),
        minimum=np.concatenate((accounts.minimum, groups.minimum)),
        maximum=np.concatenate((accounts.maximum, groups.maximum)),
    )


@kernel
def _parents(group: Int32s, groups: Int32s) -> tuple[Int32s, Int64s]:
    """By node: its parent with N for the top, int32[N], and with -1 for the top, int64[N].

    group int32[n] and groups int32[g]: rows of groups, -1 at the top.
    """
    size = group.size
    top = size + groups.size
    parent, above = np.empty(top, np.int32), np.empty(top, np.int64)
    for node in range(top):
        row = group[node] if node < size else groups[node - size]
        above[node] = row + size if row >= 0 else -1
        parent[node] = row + size if row >= 0 else top
    return parent, above


def rooms(tree: Tree, allocated: Int64s) -> Floats:
    """Slots that each account may still get under its own maximum and its groups', float64[n].

    allocated: int64[N + 1], slots, by node.
    """
    return _rooms(tree.order, tree.parent, tree.maximum, allocated)[: tree.accounts]


@kernel
def _rooms(order: Int64s, parent: Int32s, maximum: Floats, allocated: Int64s) -> Floats:
    """Slots by node that its own maximum and those above it allow, float64[N + 1]."""
    room = np.full(parent.size + 1, np.inf)
    for node in order:
        room[node] = min(maximum[node] - allocated[node], room[parent[node]])
    return room
