"""Entitled and held over time: the one yardstick laid against every policy.

    demand_i(t)  slots of the jobs that account i has waiting or running at t
    f_i(t)       its entitlement: hierarchical weighted max-min, by quota alone, up to its demand
    a_i(t)       the slots that it holds

Between two events nothing changes, so the integrals are exact sums. An entitlement knows nothing of
history or of whole slots: these are a policy's own affair.
"""

from dataclasses import dataclass

import numpy as np

from broker.scheduling.columns import Floats, Int32s
from broker.scheduling.division import divide_each
from broker.scheduling.simulation.clock import Attempts
from broker.scheduling.simulation.scene import Scene

CHUNK = 4096  # moments divided at once
BINS = 240  # points of the pictures


@dataclass(frozen=True, slots=True)
class Timeline:
    """Integrals from the first to the last submission.

    short_slot_seconds: of sum over accounts of max(0, f - a).
    entitled, received: float64[a], slot-seconds. lag_peak: float64[a], the largest |integral of
    (f - a)| on the way, slot-seconds.
    seconds: float64[b + 1], bounds of equal bins from the first submission on. entitled_until,
    received_until: float64[b + 1, a], slot-seconds up to each bound.
    """

    short_slot_seconds: float
    entitled: Floats
    received: Floats
    lag_peak: Floats
    seconds: Floats
    entitled_until: Floats
    received_until: Floats


def timeline(scene: Scene, attempts: Attempts) -> Timeline:
    """Sum up what a replay gave against what was due."""
    accounts, groups = len(scene.tree.accounts), len(scene.tree.groups)
    bounds = np.linspace(scene.start_seconds, scene.end_seconds, BINS + 1)
    moment, account, wants, holds = _changes(scene, attempts, bounds)
    moments, row = np.unique(moment, return_inverse=True)
    demand, held = np.zeros(accounts), np.zeros(accounts)
    entitled, received, peak = np.zeros(accounts), np.zeros(accounts), np.zeros(accounts)
    at_bound = np.searchsorted(moments, bounds)
    until = np.zeros((2, bounds.size, accounts))
    short = 0.0
    for low in range(0, moments.size - 1, CHUNK):
        high = min(low + CHUNK, moments.size - 1)
        size = high - low
        begin, end = np.searchsorted(row, (low, high))
        place = row[begin:end] - low, account[begin:end]
        demands, helds = np.zeros((size, accounts)), np.zeros((size, accounts))
        np.add.at(demands, place, wants[begin:end])
        np.add.at(helds, place, holds[begin:end])
        demands[0] += demand
        helds[0] += held
        np.cumsum(demands, axis=0, out=demands)
        np.cumsum(helds, axis=0, out=helds)
        demand, held = demands[-1].copy(), helds[-1].copy()
        nodes = np.concatenate((np.zeros((size, groups)), demands), axis=1)
        due = divide_each(scene.fleet.slots, scene.tree.weight, nodes, scene.tree.parent)
        due = due[:, groups:]
        seconds = np.diff(moments[low : high + 1])
        short += float(np.maximum(due - helds, 0.0).sum(axis=1) @ seconds)
        owed = entitled + np.cumsum(due * seconds[:, None], axis=0)
        given = received + np.cumsum(helds * seconds[:, None], axis=0)
        inside = (at_bound > low) & (at_bound <= high)
        until[0, inside] = owed[at_bound[inside] - low - 1]
        until[1, inside] = given[at_bound[inside] - low - 1]
        peak = np.maximum(peak, np.abs(owed - given).max(axis=0))
        entitled, received = owed[-1], given[-1]
    return Timeline(short, entitled, received, peak, bounds, until[0], until[1])


def _changes(
    scene: Scene, attempts: Attempts, bounds: Floats
) -> tuple[Floats, Int32s, Floats, Floats]:
    """(moment, account, change of demand, change of slots held), in order of time, up to the last
    submission. The bounds of the bins are moments at which nothing changes."""
    trace, job = scene.trace, attempts.job
    gpus, ended = trace.gpus[job], attempts.completed
    moment = np.concatenate(
        (trace.submit_seconds, attempts.start_seconds, attempts.end_seconds, bounds)
    )
    account = np.concatenate(
        (trace.account, trace.account[job], trace.account[job], np.zeros(bounds.size, np.int32))
    )
    none = np.zeros(bounds.size)
    wants: Floats = np.concatenate((trace.gpus, 0.0 * gpus, -1.0 * gpus * ended, none))
    holds: Floats = np.concatenate((0.0 * trace.gpus, gpus, -1.0 * gpus, none))
    kept = moment <= scene.end_seconds
    order = np.argsort(moment[kept], kind="stable")
    return moment[kept][order], account[kept][order], wants[kept][order], holds[kept][order]
