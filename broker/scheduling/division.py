"""Exact weighted max-min division ("water-filling"), flat or down a tree of groups.

Water poured into vessels whose widths are the weights stands at one level everywhere, except in a
vessel that is full (its demand or maximum) or that was filled higher beforehand (its minimum):

    share[i] = clip(level * weights[i], minimum[i], min(demands[i], maximum[i]))

with the one level at which the shares add up to the capacity. Source: Bertsekas and Gallager, *Data
Networks*, 6.5.2; minima as in Hadoop's ComputeFairShares.

Shares are fractions of slots; whole jobs are the business of `dispatch`.
"""

import math

import numpy as np
import numpy.typing as npt

from broker.scheduling.columns import (
    InvalidColumnError,
    column,
    refuse,
    refuse_negative,
    refuse_not_finite,
)
from broker.scheduling.kernel import kernel

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]


def divide(
    capacity: float,
    weights: npt.ArrayLike,
    demands: npt.ArrayLike,
    *,
    minimum: npt.ArrayLike | None = None,
    maximum: npt.ArrayLike | None = None,
    parent: npt.ArrayLike | None = None,
) -> Floats:
    """Divide `capacity` among n nodes in proportion to weights, up to demands; float64[n].

    capacity: what there is, in slots (or any unit that demands share); finite, not negative.
    weights: float[n], finite, not negative. A node of weight 0 gets its minimum, and beyond it
        only what all siblings of positive weight leave; such leftovers are divided evenly.
    demands: float[n], not negative, may be infinite. Of a node with children it is not read: the
        demand of a group is the sum of what its children can take.
    minimum: float[n], granted before weights count, though never more than the node can take.
        Minima that together exceed what their parent got are scaled down by one factor; so a
        member's minimum takes from its siblings and never from other groups.
    maximum: float[n], may be infinite.
    parent: int[n], the index of each node's group, -1 at the top; omitted, all nodes are siblings.

    A group's entry of the result is the sum of its children's. Nothing is left over while any node
    can take more. A sibling group of n takes O(n log n) on average.

    Raises InvalidColumnError (a ValueError) that names the argument and the index.
    """
    if not math.isfinite(capacity) or capacity < 0:
        raise InvalidColumnError("capacity", f"must be finite and not negative, not {capacity}")
    weight = column("weights", weights, np.float64)
    size = weight.size
    refuse_not_finite("weights", weight)
    refuse_negative("weights", weight)
    demand = _limit("demands", demands, size)
    low = np.zeros(size) if minimum is None else _limit("minimum", minimum, size)
    refuse_not_finite("minimum", low)
    high = np.full(size, np.inf) if maximum is None else _limit("maximum", maximum, size)
    refuse("minimum", low > high, "exceeds its maximum")
    if parent is None:
        share = np.zeros(size)
        _fill(float(capacity), np.arange(size), weight, low, np.minimum(demand, high), share)
        return share
    order, first = _tree(parent, size)
    return divide_tree(float(capacity), weight, demand, low, high, order, first)


def divide_each(
    capacity: float, weights: npt.ArrayLike, demands: Floats, parent: npt.ArrayLike
) -> Floats:
    """`divide` at t moments, without minima and maxima; float64[t, n].

    demands: float64[t, n], finite, not negative. Raises InvalidColumnError, as `divide` does.
    """
    if not math.isfinite(capacity) or capacity < 0:
        raise InvalidColumnError("capacity", f"must be finite and not negative, not {capacity}")
    weight = column("weights", weights, np.float64, demands.shape[1])
    refuse_not_finite("weights", weight)
    refuse_negative("weights", weight)
    if not (np.isfinite(demands) & (demands >= 0)).all():
        raise InvalidColumnError("demands", "holds a number that is negative or not finite")
    order, first = _tree(parent, weight.size)
    return _divide_tree_each(float(capacity), weight, demands, order, first)


def _tree(parent: npt.ArrayLike, size: int) -> tuple[Indices, Indices]:
    """See `_family`. Raises InvalidColumnError for what is no tree of `size` nodes."""
    above = column("parent", parent, np.int64, size)
    refuse("parent", (above < -1) | (above >= size), "names no node")
    order, first = breadth_first(above)
    if order.size < size:
        raise InvalidColumnError("parent", "lies on a cycle", _on_cycle(above, order))
    return order, first


def _limit(argument: str, values: npt.ArrayLike, size: int) -> Floats:
    limit = column(argument, values, np.float64, size)
    refuse(argument, np.isnan(limit), "is not a number")
    refuse_negative(argument, limit)
    return limit


def _on_cycle(parent: Indices, reached: Indices) -> int:
    """A node that is its own ancestor: from an unreached node, n steps up must end on the cycle."""
    unreached = np.ones(parent.size, dtype=bool)
    unreached[reached] = False
    node = int(np.argmax(unreached))
    for _ in range(parent.size):
        node = int(parent[node])
    return node


@kernel
def breadth_first(parent: Indices) -> tuple[Indices, Indices]:
    """Nodes in breadth-first order and where the children of each stand in it.

    parent: int64[n]. Returns order int64[<= n] (shorter where a cycle hides nodes) and first
    int64[n + 2]: the children of the j-th node of the order are order[first[j + 1]:first[j + 2]],
    and the nodes at the top are order[first[0]:first[1]].
    """
    size = parent.size
    count = np.zeros(size + 1, np.int64)  # children of node p at p + 1, of the top at 0
    for node in range(size):
        count[parent[node] + 1] += 1
    start = np.zeros(size + 2, np.int64)
    for p in range(size + 1):
        start[p + 1] = start[p] + count[p]
    place = start.copy()
    child = np.empty(size, np.int64)
    for node in range(size):
        child[place[parent[node] + 1]] = node
        place[parent[node] + 1] += 1
    order = np.empty(size, np.int64)
    first = np.zeros(size + 2, np.int64)
    reached = 0
    for c in range(start[0], start[1]):
        order[reached] = child[c]
        reached += 1
    first[1] = reached
    j = 0
    while j < reached:
        p = order[j]
        for c in range(start[p + 1], start[p + 2]):
            order[reached] = child[c]
            reached += 1
        first[j + 2] = reached
        j += 1
    return order[:reached], first


