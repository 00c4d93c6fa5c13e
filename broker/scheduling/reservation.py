"""Reservations: so that wide jobs are not starved by narrow ones that slip in before them.

A job of several slots that was skipped often, or for long, while its account was owed slots, gets
hosts held for it: those of one class that by the declared limits of what runs there make room
first. Until that moment others may use what is free on them, if they end before it by their own
declared limit (EASY backfill: Lifka, The ANL/IBM SP scheduling system, 1995). A job without a limit
does not.

One reservation a class, and all together hold at most `idle_reserved_max` of all slots idle; but
always one, or a small fleet could never run a wide job. What was skipped and reserved comes in by
the snapshot and goes out with the plan, so this stays a pure function.
"""

from typing import NamedTuple

import numpy as np

from broker.scheduling.columns import Bools, Floats, Int32s, Int64s, Masks
from broker.scheduling.kernel import kernel
from broker.scheduling.snapshot import Snapshot

ALWAYS = np.iinfo(np.int64).max


class Holds(NamedTuple):
    """By host row [h]: open_seconds int64, how long others may use what is free, `ALWAYS` where
    nobody waits for it. By lane [m]: klass int32, the class held for it, -1 for none; starts_in
    float64, seconds until it is expected to start, inf where nothing is known; classes uint64,
    where it may go; seconds int64, how long a job may last."""

    open_seconds: Int64s
    klass: Int32s
    starts_in: Floats
    classes: Masks
    seconds: Int64s


def hold(snapshot: Snapshot) -> Holds:
    """Which hosts are held for whom in this cycle."""
    lanes, hosts = snapshot.lanes, snapshot.hosts
    holds = Holds(
        open_seconds=np.full(hosts.id.size, ALWAYS),
        klass=np.full(lanes.id.size, -1, np.int32),
        starts_in=np.full(lanes.id.size, np.inf),
        classes=lanes.classes,
        seconds=np.zeros(lanes.id.size, np.int64),
    )
    idle_slots_max = snapshot.idle_reserved_max * float(snapshot.class_capacity.sum())
    idle_slots, taken = 0.0, 0
    for lane in _candidates(snapshot):
        found = _soonest(snapshot, lane, taken)
        if found is None:
            continue
        klass, starts_in, rows = found
        idle_slots += float(hosts.slots_free[rows].sum())
        if taken and idle_slots > idle_slots_max:
            break
        taken |= 1 << klass
        holds.open_seconds[rows] = int(starts_in)
        holds.klass[lane], holds.starts_in[lane] = klass, starts_in
    if not taken:
        return holds
    waits = holds.klass >= 0
    others = np.uint64(taken) & ~(np.uint64(1) << holds.klass[waits].astype(np.uint64))
    classes = lanes.classes.copy()
    classes[waits] &= ~others
    limit = np.minimum(np.ceil(lanes.limit_seconds), 2.0**62).astype(np.int64)
    limit[np.isinf(lanes.limit_seconds)] = ALWAYS
    return holds._replace(classes=classes, seconds=np.where(waits, 0, limit))


def skips(snapshot: Snapshot, granted: Int64s, klass: Int32s, owed: Bools) -> Int32s:
    """How often each lane's wide job was passed over, int32[m], this cycle included.

    granted: int64[m], jobs. klass: int32[r], of each host that was granted. owed: bool[m], whether
    the lane's account holds less than it is entitled to.
    """
    lanes = snapshot.lanes
    if not _wide(snapshot).any():
        return np.zeros(lanes.id.size, np.int32)
    served = np.bitwise_or.reduce(np.uint64(1) << klass.astype(np.uint64), initial=np.uint64(0))
    passed = owed & _wide(snapshot) & (lanes.classes & served > 0)
    waits = (lanes.pending > granted) & (granted == 0)
    skipped: Int32s = np.where(waits, lanes.skipped + passed, 0).astype(np.int32)
    return skipped


def _wide(snapshot: Snapshot) -> Bools:
    """Lanes whose waiting jobs take several slots, bool[m]."""
    waits: Bools = snapshot.lanes.pending > 0
    return snapshot.wide() & waits


