"""HTCondor's negotiation: slices of a pie, dealt out again until nothing more is taken."""

import numpy as np

from broker.scheduling.columns import Floats, Int32s
from broker.scheduling.kernel import kernel
from broker.scheduling.simulation.matching import find, start
from broker.scheduling.simulation.state import State


@kernel
def _offer(state: State, account: int, passed: Int32s) -> int:
    """The lane of an account's next job that was not passed over; -1 if none. passed int32[m]."""
    best = -1
    for lane in range(passed.size):
        if state.lane_account[lane] != account or passed[lane] or state.head[lane] < 0:
            continue
        if best < 0 or state.head[lane] < state.head[best]:
            best = lane
    return best


@kernel
def _negotiate(
    state: State, account: int, limit: float, passed: Int32s, found: Int32s, now: float
) -> tuple[int, bool]:
    """Match one submitter's jobs up to `limit` slots, though at least one job where it is above 0.

    Returns (slots matched, whether all of its jobs were considered). passed int32[m] marks lanes
    whose shape no host has.
    """
    used = 0
    while True:
        lane = _offer(state, account, passed)
        if lane < 0:
            return used, True
        job = state.head[lane]
        cost = state.parts[job] * state.slots[job]
        if used + cost > limit and not (used == 0 and limit > 0.0):
            return used, False
        if find(state.free, state.parts[job], state.slots[job], found):
            start(state, job, found, now)
            used += cost
        else:
            passed[lane] = 1


@kernel
def spin_pie(
    state: State, members: Int32s, priority: Floats, quota: float, pool: float, now: float
) -> Int32s:
    """HTCondor's negotiation for one accounting group; returns the jobs started, int32.

    Each submitter's slice of the pie is min(pool, quota) in inverse proportion to its effective
    priority, less what it holds; the pie is dealt out again until nothing more is taken. members
    int32: accounts, best priority first. priority float64[a]. quota, pool: slots.
    Source: Matchmaker::negotiateWithGroup and calculateSubmitterLimit in HTCondor's matchmaker.cpp.
    """
    found = np.empty(state.running.size, np.int32)
    passed = np.zeros(state.head.size, np.int32)
    idle = np.zeros(state.held.size, np.int32)
    for lane in range(state.head.size):
        idle[state.lane_account[lane]] |= state.head[lane] >= 0
    first_new = state.totals[0]
    while True:
        usage = 0.0
        inverse = 0.0
        for account in members:
            usage += state.held[account]
            if idle[account]:
                inverse += 1.0 / priority[account]
        if usage >= quota or inverse == 0.0:
            break
        pie = min(pool, quota) / inverse
        left = 0.0
        for account in members:
            if idle[account]:
                slice_ = max(0.0, pie / priority[account] - state.held[account])
                left += min(slice_, quota - usage)
        before = left
        dropped = False
        for account in members:
            if not idle[account] or usage >= quota:
                continue
            slice_ = max(0.0, pie / priority[account] - state.held[account])
            limit = min(min(slice_, quota - usage), left)
            used, done = _negotiate(state, account, limit, passed, found, now)
            usage += used
            left -= used
            if done:
                idle[account] = 0
                dropped = True
        if not dropped and left >= before:
            break
    return state.running[first_new : state.totals[0]].copy()