@kernel
def divide_tree(
    capacity: float,
    weights: Floats,
    demands: Floats,
    low: Floats,
    high: Floats,
    order: Indices,
    first: Indices,
) -> Floats:
    """Ceilings from the leaves up, shares from the top down. float64[n]; see `breadth_first`."""
    size = order.size
    ceiling = np.empty(size)
    for j in range(size - 1, -1, -1):
        node = order[j]
        wanted = 0.0
        for c in range(first[j + 1], first[j + 2]):
            wanted += ceiling[order[c]]
        if first[j + 1] == first[j + 2]:
            wanted = demands[node]
        ceiling[node] = min(wanted, high[node])
    share = np.zeros(size)
    _fill(capacity, order[first[0] : first[1]], weights, low, ceiling, share)
    for j in range(size):
        if first[j + 1] < first[j + 2]:
            siblings = order[first[j + 1] : first[j + 2]]
            _fill(share[order[j]], siblings, weights, low, ceiling, share)
    return share


@kernel
def _divide_tree_each(
    capacity: float, weights: Floats, demands: Floats, order: Indices, first: Indices
) -> Floats:
    """`_divide_tree` for each row of demands float64[t, n]."""
    low = np.zeros(weights.size)
    high = np.full(weights.size, np.inf)
    shares = np.empty_like(demands)
    for row in range(demands.shape[0]):
        shares[row] = divide_tree(capacity, weights, demands[row], low, high, order, first)
    return shares


@kernel
def _fill(
    capacity: float,
    siblings: Indices,
    weights: Floats,
    low: Floats,
    high: Floats,
    share: Floats,
) -> None:
    """Divide one group's capacity among siblings; writes share[siblings].

    First minima, then siblings with a weight, then those without. float64[n] but siblings.
    """
    size = siblings.size
    floor = np.empty(size)
    top = np.empty(size)
    weight = np.empty(size)
    floors = 0.0
    weightless_floors = 0.0
    weighted_tops = 0.0
    heaviest = 0.0
    for s in range(size):
        node = siblings[s]
        top[s] = min(high[node], capacity)
        floor[s] = min(low[node], high[node])
        weight[s] = weights[node]
        heaviest = max(heaviest, weight[s])
        floors += floor[s]
        if weight[s] > 0.0:
            weighted_tops += top[s]
        else:
            weightless_floors += floor[s]
    if floors >= capacity:
        for s in range(size):
            share[siblings[s]] = floor[s] * (capacity / floors) if floors > 0.0 else 0.0
        return
    weighted_win = weighted_tops + weightless_floors >= capacity
    left = capacity - (weightless_floors if weighted_win else weighted_tops)
    exponent = math.frexp(heaviest)[1]
    members = 0
    for s in range(size):
        node = siblings[s]
        if (weight[s] > 0.0) != weighted_win:
            share[node] = floor[s] if weighted_win else top[s]
            continue
        floor[members] = floor[s]
        top[members] = top[s]
        # A power of two scales exactly; quotients by weights near 1e-308 would overflow.
        weight[members] = max(math.ldexp(weight[s], -exponent), 1e-290) if weighted_win else 1.0
        members += 1
    _level(left, weight[:members], floor[:members], top[:members])
    members = 0
    for s in range(size):
        if (weights[siblings[s]] > 0.0) == weighted_win:
            share[siblings[s]] = floor[members]
            members += 1


@kernel
def _level(capacity: float, weight: Floats, floor: Floats, top: Floats) -> None:
    """Replace `floor` by clip(level * weight, floor, top) at the level that uses up `capacity`.

    float64[n], weight > 0, sum(floor) <= capacity. The levels at which siblings start or stop to
    rise are narrowed down like a quickselect, each probe a fresh sum of positive terms, to the
    stretch where the level lies. (A running sum would lose the light accounts: quotas that decayed
    for a year stand 1 : 2**52.)
    """
    size = weight.size
    bends = np.empty(2 * size)
    count = 0
    for s in range(size):
        bends[count] = top[s] / weight[s]
        count += 1
        if floor[s] > 0.0:
            bends[count] = floor[s] / weight[s]
            count += 1
    below, above = 0.0, np.inf
    while count > 0:
        one, two, three = bends[0], bends[count // 2], bends[count - 1]
        middle = max(min(one, two), min(max(one, two), three))
        poured = 0.0
        for s in range(size):
            poured += min(max(middle * weight[s], floor[s]), top[s])
        fits = poured <= capacity
        if fits:
            below = middle
        else:
            above = middle
        kept = 0
        for b in range(count):
            bend = bends[b]
            bends[kept] = bend
            kept += (bend > middle) if fits else (bend < middle)
        count = kept
    left = capacity
    rising = 0.0
    for s in range(size):
        if top[s] / weight[s] <= below:
            floor[s] = top[s]
        if above == np.inf or floor[s] >= top[s] or floor[s] / weight[s] >= above:
            left -= floor[s]
            weight[s] = 0.0
        rising += weight[s]
    for s in range(size):
        if weight[s] > 0.0:
            floor[s] = min(max(left * (weight[s] / rising), floor[s]), top[s])
