"""Lag: what an account missed of its part, carried from one moment to the next.

Slots are whole. With four of them for quotas of 50, 30 and 20 the fairest division is 2, 1 and 1,
and repeated for ever it gives 50, 25 and 25. So the planner remembers who was short:

    lag = integral of (part of what is given out - slots held) dt

and serves as if the account held so many slots less (see `dispatch`). This is the lag of
generalized processor sharing (Parekh and Gallager 1993), bounded on both sides: at most
`LAG_JOBS_MAX` typical jobs of one slot, so that nobody collects a claim while nothing fits.

The planner keeps nothing: the caller carries the lag, and hands it in as `Accounts.lag_slots`, in
slots, divided by the length of a typical job.
"""

import numpy as np

from broker.scheduling.columns import Floats, Int64s
from broker.scheduling.kernel import kernel

LAG_JOBS_MAX = 4.0


def carried(
    lag: Floats,
    entitlement: Floats,
    allocated: Floats,
    parent: Int64s,
    seconds: float,
    job_seconds: float,
) -> Floats:
    """The lag after some seconds in which nothing changed, float64[n], in slot-seconds.

    lag: float64[n], before; accounts, groups or both. entitlement, allocated: float64[n], slots, of
    `Plan`. parent: int64[n], equal for siblings and for them alone, >= -1.
    seconds: how long they stood. job_seconds: the length of a typical job, > 0.

    Siblings divide what they were given together. So slots which stand idle, or which the caller
    counts twice while a report is on its way, are nobody's gain or loss, and what a group misses
    is no claim of one member on another.
    """
    return _carried(lag, entitlement, allocated, parent, seconds, LAG_JOBS_MAX * job_seconds)


@kernel
def _carried(
    lag: Floats,
    entitlement: Floats,
    allocated: Floats,
    parent: Int64s,
    seconds: float,
    bound: float,
) -> Floats:
    """See `carried`; bound: slot-seconds."""
    families = 1
    for node in range(parent.size):
        families = max(families, parent[node] + 2)
    due, given = np.zeros(families), np.zeros(families)
    for node in range(parent.size):
        due[parent[node] + 1] += entitlement[node]
        given[parent[node] + 1] += allocated[node]
    moved = np.empty(lag.size)
    for node in range(parent.size):
        family = parent[node] + 1
        part = allocated[node]
        if due[family] > 0.0:
            # A part of all first: 1 / due of a vanishing share may be infinite.
            part = entitlement[node] / due[family] * given[family]
        moved[node] = min(max(lag[node] + (part - allocated[node]) * seconds, -bound), bound)
    return moved
