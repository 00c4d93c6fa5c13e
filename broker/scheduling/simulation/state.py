"""What changes while a trace is replayed: the simulated cluster, its queues and who holds what.

Jobs wait in lanes: those of one account that come in the same parts and, where any job is wider
than a slot, with the same limit; first come first served.
"""

from typing import NamedTuple

import numpy as np

from broker.scheduling.columns import Floats, Int32s, Int64s


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
