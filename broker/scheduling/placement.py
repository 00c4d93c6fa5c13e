"""Where jobs may go: lanes folded into shapes, and free hosts in the order in which they are tried.

A *shape* is what a job asks of a host: slots, cpus, memory and the classes that suit. Lanes of one
shape share one search, so the cost does not grow with the number of lanes.

Hosts are tried class by class, the least contended class first, so that a job which suits two
classes leaves the one that others depend on. Within a class the host with the fewest free slots
goes first (best fit), then the one with the least free memory, then the smaller id. The order is
fixed for the cycle: whatever is broken up early lies in front, where later jobs look first.
"""

from typing import NamedTuple

import numpy as np

from broker.scheduling.columns import Floats, Int32s, Int64s, Masks
from broker.scheduling.kernel import kernel
from broker.scheduling.reservation import Holds
from broker.scheduling.snapshot import Hosts, Lanes


class Shapes(NamedTuple):
    """Distinct requests. of_lane: int32[m], -1 for a lane with nothing to place; the rest [s]:
    first_lane int32 (a lane of that shape), wanted_slots float64, classes uint64, need int64[s, 6]
    as in `Search`."""

    of_lane: Int32s
    first_lane: Int32s
    wanted_slots: Floats
    classes: Masks
    need: Int64s


class Search(NamedTuple):
    """The state of all host searches in one cycle; changed by every grant.

    By shape [s]: classes uint64; need int64[s, 6], slots, cpus and memory in MiB of one member,
        seconds that it may last, the members of a job, and how many one host may take; cursor
        int32: before it no host fits any more. Since free amounts only shrink within a cycle it
        never moves back, so that all searches together cost O(shapes * hosts + grants).
    By position [h]: host int32, the row in `Hosts`; klass int32; free int64[h, 4], as need, with
        the seconds that a job may last there (see `reservation`); skip int32[h + 1], the next
        position that is not used up (union-find; itself if it is not).
    class_end: int32[k], the position after the last host of a class.
    least: int64[3], a host with less of anything serves no lane at all.
    """

    classes: Masks
    need: Int64s
    cursor: Int32s
    host: Int32s
    klass: Int32s
    free: Int64s
    skip: Int32s
    class_end: Int32s
    least: Int64s


SLOTS, CPUS, MEMORY, SECONDS, MEMBERS, ON_HOST = range(6)  # the columns of `Search.need`
AMOUNTS, HOST_COLUMNS, REQUEST_COLUMNS = 3, 4, 6  # what is used up, `free` and `need`


def fold_shapes(lanes: Lanes, holds: Holds, class_capacity: Int64s) -> Shapes:
    """Number the distinct requests of the lanes that wait and that some existing class suits."""
    existing = np.uint64(0)
    for c in np.flatnonzero(class_capacity > 0):
        existing |= np.uint64(1) << np.uint64(c)
    classes = holds.classes & existing
    request = _side_by_side(
        lanes.slots,
        lanes.cpus,
        lanes.memory_mib,
        holds.seconds,
        lanes.members,
        lanes.members_on_host,
    )
    of_lane, first_lane, wanted = _fold(lanes.pending, request, classes)
    return Shapes(of_lane, first_lane, wanted, classes[first_lane], request[first_lane])


def order_hosts(hosts: Hosts, holds: Holds, shapes: Shapes, classes: int) -> Search:
    """Line up the hosts that some waiting job could use. `classes` is their number, k."""
    need = shapes.need
    least = need[:, :AMOUNTS].min(axis=0, initial=np.iinfo(np.int64).max)
    useful = np.flatnonzero(
        (hosts.slots_free >= least[0])
        & (hosts.cpus_free >= least[1])
        & (hosts.memory_mib_free >= least[2])
    )
    klass, slots = hosts.klass[useful], hosts.slots_free[useful]
    free = slots_by_class(klass, slots, classes).astype(np.float64)
    pressure = _pressure(shapes.classes, shapes.wanted_slots, free)
    rank = np.empty(classes, np.int64)
    rank[np.argsort(pressure, kind="stable")] = np.arange(classes)
    place = rank[klass] * (int(slots.max(initial=0)) + 1) + slots
    host = useful[np.lexsort((hosts.memory_mib_free[useful], place))]
    klass = hosts.klass[host]
    class_end = np.zeros(classes, np.int32)
    class_end[klass] = np.arange(1, host.size + 1)  # the last assignment of a class stands
    return Search(
        classes=shapes.classes,
        need=need,
        cursor=np.zeros(need.shape[0], np.int32),
        host=host.astype(np.int32),
        klass=klass,
        free=_side_by_side(
            hosts.slots_free[host],
            hosts.cpus_free[host],
            hosts.memory_mib_free[host],
            holds.open_seconds[host],
        ),
        skip=np.arange(host.size + 1, dtype=np.int32),
        class_end=class_end,
        least=least,
    )


