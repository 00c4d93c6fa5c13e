"""The simulated cluster's state, and the kernels that queue, place, start and end jobs.

Jobs wait in lanes: those of one account that come in the same parts and, where any job is wider
than a slot, with the same limit; first come first served. Every baseline policy is a way to choose
the next lane; what they share is here: the search for hosts (best fit: fewest free slots, then the
smaller row) and the ledger of who holds what.

Kernels that call one another share this file (see `broker.scheduling.kernel`), which is why
HTCondor's negotiation and the backfilling stand here as well, and why it is long.
"""

from typing import NamedTuple

import numpy as np

from broker.scheduling.columns import Floats, Int32s, Int64s
from broker.scheduling.kernel import kernel

BACKFILL_JOBS_MAX = 500  # how deep the queue is tried behind a reservation; Slurm's bf_max_job_test


class State(NamedTuple):
    """Everything that changes while a trace is replayed, and what the kernels must know of jobs.

    By job [n]: account, parts, slots (of one part), lane int32; limit float64 (seconds);
        following, preceding int32 (neighbours in the lane, -1 at the ends); at int32 (row in
        `running`, -1); ends float64 (start plus limit, while it runs).
    first_place int64[n + 1]: where in place int32 the hosts of a running job's parts begin.
    By lane [m]: head, tail int32 (-1 where empty), waiting int64, lane_account int32.
    By account [a]: held int64, slots.
    By host [h]: free int32. By row: running int32. totals int64[2]: jobs running, free slots.
    """

    account: Int32s
    parts: Int32s
    slots: Int32s
    limit: Floats
    lane: Int32s
    following: Int32s
    preceding: Int32s
    at: Int32s
    ends: Floats
    first_place: Int64s
    place: Int32s
    head: Int32s
    tail: Int32s
    waiting: Int64s
    lane_account: Int32s
    held: Int64s
    free: Int32s
    running: Int32s
    totals: Int64s


def initial_state(
    account: Int32s, parts: Int32s, slots: Int32s, limit: Floats, free: Int32s
) -> State:
    """Nothing waits, nothing runs. Jobs [n]; free int32[h].

    Limits tell lanes apart only where they can matter: where some job may wait for a reservation.
    """
    jobs = account.size
    columns = [account, parts, slots]
    if (parts * slots > 1).any():
        columns.append(np.unique(limit, return_inverse=True)[1].astype(np.int32))
    lanes, lane = np.unique(np.stack(columns, axis=1), axis=0, return_inverse=True)
    first_place = np.zeros(jobs + 1, np.int64)
    np.cumsum(parts, out=first_place[1:])
    return State(
        account=account,
        parts=parts,
        slots=slots,
        limit=limit,
        lane=lane.reshape(-1).astype(np.int32),
        following=np.full(jobs, -1, np.int32),
        preceding=np.full(jobs, -1, np.int32),
        at=np.full(jobs, -1, np.int32),
        ends=np.zeros(jobs),
        first_place=first_place,
        place=np.full(int(first_place[-1]), -1, np.int32),
        head=np.full(len(lanes), -1, np.int32),
        tail=np.full(len(lanes), -1, np.int32),
        waiting=np.zeros(len(lanes), np.int64),
        lane_account=lanes[:, 0].astype(np.int32),
        held=np.zeros(int(account.max(initial=-1)) + 1, np.int64),
        free=free.copy(),
        running=np.full(int(free.sum()), -1, np.int32),
        totals=np.array([0, free.sum()], np.int64),
    )


@kernel
def enqueue(state: State, job: int) -> None:
    """Put a job into its lane in order of submission: at the end, or further in front where it
    comes back after having run."""
    lane = state.lane[job]
    before = state.tail[lane]
    while before > job:
        before = state.preceding[before]
    after = state.head[lane] if before < 0 else state.following[before]
    state.preceding[job] = before
    state.following[job] = after
    if before < 0:
        state.head[lane] = job
    else:
        state.following[before] = job
    if after < 0:
        state.tail[lane] = job
    else:
        state.preceding[after] = job
    state.waiting[lane] += 1


