"""The running jobs that might be taken back, as columns for `victims`."""

import numpy as np

from broker.scheduling.columns import Bools, Floats, Int32s, Int64s
from broker.scheduling.placement import sort_by_digits
from broker.scheduling.reclaim.rules import Reclaim
from broker.scheduling.reclaim.state import Jobs
from broker.scheduling.snapshot import Running, Snapshot

WORK_MAX = 2.0**42  # slot-seconds that are told apart, some 140,000 slot-years


def candidates(snapshot: Snapshot, rules: Reclaim, spare: Floats) -> tuple[Int64s, Jobs]:
    """Rows of `snapshot.running` by part of `Jobs`, int64[y], and the jobs.

    spare: float64[>= n], slots that each account holds beyond what must be left to it.
    """
    lanes, running = snapshot.lanes, snapshot.running
    slots = lanes.job_slots()
    rows = np.flatnonzero(_allowed(running, rules) & (slots <= spare[lanes.account])[running.lane])
    rows = _whole(running, rows, lanes.members[running.lane[rows]] > 1)
    if not (running.id[rows[1:]] > running.id[rows[:-1]]).all():
        rows = rows[np.lexsort((rules.pool[running.host[rows]], running.id[rows]))]
    ids = running.id[rows]
    begins = np.append(True, ids[1:] != ids[:-1])[: ids.size]
    first = np.flatnonzero(begins)
    lane = running.lane[rows[first]]
    account, size = lanes.account[lane].astype(np.int64), snapshot.accounts.id.size
    work = np.minimum(running.age_seconds[rows[first]] * slots[lane], WORK_MAX).astype(np.int64)
    order = sort_by_digits(sort_by_digits(np.arange(first.size), work), account)
    parts = np.diff(np.append(first, rows.size))
    rows = rows[_spread(first[order], parts[order])]
    lane, host = lane[order], running.host[rows]
    of_part = np.repeat(np.arange(first.size), parts[order])
    need = np.stack((lanes.slots, lanes.cpus, lanes.memory_mib), axis=1)
    return rows, Jobs(
        first=_starts(account, size),
        account=account[order],
        slots=slots[lane],
        lane=lane,
        first_part=np.append(0, np.cumsum(parts[order])),
        host=host,
        pool=rules.pool[host],
        members=running.members[rows],
        need=need.astype(np.int64),
        first_on=_starts(host, snapshot.hosts.id.size),
        on_host=of_part[_on_hosts(host, work[order][of_part])],
        taken=np.full(first.size, -1, np.int64),
    )


def _allowed(running: Running, rules: Reclaim) -> Bools:
    """Rows that their pool lets go, bool[r]."""
    youngest = np.where(rules.jobs_max > 0, rules.minimum_run_seconds, np.nan)
    needed = np.append(youngest, np.nan)[rules.pool]  # by host; nothing is as old as NaN
    allowed: Bools = ~running.leaving & (running.age_seconds >= needed[running.host])
    return allowed


def _whole(running: Running, rows: Int64s, wide: Bools) -> Int64s:
    """The rows without those of jobs of which another row is not among them.

    wide: bool[rows], of jobs of several members.
    """
    if not wide.any():
        return rows
    kept = np.zeros(running.id.size, bool)
    kept[rows] = True
    ids = running.id[rows[wide]]
    elsewhere = np.flatnonzero(~kept)
    stays = running.id[elsewhere[np.isin(running.id[elsewhere], ids)]]
    return rows[~(wide & np.isin(running.id[rows], stays))]


def _starts(values: Int32s | Int64s, size: int) -> Int64s:
    """Where each of 0 .. size - 1 begins among `values`, int64[size + 1]."""
    starts: Int64s = np.append(0, np.cumsum(np.bincount(values, minlength=size)))
    return starts


def _spread(first: Int64s, count: Int64s) -> Int64s:
    """first[0], first[0] + 1, ... count[0] of them, then those of the next, int64[sum(count)]."""
    ends = np.cumsum(count)
    spread: Int64s = np.arange(count.sum()) + np.repeat(first - (ends - count), count)
    return spread


def _on_hosts(host: Int32s, work: Int64s) -> Int64s:
    """Parts by host, of each host the least work first, int64[y]. By part [y]."""
    rows = sort_by_digits(np.arange(host.size), work)
    return sort_by_digits(rows, host.astype(np.int64))
