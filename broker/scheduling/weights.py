"""Weights: quotas bent by past usage.

    adjusted = weight * clip(1 + k * (1 - usage / (share * window)), 1/4, 4)

`share` is the number of slots that the quotas alone would give among the active siblings, of what
their group would have; `window` the integral of the decay (half-life / ln 2): an account that held
exactly its share for ever has usage = share * window and keeps its weight. The clip bounds both the
debt of a heavy user and the catch-up of one who was away. A group is bent like an account, by what
its members used together.
"""

import math

import numpy as np

from broker.scheduling.columns import Bools, Floats, Int32s, Int64s
from broker.scheduling.kernel import kernel
from broker.scheduling.snapshot import Snapshot
from broker.scheduling.tree import Tree, relative_weights, totals

LIGHTEST = 1e-100
WEIGHTLESS = 1e-200


def adjusted_weights(snapshot: Snapshot, tree: Tree) -> Floats:
    """Weights after history, float64[N], by node.

    A node is active while an account below it has jobs pending or running. An idle one's share is
    the one it would have, were it to join the active ones. Classes that suit no active lane are
    left out: nobody's usage can lie there.
    """
    lanes = snapshot.lanes
    busy = (lanes.pending > 0) | (lanes.running > 0)
    active = totals(tree, np.bincount(lanes.account[busy], minlength=tree.accounts) > 0) > 0
    accounts, groups = snapshot.accounts, snapshot.groups
    usage = totals(tree, accounts.usage_gpu_seconds, groups.usage_gpu_seconds)[:-1]
    relative = relative_weights(tree, tree.weight)
    share = np.zeros(tree.parent.size + 1)
    share[-1] = _reached(snapshot, busy)
    _share_out(tree.order, tree.parent, relative, active, share)
    window_seconds = snapshot.half_life_seconds / math.log(2)
    entitled_gpu_seconds = share[:-1] * (window_seconds / snapshot.slot_units)
    measurable = entitled_gpu_seconds > 0
    ratio = np.ones(usage.size)  # no fleet or no quota: nothing to compare usage with
    with np.errstate(over="ignore"):
        np.divide(usage, entitled_gpu_seconds, out=ratio, where=measurable)
        bent = 1.0 + snapshot.history_strength * (1.0 - ratio)
    factor: Floats = np.clip(bent, snapshot.weight_factor_min, snapshot.weight_factor_max)
    return tree.weight * factor


def _reached(snapshot: Snapshot, busy: Bools) -> float:
    """Slots of the classes that suit any lane with jobs pending or running."""
    reach = np.bitwise_or.reduce(snapshot.lanes.classes[busy], initial=np.uint64(0))
    bits = np.arange(snapshot.class_capacity.size, dtype=np.uint64)
    return float(snapshot.class_capacity[(reach >> bits) & np.uint64(1) > 0].sum())


def dispatch_weights(tree: Tree, adjusted: Floats) -> Floats:
    """Weights as `dispatch` wants them, float64[N]: siblings scaled by one power of two, which is
    exact, so that the heaviest lies near 1; in place of 0 a weight so small that it comes last."""
    heaviest = np.zeros(tree.parent.size + 1)
    np.maximum.at(heaviest, tree.parent, adjusted)
    exponent = np.frexp(heaviest)[1][tree.parent]
    scaled = np.maximum(np.ldexp(adjusted, -exponent), LIGHTEST)
    weight: Floats = np.where(adjusted > 0, scaled, WEIGHTLESS)
    return weight


@kernel
def _share_out(
    order: Int64s, parent: Int32s, relative: Floats, active: Bools, share: Floats
) -> None:
    """Fill share float64[N + 1] from the top down; its last entry is given.

    relative float64[N], active bool[N + 1] by node.
    """
    rivals = np.zeros(share.size)
    for node in range(parent.size):
        if active[node]:
            rivals[parent[node]] += relative[node]
    for node in order:
        among = rivals[parent[node]] + (0.0 if active[node] else relative[node])
        if among > 0.0:
            share[node] = share[parent[node]] * (relative[node] / among)