@kernel
def enqueue_all(state: State, first: int, last: int) -> None:
    """Put the jobs from `first` to before `last` into their lanes."""
    for job in range(first, last):
        enqueue(state, job)


@kernel
def _leave(state: State, job: int) -> None:
    """Take a waiting job out of its lane."""
    lane = state.lane[job]
    before, after = state.preceding[job], state.following[job]
    if before < 0:
        state.head[lane] = after
    else:
        state.following[before] = after
    if after < 0:
        state.tail[lane] = before
    else:
        state.preceding[after] = before
    state.waiting[lane] -= 1


@kernel
def _find(free: Int32s, parts: int, slots: int, found: Int32s) -> bool:
    """Write a host for each part of a job to found[:parts], best fit; False where they do not fit.

    Fullest hosts first, each with as many parts as it has room for.
    """
    if parts == 1:
        best = -1
        for host in range(free.size):
            if free[host] >= slots and (best < 0 or free[host] < free[best]):
                best = host
                if free[host] == slots:
                    break
        found[0] = best
        return best >= 0
    if not _fits(free, parts, slots):
        return False
    taken = 0
    room = slots
    while taken < parts:
        for host in range(free.size):
            if free[host] == room:
                for _ in range(min(room // slots, parts - taken)):
                    found[taken] = host
                    taken += 1
        room += 1
    return True


@kernel
def _fits(free: Int32s, parts: int, slots: int) -> bool:
    """Whether a job fits now."""
    fitting = 0
    for host in range(free.size):
        fitting += free[host] // slots
        if fitting >= parts:
            return True
    return False


@kernel
def start(state: State, job: int, found: Int32s, now: float) -> None:
    """Move a waiting job onto the hosts found[:parts]."""
    _leave(state, job)
    first, slots = state.first_place[job], state.slots[job]
    for i in range(state.parts[job]):
        state.place[first + i] = found[i]
        state.free[found[i]] -= slots
    state.held[state.account[job]] += state.parts[job] * slots
    state.totals[1] -= state.parts[job] * slots
    state.at[job] = state.totals[0]
    state.running[state.totals[0]] = job
    state.totals[0] += 1
    state.ends[job] = now + state.limit[job]


@kernel
def finish(state: State, job: int) -> None:
    """Free what a running job holds."""
    slots = state.slots[job]
    for i in range(state.first_place[job], state.first_place[job + 1]):
        state.free[state.place[i]] += slots
    state.held[state.account[job]] -= state.parts[job] * slots
    state.totals[1] += state.parts[job] * slots
    state.totals[0] -= 1
    last = state.running[state.totals[0]]
    state.running[state.at[job]] = last
    state.at[last] = state.at[job]
    state.at[job] = -1


@kernel
def start_if_fits(state: State, job: int, now: float) -> bool:
    """Start a waiting job where it fits best, or do nothing."""
    found = np.empty(state.running.size, np.int32)
    if not _find(state.free, state.parts[job], state.slots[job], found):
        return False
    start(state, job, found, now)
    return True


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
        if _find(state.free, state.parts[job], state.slots[job], found):
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
        if _find(later, state.parts[job], state.slots[job], found):
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
        if not _fits(state.free, parts, slots):
            offered[lane] = -1
            continue
        offered[lane] = state.following[job]
        short = now + state.limit[job] <= due
        for host in range(both.size):
            both[host] = state.free[host] if short else min(state.free[host], later[host])
        if _find(both, parts, slots, found):
            start(state, job, found, now)
            if not short:
                for i in range(parts):
                    later[found[i]] -= slots
            started[count] = job
            count += 1
    return started[:count]


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
        if _find(state.free, state.parts[job], state.slots[job], found):
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
