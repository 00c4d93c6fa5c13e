"""What each account would have had on a slice of its own: the reference for slowdown and backlog.

The cluster is cut up by quota, once and for all. On its slice an account runs its jobs first come
first served, as a fluid: the oldest jobs share the slice, each at most as fast as its GPUs allow,
and one that is wider than the slice takes all of it for longer. No real cluster is that divisible,
so the reference is on the generous side.
"""

from typing import NamedTuple

import numpy as np

from broker.scheduling.columns import Floats, Int32s, Int64s
from broker.scheduling.kernel import kernel
from broker.scheduling.simulation.scene import Scene


class Alone(NamedTuple):
    """seconds: float64[n], by job, from submission to end on the slice.
    backlogged_seconds: float64[a], by account, while it wanted more than its slice, up to the last
    submission of the trace."""

    seconds: Floats
    backlogged_seconds: Floats


def alone(scene: Scene) -> Alone:
    """Run every account on its slice."""
    trace, slices = scene.trace, scene.tree.slices(float(scene.fleet.slots))
    seconds = np.full(trace.jobs, np.inf)
    backlogged = np.zeros(slices.size)
    order = np.argsort(trace.account, kind="stable")
    first = np.searchsorted(trace.account[order], np.arange(slices.size + 1))
    for account in np.flatnonzero(slices > 0):
        mine = order[first[account] : first[account + 1]]
        backlogged[account] = _run(
            mine,
            trace.gpus,
            trace.submit_seconds,
            trace.duration_seconds,
            float(slices[account]),
            scene.end_seconds,
            seconds,
        )
    return Alone(seconds, backlogged)


@kernel
def _run(
    jobs: Int64s,
    gpus: Int32s,
    submit: Floats,
    duration: Floats,
    capacity: float,
    horizon: float,
    seconds: Floats,
) -> float:
    """Serve `jobs` (rows, in order of submission) on `capacity` slots; writes seconds[jobs].

    Returns how long, up to `horizon`, the jobs present wanted more than the capacity.
    """
    size = jobs.size
    left = np.empty(size)  # GPU-seconds
    open_jobs = np.empty(size, np.int64)
    present = 0  # rows of open_jobs, oldest first
    wanted = 0.0  # slots, of all that are present
    arrived = 0
    backlogged = 0.0
    now = submit[jobs[0]] if size > 0 else 0.0
    while arrived < size or present > 0:
        step = submit[jobs[arrived]] - now if arrived < size else np.inf
        room = capacity
        for row in range(present):
            if room <= 0.0:
                break
            j = open_jobs[row]
            speed = min(room, float(gpus[jobs[j]]))
            room -= speed
            step = min(step, left[j] / speed)
        if wanted > capacity:
            backlogged += max(0.0, min(now + step, horizon) - min(now, horizon))
        room = capacity
        kept = 0
        touched = 0
        for row in range(present):
            if room <= 0.0:
                break
            j = open_jobs[row]
            speed = min(room, float(gpus[jobs[j]]))
            room -= speed
            left[j] -= speed * step
            touched += 1
            if left[j] <= 1e-6 * speed:
                seconds[jobs[j]] = now + step - submit[jobs[j]]
                wanted -= gpus[jobs[j]]
            else:
                open_jobs[kept] = j
                kept += 1
        if kept < touched:
            for row in range(touched, present):
                open_jobs[kept + row - touched] = open_jobs[row]
            present -= touched - kept
        now += step
        while arrived < size and submit[jobs[arrived]] <= now:
            left[arrived] = gpus[jobs[arrived]] * duration[jobs[arrived]]
            wanted += gpus[jobs[arrived]]
            open_jobs[present] = arrived
            present += 1
            arrived += 1
    return backlogged