def _candidates(snapshot: Snapshot) -> list[int]:
    """Lanes that hosts are held for or should be, in the order in which they are looked at."""
    lanes, wide = snapshot.lanes, _wide(snapshot)
    if not wide.any():
        return []
    long = (lanes.skipped > 0) & (lanes.waited_seconds >= snapshot.reserve_after_seconds)
    due = (lanes.skipped >= snapshot.reserve_after_skips) | long | (lanes.reserved_class >= 0)
    rows = np.flatnonzero(due & wide)
    order = np.lexsort((rows, -lanes.skipped[rows], lanes.reserved_class[rows] < 0))
    return [int(row) for row in rows[order]]


def _soonest(snapshot: Snapshot, lane: int, taken: int) -> tuple[int, float, Int64s] | None:
    """(class, seconds, host rows) where a job of the lane can start first; None if nowhere.

    taken: mask of the classes that have a reservation.
    """
    mask = int(snapshot.lanes.classes[lane]) & ~taken
    reserved = int(snapshot.lanes.reserved_class[lane])
    if reserved >= 0 and mask >> reserved & 1:
        mask = 1 << reserved
    found = [
        (seconds, klass, rows)
        for klass in range(snapshot.class_capacity.size)
        if mask >> klass & 1
        for seconds, rows in [_room_in(snapshot, lane, klass)]
        if seconds < np.inf
    ]
    if not found:
        return None
    seconds, klass, rows = min(found, key=lambda each: each[:2])
    return klass, seconds, rows


def _room_in(snapshot: Snapshot, lane: int, klass: int) -> tuple[float, Int64s]:
    """When and on which host rows of a class all members fit; inf where it is not known."""
    lanes, hosts, running = snapshot.lanes, snapshot.hosts, snapshot.running
    rows = np.flatnonzero(hosts.klass == klass)
    place = np.full(hosts.id.size, -1, np.int64)
    place[rows] = np.arange(rows.size)
    ends = np.flatnonzero((place[running.host] >= 0) & np.isfinite(running.seconds_left))
    ends = ends[np.lexsort((running.id[ends], running.host[ends], running.seconds_left[ends]))]
    of_lane, parts = running.lane[ends], running.members[ends].astype(np.int64)
    columns = (lanes.slots, lanes.cpus, lanes.memory_mib)
    freed = np.stack([column[of_lane] * parts for column in columns], axis=1).astype(np.int64)
    free = np.stack([hosts.slots_free, hosts.cpus_free, hosts.memory_mib_free], axis=1)
    need = np.array([column[lane] for column in columns], np.int64)
    members = int(lanes.members[lane])
    on_host = min(members, int(lanes.members_on_host[lane]))
    step, fits = _first_fit(
        need, members, on_host, free[rows].astype(np.int64), place[running.host[ends]], freed
    )
    if step < 0:
        return np.inf, rows
    order = np.argsort(-fits, kind="stable")
    enough = int(np.searchsorted(np.cumsum(fits[order]), members)) + 1
    return float(running.seconds_left[ends[step - 1]]) if step else 0.0, rows[order[:enough]]


@kernel
def _first_fit(
    need: Int64s, members: int, on_host: int, free: Int64s, host: Int64s, freed: Int64s
) -> tuple[int, Int64s]:
    """After how many ends, -1 for never, all members fit; and how many then on each host, int64[h],
    at most `on_host`.

    need int64[3], free int64[h, 3]. By end [e], in order of time: host int64, freed int64[e, 3].
    """
    fits = np.zeros(free.shape[0], np.int64)
    total = 0
    for at in range(free.shape[0]):
        fits[at] = _members_on(free, need, at, on_host)
        total += fits[at]
    for step in range(host.size):
        if total >= members:
            return step, fits
        at = host[step]
        for kind in range(3):
            free[at, kind] += freed[step, kind]
        fit = _members_on(free, need, at, on_host)
        total += fit - fits[at]
        fits[at] = fit
    return (host.size if total >= members else -1), fits


@kernel
def _members_on(free: Int64s, need: Int64s, at: int, most: int) -> int:
    """How many members of a job fit on a host, but not more than `most`."""
    fit = most
    for kind in range(3):
        if need[kind] > 0:
            fit = min(fit, int(free[at, kind] // need[kind]))
    return fit
