"""Weighted max-min in exact fractions: slow, short, and written differently from the product.

Freezing, as CSS lays out flexible boxes (CSS Flexible Box Layout 9.7): give everyone the same
multiple of the weight; freeze those who hit the limit that is broken more in total; repeat.
"""

from collections.abc import Sequence
from fractions import Fraction

Shares = list[Fraction]


def weighted_max_min(
    capacity: Fraction, weights: Shares, floors: Shares, ceilings: Shares
) -> Shares:
    """Shares of siblings; floors never exceed ceilings here."""
    everyone = range(len(weights))
    floors = [min(floors[i], ceilings[i]) for i in everyone]
    if sum(floors) >= capacity:
        return [f * capacity / sum(floors) if f else Fraction(0) for f in floors]
    if sum(ceilings) <= capacity:
        return list(ceilings)
    heavy = [i for i in everyone if weights[i] > 0]
    light = [i for i in everyone if weights[i] == 0]
    share = list(floors)
    left = capacity - sum(floors[i] for i in light)
    if sum(ceilings[i] for i in heavy) >= left:
        return _freeze(left, heavy, weights, floors, ceilings, share)
    for i in heavy:
        share[i] = ceilings[i]
    left = capacity - sum(share[i] for i in heavy)
    return _freeze(left, light, [Fraction(1)] * len(weights), floors, ceilings, share)


def _freeze(
    capacity: Fraction,
    members: list[int],
    weights: Shares,
    floors: Shares,
    ceilings: Shares,
    share: Shares,
) -> Shares:
    free = set(members)
    while free:
        left = capacity - sum(share[i] for i in members if i not in free)
        total = sum(weights[i] for i in free)
        wish = {i: left * weights[i] / total for i in free}
        share = [
            min(max(wish[i], floors[i]), ceilings[i]) if i in free else share[i]
            for i in range(len(share))
        ]
        excess = sum(share[i] - wish[i] for i in free)
        if excess == 0:
            break
        free = {i for i in free if not (share[i] > wish[i] if excess > 0 else share[i] < wish[i])}
    return share


def weighted_max_min_tree(
    capacity: Fraction,
    weights: Shares,
    demands: Shares,
    floors: Shares,
    ceilings: Shares,
    parent: Sequence[int],
) -> Shares:
    """The same, down a tree; parent[i] is -1 at the top."""
    everyone = range(len(weights))
    children = {p: [i for i in everyone if parent[i] == p] for p in range(-1, len(weights))}

    def top(i: int) -> Fraction:
        wanted = sum(map(top, children[i]), Fraction(0)) if children[i] else demands[i]
        return min(wanted, ceilings[i])

    share = [Fraction(0)] * len(weights)

    def pour(amount: Fraction, group: int) -> None:
        members = children[group]
        parts = weighted_max_min(
            amount,
            [weights[i] for i in members],
            [floors[i] for i in members],
            [top(i) for i in members],
        )
        for i, part in zip(members, parts, strict=True):
            share[i] = part
            pour(part, i)

    pour(capacity, -1)
    return share
