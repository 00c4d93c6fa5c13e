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
    where it may go; seconds int64, how long a job may last.
    ready int64[.]: lanes whose job fits now; ready_rows int64[.]: the host rows held for those."""

    open_seconds: Int64s
    klass: Int32s
    starts_in: Floats
    classes: Masks
    seconds: Int64s
    ready: Int64s
    ready_rows: Int64s


def hold(snapshot: Snapshot) -> Holds:
    """Which hosts are held for whom in this cycle."""
    lanes, hosts = snapshot.lanes, snapshot.hosts
    none = np.empty(0, np.int64)
    holds = Holds(*_nothing_held(hosts.id.size, lanes.classes), none, none)
    candidates = _candidates(snapshot)
    if not candidates:
        return holds
    idle_slots_max = snapshot.idle_reserved_max * float(snapshot.class_capacity.sum())
    idle_slots, taken = 0.0, 0
    ends = _ends(snapshot)
    for lane in candidates:
        found = _soonest(snapshot, lane, ends, taken)
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
    ready = holds.starts_in == 0.0
    return holds._replace(
        classes=classes,
        seconds=np.where(waits, 0, limit),
        ready=np.flatnonzero(ready),
        ready_rows=np.flatnonzero(holds.open_seconds == 0) if ready.any() else none,
    )


@kernel
def _nothing_held(hosts: int, classes: Masks) -> tuple[Int64s, Int32s, Floats, Masks, Int64s]:
    """The columns of `Holds` while nobody waits for a host. classes: uint64[m]."""
    lanes = classes.size
    klass, starts_in = np.full(lanes, -1, np.int32), np.full(lanes, np.inf)
    return np.full(hosts, ALWAYS), klass, starts_in, classes, np.zeros(lanes, np.int64)


@kernel
def skips(
    account: Int32s,
    pending: Int64s,
    granted: Int64s,
    slots: Int32s,
    members: Int32s,
    classes: Masks,
    skipped: Int32s,
    busy: np.uint64,
    owed: Bools,
    slot_units: int,
) -> Int32s:
    """How often each lane's wide job was passed over, int32[m], this cycle included.

    Lane columns [m]; granted int64, jobs. busy: mask of the classes of which a host was granted.
    owed: bool[n], whether an account holds less than it is entitled to, or lately did: with the
    holding of this moment alone, a job larger than its account's part would get hosts held again as
    soon as it has ended. slot_units: as in `Snapshot`.
    """
    counted = np.zeros(account.size, np.int32)
    for lane in range(account.size):
        if pending[lane] > granted[lane] and granted[lane] == 0:
            wide = slots[lane] > slot_units or members[lane] > 1
            passed = wide and owed[account[lane]] and classes[lane] & busy != 0
            counted[lane] = skipped[lane] + passed if wide else 0
    return counted


@kernel
def _due(
    pending: Int64s,
    slots: Int32s,
    members: Int32s,
    skipped: Int32s,
    waited_seconds: Floats,
    reserved_class: Int32s,
    slot_units: int,
    skips: int,
    seconds: float,
) -> Int64s:
    """Rows of the lanes that hosts are held for or should be. Lane columns [m]."""
    rows = np.empty(pending.size, np.int64)
    count = 0
    for lane in range(pending.size):
        wide = pending[lane] > 0 and (slots[lane] > slot_units or members[lane] > 1)
        long = skipped[lane] > 0 and waited_seconds[lane] >= seconds
        if wide and (long or skipped[lane] >= skips or reserved_class[lane] >= 0):
            rows[count] = lane
            count += 1
    return rows[:count].copy()


def _candidates(snapshot: Snapshot) -> list[int]:
    """Lanes that hosts are held for or should be, in the order in which they are looked at."""
    lanes = snapshot.lanes
    rows = _due(
        lanes.pending,
        lanes.slots,
        lanes.members,
        lanes.skipped,
        lanes.waited_seconds,
        lanes.reserved_class,
        snapshot.slot_units,
        snapshot.reserve_after_skips,
        snapshot.reserve_after_seconds,
    )
    if rows.size == 0:
        return []
    order = np.lexsort((rows, -lanes.skipped[rows], lanes.reserved_class[rows] < 0))
    return [int(row) for row in rows[order]]


def _ends(snapshot: Snapshot) -> Int64s:
    """Rows of `Running` in the order in which they end by their limits, those without one left out;
    what ends together by host and id."""
    running = snapshot.running
    order = np.lexsort((running.id, running.host, running.seconds_left))
    limited = int(np.isfinite(running.seconds_left).sum())
    return order[:limited]


def _soonest(
    snapshot: Snapshot, lane: int, ends: Int64s, taken: int
) -> tuple[int, float, Int64s] | None:
    """(class, seconds, host rows) where a job of the lane can start first; None if nowhere.

    ends: int64[e], see `_ends`. taken: mask of the classes that have a reservation.
    """
    mask = int(snapshot.lanes.classes[lane]) & ~taken
    reserved = int(snapshot.lanes.reserved_class[lane])
    if reserved >= 0 and mask >> reserved & 1:
        mask = 1 << reserved
    found = [
        (seconds, klass, rows)
        for klass in range(snapshot.class_capacity.size)
        if mask >> klass & 1
        for seconds, rows in [_room_in(snapshot, lane, ends, klass)]
        if seconds < np.inf
    ]
    if not found:
        return None
    seconds, klass, rows = min(found, key=lambda each: each[:2])
    return klass, seconds, rows


def _room_in(snapshot: Snapshot, lane: int, ends: Int64s, klass: int) -> tuple[float, Int64s]:
    """When and on which host rows of a class all members fit; inf where it is not known."""
    lanes, hosts, running = snapshot.lanes, snapshot.hosts, snapshot.running
    members = int(lanes.members[lane])
    seconds, fits = _first_fit(
        lane,
        members,
        min(members, int(lanes.members_on_host[lane])),
        (lanes.slots, lanes.cpus),
        lanes.memory_mib,
        klass,
        hosts.klass,
        (hosts.slots_free, hosts.cpus_free),
        hosts.memory_mib_free,
        ends,
        (running.lane, running.host, running.members),
        running.seconds_left,
    )
    order = np.argsort(-fits, kind="stable")
    enough = int(np.searchsorted(np.cumsum(fits[order]), members)) + 1
    return seconds, order[:enough]


@kernel
def _first_fit(
    lane: int,
    members: int,
    on_host: int,
    slots_and_cpus: tuple[Int32s, Int32s],
    memory_mib: Int64s,
    klass: int,
    of_class: Int32s,
    slots_and_cpus_free: tuple[Int32s, Int32s],
    memory_mib_free: Int64s,
    ends: Int64s,
    running: tuple[Int32s, Int32s, Int32s],
    seconds_left: Floats,
) -> tuple[float, Int64s]:
    """In how many seconds, inf for never, all members fit; and how many then on each host of the
    class, int64[h], at most `on_host`.

    Lane columns [m], host columns [h]. By row [r] of `Running`: its lane, host and members, and
    seconds_left; ends int64[e].
    """
    slots, cpus = slots_and_cpus
    need = np.array([np.int64(slots[lane]), np.int64(cpus[lane]), memory_mib[lane]])
    free = np.empty((of_class.size, 3), np.int64)
    fits = np.zeros(of_class.size, np.int64)
    total = 0
    for at in range(of_class.size):
        free[at, 0], free[at, 1] = slots_and_cpus_free[0][at], slots_and_cpus_free[1][at]
        free[at, 2] = memory_mib_free[at]
        if of_class[at] == klass:
            fits[at] = _members_on(free, need, at, on_host)
            total += fits[at]
    if total >= members:
        return 0.0, fits
    for end in ends:
        other, at, parts = running[0][end], running[1][end], np.int64(running[2][end])
        if of_class[at] != klass:
            continue
        free[at, 0] += parts * slots[other]
        free[at, 1] += parts * cpus[other]
        free[at, 2] += parts * memory_mib[other]
        fit = _members_on(free, need, at, on_host)
        total += fit - fits[at]
        fits[at] = fit
        if total >= members:
            return seconds_left[end], fits
    return np.inf, fits


@kernel
def _members_on(free: Int64s, need: Int64s, at: int, most: int) -> int:
    """How many members of a job fit on a host, but not more than `most`. free int64[h, 3]."""
    fit = most
    for kind in range(3):
        if need[kind] > 0:
            fit = min(fit, int(free[at, kind] // need[kind]))
    return fit
