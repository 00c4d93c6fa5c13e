"""Who is owed how much: quotas bent by past usage, and the entitlement they give now.

    adjusted = weight * clip(1 + k * (1 - usage / (share * window)), 1/4, 4)

`share` is the number of slots that the quota alone would give among the active accounts, `window`
the integral of the decay (half-life / ln 2): an account that held exactly its share for ever has
usage = share * window and keeps its weight. The clip bounds both the debt of a heavy user and the
catch-up of one who was away.
"""

import math

import numpy as np
import numpy.typing as npt

from broker.scheduling.accounts import Accounts
from broker.scheduling.columns import Floats, Int32s, Int64s, Masks
from broker.scheduling.division import divide
from broker.scheduling.kernel import kernel
from broker.scheduling.snapshot import Lanes, Snapshot


def adjusted_weights(
    snapshot: Snapshot, accounts: Accounts, active: npt.NDArray[np.bool_]
) -> Floats:
    """Weights after history, float64[n]. `active` bool[n]: has jobs pending or running.

    An idle account's share is the one it would have, were it to join the active ones. Classes that
    suit no active lane are left out: nobody's usage can lie there.
    """
    weight = accounts.weight
    heaviest = max(float(weight.max(initial=0.0)), 1e-300)
    relative = weight / heaviest  # so that no sum of quotas overflows
    rivals = float(relative[active].sum()) + np.where(active, 0.0, relative)
    capacity = _reached(snapshot)
    share = capacity * relative / np.where(rivals > 0, rivals, 1.0)
    window_seconds = snapshot.half_life_seconds / math.log(2)
    entitled_gpu_seconds = share * window_seconds
    measurable = entitled_gpu_seconds > 0
    ratio = np.ones(weight.size)  # no fleet or no quota: nothing to compare usage with
    with np.errstate(over="ignore"):
        np.divide(accounts.usage_gpu_seconds, entitled_gpu_seconds, out=ratio, where=measurable)
        bent = 1.0 + snapshot.history_strength * (1.0 - ratio)
    factor: Floats = np.clip(bent, snapshot.weight_factor_min, snapshot.weight_factor_max)
    return weight * factor


def _reached(snapshot: Snapshot) -> float:
    """Slots of the classes that suit any lane with jobs pending or running."""
    lanes = snapshot.lanes
    busy = (lanes.pending > 0) | (lanes.running > 0)
    reach = np.bitwise_or.reduce(lanes.classes[busy], initial=np.uint64(0))
    bits = np.arange(snapshot.class_capacity.size, dtype=np.uint64)
    return float(snapshot.class_capacity[(reach >> bits) & np.uint64(1) > 0].sum())


def entitlements(snapshot: Snapshot, accounts: Accounts, lanes: Lanes, adjusted: Floats) -> Floats:
    """Slots each account is owed now, float64[n]: its part of the fleet, up to what it can use."""
    demand = usable_demand(lanes, accounts.id.size, snapshot.class_capacity)
    return divide(float(snapshot.class_capacity.sum()), adjusted, demand)


def usable_demand(lanes: Lanes, accounts: int, class_capacity: Int64s) -> Floats:
    """Slots wanted by each account, float64[n]: running and pending, but not more than it holds or
    than the classes that suit any of its lanes have."""
    return _usable_demand(
        lanes.account,
        lanes.pending,
        lanes.running,
        lanes.slots,
        lanes.classes,
        class_capacity,
        np.zeros(accounts),
    )


@kernel
def _usable_demand(
    account: Int32s,
    pending: Int64s,
    running: Int64s,
    slots: Int32s,
    classes: Masks,
    class_capacity: Int64s,
    demand: Floats,
) -> Floats:
    """Fill `demand` float64[n], in slots. Lane columns [m], class_capacity int64[k]."""
    held = np.zeros(demand.size)
    reach = np.zeros(demand.size, np.uint64)
    for lane in range(account.size):
        a = account[lane]
        held[a] += float(running[lane]) * slots[lane]
        if pending[lane] > 0 and classes[lane] != 0:
            demand[a] += float(pending[lane]) * slots[lane]
            reach[a] |= classes[lane]
    for a in range(demand.size):
        usable = 0.0
        for c in range(class_capacity.size):
            if (reach[a] >> np.uint64(c)) & np.uint64(1):
                usable += class_capacity[c]
        demand[a] = max(held[a], min(held[a] + demand[a], usable))
    return demand


def slots_held(lanes: Lanes, accounts: int) -> Int64s:
    """Slots under lease by account, int64[n]."""
    return _slots_held(lanes.account, lanes.running, lanes.slots, np.zeros(accounts, np.int64))


@kernel
def _slots_held(account: Int32s, running: Int64s, slots: Int32s, held: Int64s) -> Int64s:
    """Fill `held` int64[n], in slots. Lane columns [m]."""
    for lane in range(account.size):
        held[account[lane]] += running[lane] * slots[lane]
    return held
