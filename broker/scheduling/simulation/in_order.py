"""Lanes served in the order of a key, and EASY backfilling behind the first job that is blocked."""

import numpy as np

from broker.scheduling.columns import Floats, Int32s
from broker.scheduling.kernel import kernel
from broker.scheduling.simulation.matching import find, fits, start
from broker.scheduling.simulation.state import State

BACKFILL_JOBS_MAX = 500  # how deep the queue is tried behind a reservation; Slurm's bf_max_job_test


@kernel
def _next_lane(head: Int32s, account: Int32s, key: Floats, job_key: Floats) -> int:
    """The lane whose head comes first by (key of its account, its own key, submission); -1 if
    none. head int32[m]: the job each lane offers, or -1; account int32[m]."""
    best = -1
    for lane in range(head.size):
        job = head[lane]
        if job < 0:
            continue
        if best < 0:
            best = lane
            continue
        other = head[best]
        mine, its = key[account[lane]], key[account[best]]
        if mine < its or (
            mine == its
            and (job_key[job] < job_key[other] or (job_key[job] == job_key[other] and job < other))
        ):
            best = lane
    return best


@kernel
def serve_in_order(
    state: State, account_key: Floats, job_key: Floats, now: float, reserve: bool
) -> Int32s:
    """Start waiting jobs in order of (account_key float64[a], job_key float64[n], submission).

    Within a lane keys must not fall. With `reserve` the first job that does not fit gets a
    reservation, and what is behind it starts only where it does not delay it (EASY backfill);
    without, what does not fit is passed over. Returns the jobs started, int32.
    """
    offered = state.head.copy()
    found = np.empty(state.running.size, np.int32)
    started = np.empty(state.totals[1], np.int32)
    count = 0
    while state.totals[1] > 0:
        lane = _next_lane(offered, state.lane_account, account_key, job_key)
        if lane < 0:
            break
        job = offered[lane]
        if find(state.free, state.parts[job], state.slots[job], found):
            offered[lane] = state.following[job]
            start(state, job, found, now)
            started[count] = job
            count += 1
        elif reserve:
            offered[lane] = state.following[job]
            return _backfill(state, account_key, job_key, now, job, offered, started, count)
        else:
            offered[lane] = -1
    return started[:count]


@kernel
def _reservation(state: State, job: int, later: Int32s, found: Int32s) -> float:
    """When a job that does not fit will: at the time returned, on found[:parts].

    Writes to later int32[h] what will be free then, besides the reservation itself.
    """
    ends = state.ends[state.running[: state.totals[0]]]
    order = np.argsort(ends)
    later[:] = state.free
    for at in range(order.size):
        other = state.running[order[at]]
        for i in range(state.first_place[other], state.first_place[other + 1]):
            later[state.place[i]] += state.slots[other]
        if at + 1 < order.size and ends[order[at + 1]] == ends[order[at]]:
            continue  # what ends together is free together, in whatever order it is noted
        if find(later, state.parts[job], state.slots[job], found):
            for i in range(state.parts[job]):
                later[found[i]] -= state.slots[job]
            due: float = ends[order[at]]
            return due
    return np.inf


@kernel
def _backfill(
    state: State,
    account_key: Floats,
    job_key: Floats,
    now: float,
    reserved: int,
    offered: Int32s,
    started: Int32s,
    count: int,
) -> Int32s:
    """Start what does not delay `reserved`: what ends before its time by its limit, or fits beside
    it. offered int32[m]: the next job of each lane. Returns started[:count], prolonged."""
    later = np.empty_like(state.free)
    found = np.empty(state.running.size, np.int32)
    due = _reservation(state, reserved, later, found)
    both = np.empty_like(state.free)
    for _ in range(BACKFILL_JOBS_MAX):
        lane = -1
        if state.totals[1] > 0:
            lane = _next_lane(offered, state.lane_account, account_key, job_key)
        if lane < 0:
            break
        job = offered[lane]
        parts, slots = state.parts[job], state.slots[job]
        if not fits(state.free, parts, slots):
            offered[lane] = -1
            continue
        offered[lane] = state.following[job]
        short = now + state.limit[job] <= due
        for host in range(both.size):
            both[host] = state.free[host] if short else min(state.free[host], later[host])
        if find(both, parts, slots, found):
            start(state, job, found, now)
            if not short:
                for i in range(parts):
                    later[found[i]] -= slots
            started[count] = job
            count += 1
    return started[:count]