def renew(search: Search) -> None:
    """Look at every host again: room was made behind the cursors."""
    search.cursor.fill(0)
    search.skip[:] = np.arange(search.skip.size)


def _side_by_side(*columns: Int32s | Int64s) -> Int64s:
    """One row a host or lane, int64[., columns]: a search touches one cache line, not several."""
    rows = np.empty((columns[0].size, len(columns)), np.int64)
    for kind, values in enumerate(columns):
        rows[:, kind] = values
    return rows


def slots_by_class(klass: Int32s, slots: Int32s, classes: int) -> Int64s:
    """Sum of `slots` int32[h] by class, int64[k]."""
    total: Floats = np.bincount(klass, weights=slots, minlength=classes).astype(np.float64)
    return total.astype(np.int64)


@kernel
def _fold(pending: Int64s, request: Int64s, classes: Masks) -> tuple[Int32s, Int32s, Floats]:
    """Number equal rows by a hash table with open addressing.

    By lane: pending int64[m], request int64[m, 5], classes uint64[m]. Returns of_lane int32[m],
    first_lane int32[s], wanted_slots float64[s]. The hash is Marsaglia's xorshift: without
    multiplication, so plain Python can run it without overflow warnings.
    """
    lanes = pending.size
    size = 16
    while size < 2 * lanes:
        size *= 2
    table = np.full(size, -1, np.int32)
    of_lane = np.full(lanes, -1, np.int32)
    first_lane = np.empty(lanes, np.int32)
    wanted = np.zeros(lanes)
    count = 0
    for lane in range(lanes):
        if pending[lane] <= 0 or classes[lane] == 0:
            continue
        x = np.uint64(88172645463325252) ^ classes[lane]
        for kind in range(request.shape[1] + 1):
            x ^= x << np.uint64(13)
            x ^= x >> np.uint64(7)
            x ^= x << np.uint64(17)
            if kind < request.shape[1]:
                x ^= np.uint64(request[lane, kind])
        at = int(x >> np.uint64(20)) & (size - 1)
        while table[at] >= 0:
            other = first_lane[table[at]]
            same = classes[other] == classes[lane]
            for kind in range(request.shape[1]):
                same &= request[other, kind] == request[lane, kind]
            if same:
                break
            at = (at + 1) & (size - 1)
        if table[at] < 0:
            table[at] = count
            first_lane[count] = lane
            count += 1
        of_lane[lane] = table[at]
        wanted[table[at]] += float(pending[lane]) * request[lane, SLOTS] * request[lane, MEMBERS]
    return of_lane, first_lane[:count].copy(), wanted[:count].copy()


@kernel
def _pressure(classes: Masks, wanted_slots: Floats, free: Floats) -> Floats:
    """Slots wanted per free slot by class, float64[k], each shape spread evenly over its classes.

    classes uint64[s], wanted_slots float64[s] by shape; free float64[k].
    """
    pressure = np.zeros(free.size)
    for shape in range(classes.size):
        reach = 0.0
        for c in range(free.size):
            if (classes[shape] >> np.uint64(c)) & np.uint64(1):
                reach += free[c]
        if reach > 0.0:
            for c in range(free.size):
                if (classes[shape] >> np.uint64(c)) & np.uint64(1):
                    pressure[c] += wanted_slots[shape] / reach
    return pressure
