"""Accounts and groups as one tree of nodes, in which siblings share first and members after.

Nodes are numbered: the accounts 0 .. n-1, then the groups n .. N-1; N itself stands for the top,
the fleet. Without groups every account is a child of the top, and the tree is the flat list.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

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
    size, top = accounts.id.size, accounts.id.size + groups.id.size
    group = np.concatenate((accounts.group, groups.parent)).astype(np.int64)
    parent = np.where(group < 0, top, group + size)
    order, first = breadth_first(np.where(group < 0, -1, parent))
    return Tree(
        accounts=size,
        parent=parent.astype(np.int32),
        order=order,
        first=first,
        weight=np.concatenate((accounts.weight, groups.weight)),
        lag=np.concatenate((accounts.lag_slots, groups.lag_slots)),
        minimum=np.concatenate((accounts.minimum, groups.minimum)),
        maximum=np.concatenate((accounts.maximum, groups.maximum)),
    )


def totals(tree: Tree, *parts: npt.NDArray[Any]) -> Floats:
    """Sums by node, float64[N + 1]: groups hold what their members hold, the top holds all.

    parts: what accounts hold [n]; then, if any, what groups hold apart from their members [g].
    """
    values = np.zeros(tree.parent.size + 1)
    own = np.concatenate(parts)
    values[: own.size] = own
    _add_up(tree.order, tree.parent, values)
    return values


def relative_weights(tree: Tree, weight: Floats) -> Floats:
    """Weights over that of the heaviest sibling, float64[N], so that no sum overflows."""
    heaviest = np.full(tree.parent.size + 1, 1e-300)
    np.maximum.at(heaviest, tree.parent, weight)
    relative: Floats = weight / heaviest[tree.parent]
    return relative


def rooms(tree: Tree, allocated: Int64s) -> Floats:
    """Slots that each account may still get under its own maximum and its groups', float64[n].

    allocated: int64[N + 1], slots, by node.
    """
    room = np.append(tree.maximum - allocated[:-1], np.inf)
    _narrow(tree.order, tree.parent, room)
    return room[: tree.accounts]


@kernel
def _narrow(order: Int64s, parent: Int32s, room: Floats) -> None:
    """No node has more room than its parent. room float64[N + 1]."""
    for node in order:
        room[node] = min(room[node], room[parent[node]])


@kernel
def raise_up(order: Int64s, parent: Int32s, values: Floats) -> None:
    """No node's value is below its children's. values float64[N + 1]."""
    for j in range(order.size - 1, -1, -1):
        values[parent[order[j]]] = max(values[parent[order[j]]], values[order[j]])


@kernel
def _add_up(order: Int64s, parent: Int32s, values: Floats) -> None:
    """Add each node's value to its parent's, from the leaves up. values float64[N + 1]."""
    for j in range(order.size - 1, -1, -1):
        values[parent[order[j]]] += values[order[j]]
