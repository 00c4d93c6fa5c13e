"""Weighted max-min shares where each account can use some classes only, in exact fractions.

Bottlenecks first: of all sets of classes, the one whose users, left to themselves, stand lowest
decides about them; then the next one among the rest.
"""

from fractions import Fraction
from itertools import combinations

from tests.oracles.max_min import weighted_max_min


def class_shares(
    capacity: list[int], weights: list[Fraction], demands: list[Fraction], reach: list[set[int]]
) -> list[Fraction]:
    """Shares by account; reach: the classes that suit it."""
    share: list[Fraction | None] = [None if r else Fraction(0) for r in reach]
    classes = range(len(capacity))
    sets = [set(s) for n in range(1, len(capacity) + 1) for s in combinations(classes, n)]
    while None in share:
        best: tuple[Fraction, dict[int, Fraction]] | None = None
        for each in sets:
            mine = [i for i, r in enumerate(reach) if r and r <= each]
            left = Fraction(sum(capacity[c] for c in each))
            left -= sum((share[i] or Fraction(0) for i in mine), Fraction(0))
            open_ = [i for i in mine if share[i] is None]
            wanted = [demands[i] for i in open_]
            if not open_ or sum(wanted) <= left:
                continue
            given = weighted_max_min(
                left, [weights[i] for i in open_], [Fraction(0)] * len(open_), wanted
            )
            level = max(
                g / weights[i] for g, i, d in zip(given, open_, wanted, strict=True) if g < d
            )
            if best is None or level < best[0]:
                best = level, dict(zip(open_, given, strict=True))
        if best is None:
            return [demands[i] if s is None else s for i, s in enumerate(share)]
        for i, given_share in best[1].items():
            share[i] = given_share
    return [s or Fraction(0) for s in share]
