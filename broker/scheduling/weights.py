"""Weights: quotas bent by what an account used against what was due to it meanwhile.

    adjusted = weight * clip(1 + k * (due - used) / max(due, whole / 20), 1/4, 4)

`due` and `used` are both integrals that fade with the half-life: of the slots that the account was
entitled to by quota alone, moment by moment, up to what it wanted (`Plan.fair_slots`), and of the
slots that it held. So slots that nobody else wanted were due to who used them and are no debt, and
who wanted nothing has no claim. Who always held exactly what was due keeps the weight.

`whole` is what the quota alone would give for the whole window (half-life / ln 2) beside the active
siblings. A twentieth of it, half a day for a half-life of a week, is the least that a difference is
measured by: a newcomer's first jobs decide nothing. The clip bounds both the debt of a heavy user
and the catch-up of one who was short. A group is bent like an account, by what was due to its
members and what they used together.
"""

import math

import numpy as np

from broker.scheduling.columns import Bools, Floats, Int32s, Int64s, Masks
from broker.scheduling.kernel import kernel
from broker.scheduling.snapshot import Snapshot
from broker.scheduling.tree import Tree

DUE_LEAST = 1 / 20
LIGHTEST = 1e-100
WEIGHTLESS = 1e-200


def adjusted_weights(snapshot: Snapshot, tree: Tree) -> Floats:
    """Weights after history, float64[N], by node.

    A node is active while an account below it has jobs pending or running. An idle one's share is
    the one it would have, were it to join the active ones. Classes that suit no active lane are
    left out: nobody's usage can lie there.
    """
    if snapshot.history_strength == 0:
        return tree.weight
    lanes, accounts, groups = snapshot.lanes, snapshot.accounts, snapshot.groups
    active, reached = _activity(
        lanes.account,
        lanes.pending,
        lanes.running,
        lanes.classes,
        snapshot.class_capacity,
        tree.order,
        tree.parent,
    )
    return _bent(
        tree.order,
        tree.parent,
        tree.weight,
        active,
        reached,
        np.concatenate((accounts.usage_gpu_seconds, groups.usage_gpu_seconds, (0.0,))),
        np.concatenate((accounts.entitled_gpu_seconds, groups.entitled_gpu_seconds, (0.0,))),
        snapshot.half_life_seconds / math.log(2) / snapshot.slot_units,
        (snapshot.history_strength, snapshot.weight_factor_min, snapshot.weight_factor_max),
    )


@kernel
def _activity(
    account: Int32s,
    pending: Int64s,
    running: Int64s,
    classes: Masks,
    class_capacity: Int64s,
    order: Int64s,
    parent: Int32s,
) -> tuple[Bools, float]:
    """Which nodes are active, bool[N + 1], and the slots of the classes that suit any busy lane.

    Lane columns [m]; class_capacity int64[k]; nodes as in `Tree`.
    """
    active = np.zeros(parent.size + 1, np.bool_)
    reach = np.uint64(0)
    for lane in range(account.size):
        if pending[lane] > 0 or running[lane] > 0:
            active[account[lane]] = True
            reach |= classes[lane]
    for j in range(order.size - 1, -1, -1):
        active[parent[order[j]]] |= active[order[j]]
    slots = 0.0
    for c in range(class_capacity.size):
        if (reach >> np.uint64(c)) & np.uint64(1):
            slots += class_capacity[c]
    return active, slots


@kernel
def _bent(
    order: Int64s,
    parent: Int32s,
    weight: Floats,
    active: Bools,
    slots: float,
    used: Floats,
    due: Floats,
    window_seconds: float,
    bounds: tuple[float, float, float],
) -> Floats:
    """Weights float64[N] times their factors; slots: what the top has.

    used and due float64[N + 1], GPU-seconds by node, for groups what is not of their members; to
    which that of their members is added. window_seconds: by which slots become GPU-seconds; bounds:
    strength, least and greatest factor.
    """
    strength, least, greatest = bounds
    top = parent.size
    heaviest = np.full(top + 1, 1e-300)
    for j in range(top - 1, -1, -1):
        node = order[j]
        used[parent[node]] += used[node]
        due[parent[node]] += due[node]
        heaviest[parent[node]] = max(heaviest[parent[node]], weight[node])
    rivals = np.zeros(top + 1)  # relative to the heaviest sibling, so that no sum overflows
    for node in range(top):
        if active[node]:
            rivals[parent[node]] += weight[node] / heaviest[parent[node]]
    share = np.zeros(top + 1)
    share[top] = slots
    bent = np.empty(top)
    for node in order:
        relative = weight[node] / heaviest[parent[node]]
        among = rivals[parent[node]] + (0.0 if active[node] else relative)
        if among > 0.0:
            share[node] = share[parent[node]] * (relative / among)
        whole = share[node] * window_seconds
        measure = max(due[node], DUE_LEAST * whole)
        behind = (due[node] - used[node]) / measure if measure > 0.0 else 0.0
        bent[node] = weight[node] * min(max(1.0 + strength * behind, least), greatest)
    return bent


@kernel
def dispatch_weights(parent: Int32s, adjusted: Floats) -> Floats:
    """Weights as `dispatch` wants them, float64[N]: siblings scaled by one power of two, which is
    exact, so that the heaviest lies near 1; in place of 0 a weight so small that it comes last."""
    heaviest = np.zeros(parent.size + 1)
    for node in range(parent.size):
        heaviest[parent[node]] = max(heaviest[parent[node]], adjusted[node])
    weight = np.empty(parent.size)
    for node in range(parent.size):
        exponent = math.frexp(heaviest[parent[node]])[1]
        scaled = max(math.ldexp(adjusted[node], -exponent), LIGHTEST)
        weight[node] = scaled if adjusted[node] > 0.0 else WEIGHTLESS
    return weight
