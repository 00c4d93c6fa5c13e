"""Fill-back: would the slots of those who are to go reach the claimants after all?"""

import numpy as np

from broker.scheduling import aftermath
from broker.scheduling.columns import Bools, Int64s
from broker.scheduling.cycle import plan
from broker.scheduling.snapshot import Hosts, Snapshot
from broker.scheduling.victims import Jobs

ROUNDS_MAX = 8


def confirmed(snapshot: Snapshot, rows: Int64s, jobs: Jobs, claimed: Int64s, now: float) -> Int64s:
    """Rows of `snapshot.running` that go, int64[x] in rising order.

    rows: int64[y], those rows by part of `jobs`. claimed: int64[c], by claim its lane.

    Plans what follows once the taken jobs have gone, and spares jobs taken for claims that would
    not be served, and jobs whose slots would stay free. Then looks again, since the others would
    get less; where that does not come to rest within `ROUNDS_MAX`, all are spared.
    """
    taken, open_claims = jobs.taken >= 0, np.ones(claimed.size, bool)
    of_part = np.repeat(np.arange(taken.size), np.diff(jobs.first_part))
    for _ in range(ROUNDS_MAX):
        gone = np.zeros(snapshot.running.id.size, bool)
        gone[rows[taken[of_part]]] = True
        if not gone.any():
            break
        left = aftermath.handed_back(snapshot, gone)
        made = plan(left, now, explain=False)
        served = _served(snapshot, claimed, open_claims, made.lane_granted)
        spared = taken & ~served[jobs.taken]
        if not spared.any():
            spared = _idle(aftermath.granted(left, made).hosts, jobs, taken)
        if not spared.any():
            return np.flatnonzero(gone)
        taken &= ~spared
        open_claims = served
    return np.empty(0, np.int64)


def _served(snapshot: Snapshot, claimed: Int64s, counted: Bools, granted: Int64s) -> Bools:
    """Which claims bool[c] the grants int64[m] of a plan cover, slot by slot of each account.

    counted: bool[c], the claims that still stand.
    """
    lanes = snapshot.lanes
    slots, account = lanes.job_slots(), lanes.account[claimed]
    got = np.bincount(lanes.account, granted * slots, snapshot.accounts.id.size)
    served = np.zeros(claimed.size, bool)
    for claim in np.flatnonzero(counted):
        got[account[claim]] -= slots[claimed[claim]]
        served[claim] = got[account[claim]] >= 0
    return served


def _idle(hosts: Hosts, jobs: Jobs, taken: Bools) -> Bools:
    """Taken jobs bool[x] that could have stayed: what they held would still be free."""
    amounts = (hosts.slots_free, hosts.cpus_free, hosts.memory_mib_free)
    free: Int64s = np.stack(amounts, axis=1).astype(np.int64)
    idle = np.zeros(taken.size, bool)
    for job in np.flatnonzero(taken):
        parts = slice(jobs.first_part[job], jobs.first_part[job + 1])
        left = free[jobs.host[parts]] - jobs.amount[parts]
        if (left >= 0).all():
            free[jobs.host[parts]] = left
            idle[job] = True
    return idle
