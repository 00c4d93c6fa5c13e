"""Jobs queue, find hosts, start and end: what every policy has in common.

A policy is a way to choose the next lane; hosts are found by best fit: fewest free slots, then the
smaller row.
"""

import numpy as np

from broker.scheduling.columns import Int32s
from broker.scheduling.kernel import kernel
from broker.scheduling.simulation.state import State


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
def leave(state: State, job: int) -> None:
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
def find(free: Int32s, parts: int, slots: int, found: Int32s) -> bool:
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
    if not fits(free, parts, slots):
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
def fits(free: Int32s, parts: int, slots: int) -> bool:
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
    leave(state, job)
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
    if not find(state.free, state.parts[job], state.slots[job], found):
        return False
    start(state, job, found, now)
    return True
