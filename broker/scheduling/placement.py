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
    wanted_slots float64, classes uint64, need int64[s, 6]
    as in `Search`; rarity int64, 0 for the shape whose suiting classes have the fewest slots, and
    so on: shapes of equal reach share a number."""

    of_lane: Int32s
    wanted_slots: Floats
    classes: Masks
    need: Int64s
    rarity: Int64s


class Search(NamedTuple):
    """The state of all host searches in one cycle; changed by every grant.

    By shape [s]: classes uint64; reach uint64, those of them in which some host had enough of
        everything at first; need int64[s, 6], slots, cpus and memory in MiB of one member,
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
    reach: Masks
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
    return Shapes(
        *_fold(
            lanes.pending,
            lanes.slots,
            lanes.cpus,
            lanes.memory_mib,
            holds.seconds,
            lanes.members,
            lanes.members_on_host,
            holds.classes,
            class_capacity,
        )
    )


def order_hosts(hosts: Hosts, holds: Holds, shapes: Shapes, classes: int) -> Search:
    """Line up the hosts that some waiting job could use. `classes` is their number, k."""
    columns = (hosts.klass, hosts.slots_free, hosts.cpus_free, hosts.memory_mib_free)
    found = _line_up(*columns, holds.open_seconds, shapes, classes)
    host, klass, free, skip, class_end, least, reach = found
    return Search(
        classes=shapes.classes,
        reach=reach,
        need=shapes.need,
        cursor=np.zeros(shapes.classes.size, np.int32),
        host=host,
        klass=klass,
        free=free,
        skip=skip,
        class_end=class_end,
        least=least,
    )


def renew(search: Search) -> None:
    """Look at every host again: room was made behind the cursors."""
    search.cursor.fill(0)
    search.skip[:] = np.arange(search.skip.size)


def slots_by_class(klass: Int32s, slots: Int32s, classes: int) -> Int64s:
    """Sum of `slots` int32[h] by class, int64[k]."""
    total: Floats = np.bincount(klass, weights=slots, minlength=classes).astype(np.float64)
    return total.astype(np.int64)


@kernel
def _fold(
    pending: Int64s,
    slots: Int32s,
    cpus: Int32s,
    memory_mib: Int64s,
    seconds: Int64s,
    members: Int32s,
    members_on_host: Int32s,
    suits: Masks,
    class_capacity: Int64s,
) -> tuple[Int32s, Floats, Masks, Int64s, Int64s]:
    """The columns of `Shapes`: equal requests are found by a hash table with open addressing.

    Lane columns [m]; class_capacity int64[k]. The hash rotates and ends with
    Marsaglia's xorshift: without multiplication, so plain Python can run it without warnings.
    """
    existing = np.uint64(0)
    for c in range(class_capacity.size):
        if class_capacity[c] > 0:
            existing |= np.uint64(1) << np.uint64(c)
    size = 16
    while size < 2 * pending.size:
        size *= 2
    table = np.full(size, -1, np.int32)
    of_lane = np.full(pending.size, -1, np.int32)
    wanted = np.zeros(pending.size)
    need = np.empty((16, REQUEST_COLUMNS), np.int64)
    classes = np.empty(16, np.uint64)
    request = np.empty(REQUEST_COLUMNS, np.int64)
    count = 0
    for lane in range(pending.size):
        mask = suits[lane] & existing
        if pending[lane] <= 0 or mask == 0:
            continue
        request[SLOTS], request[CPUS], request[MEMORY] = slots[lane], cpus[lane], memory_mib[lane]
        request[SECONDS], request[MEMBERS] = seconds[lane], members[lane]
        request[ON_HOST] = members_on_host[lane]
        x = mask
        for kind in range(REQUEST_COLUMNS):
            x = (x << np.uint64(9)) ^ (x >> np.uint64(55)) ^ np.uint64(request[kind])
        x ^= x << np.uint64(13)
        x ^= x >> np.uint64(7)
        x ^= x << np.uint64(17)
        at = int(x >> np.uint64(20)) & (size - 1)
        while table[at] >= 0:
            shape = table[at]
            same = classes[shape] == mask
            for kind in range(REQUEST_COLUMNS):
                same &= need[shape, kind] == request[kind]
            if same:
                break
            at = (at + 1) & (size - 1)
        if table[at] < 0:
            if count == classes.size:
                need = np.concatenate((need, np.empty_like(need)))
                classes = np.concatenate((classes, np.empty_like(classes)))
            table[at] = count
            classes[count] = mask
            for kind in range(REQUEST_COLUMNS):
                need[count, kind] = request[kind]
            count += 1
        shape = table[at]
        of_lane[lane] = shape
        wanted[shape] += float(pending[lane]) * request[SLOTS] * request[MEMBERS]
    need, classes = need[:count].copy(), classes[:count].copy()
    rarity = _rarity(classes, class_capacity)
    return of_lane, wanted[:count].copy(), classes, need, rarity


@kernel
def _rarity(classes: Masks, class_capacity: Int64s) -> Int64s:
    """`Shapes.rarity`. classes uint64[s], class_capacity int64[k]."""
    reach = np.zeros(classes.size, np.int64)
    for shape in range(classes.size):
        for c in range(class_capacity.size):
            if (classes[shape] >> np.uint64(c)) & np.uint64(1):
                reach[shape] += class_capacity[c]
    rarity = np.zeros(classes.size, np.int64)
    rank = 0
    order = sort_by_digits(np.arange(reach.size), reach)
    for j in range(1, classes.size):
        rank += reach[order[j]] > reach[order[j - 1]]
        rarity[order[j]] = rank
    return rarity


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


@kernel
def sort_by_digits(rows: Int64s, key: Int64s) -> Int64s:
    """`rows` in order of key[row] int64 >= 0, equal ones as they stood: a radix sort, which for a
    few thousand small numbers takes a fraction of the time of a sort by comparison."""
    highest = np.int64(0)
    for j in range(rows.size):
        highest = max(highest, key[rows[j]])
    bits = 4
    while bits < 11 and (1 << bits) < rows.size:
        bits += 1
    shift = 0
    while shift < 63 and highest >> shift > 0:
        start = np.zeros((1 << bits) + 1, np.int64)
        for j in range(rows.size):
            start[((key[rows[j]] >> shift) & ((1 << bits) - 1)) + 1] += 1
        for digit in range(1 << bits):
            start[digit + 1] += start[digit]
        ordered = np.empty_like(rows)
        for j in range(rows.size):
            digit = (key[rows[j]] >> shift) & ((1 << bits) - 1)
            ordered[start[digit]] = rows[j]
            start[digit] += 1
        rows = ordered
        shift += bits
    return rows


@kernel
def _reach(suits: Masks, need: Int64s, klass: Int32s, free: Int64s, classes: int) -> Masks:
    """`Search.reach`: without it a wide shape would try every host of a fleet of single slots."""
    most = np.zeros((classes, AMOUNTS), np.int64)
    for at in range(klass.size):
        for kind in range(AMOUNTS):
            most[klass[at], kind] = max(most[klass[at], kind], free[at, kind])
    reach = np.zeros(suits.size, np.uint64)
    for shape in range(suits.size):
        for c in range(classes):
            enough = True
            for kind in range(AMOUNTS):
                enough &= most[c, kind] >= need[shape, kind]
            if enough:
                reach[shape] |= suits[shape] & (np.uint64(1) << np.uint64(c))
    return reach


@kernel
def _line_up(
    klass: Int32s,
    slots: Int32s,
    cpus: Int32s,
    memory_mib: Int64s,
    open_seconds: Int64s,
    shapes: Shapes,
    classes: int,
) -> tuple[Int32s, Int32s, Int64s, Int32s, Int32s, Int64s, Masks]:
    """host, klass, free, skip, class_end, least and reach of `Search`. Host columns [h]."""
    least = np.full(AMOUNTS, np.iinfo(np.int64).max)
    for shape in range(shapes.classes.size):
        for kind in range(AMOUNTS):
            least[kind] = min(least[kind], shapes.need[shape, kind])
    useful = np.empty(klass.size, np.int64)
    free_slots = np.zeros(classes)
    count = 0
    most, thinnest = np.int64(0), np.iinfo(np.int64).max
    for row in range(klass.size):
        if slots[row] >= least[0] and cpus[row] >= least[1] and memory_mib[row] >= least[2]:
            useful[count] = row
            count += 1
            free_slots[klass[row]] += slots[row]
            most = max(most, np.int64(slots[row]))
            thinnest = min(thinnest, memory_mib[row])
    pressure = _pressure(shapes.classes, shapes.wanted_slots, free_slots)
    rank = np.empty(classes, np.int64)
    by_pressure = np.argsort(pressure, kind="mergesort")
    for at in range(classes):
        rank[by_pressure[at]] = at
    beyond, place = np.empty(klass.size, np.int64), np.empty(klass.size, np.int64)
    for j in range(count):
        row = useful[j]
        beyond[row] = memory_mib[row] - thinnest
        place[row] = rank[klass[row]] * (most + 1) + slots[row]
    rows = sort_by_digits(sort_by_digits(useful[:count].copy(), beyond), place)
    host, of_class = np.empty(count, np.int32), np.empty(count, np.int32)
    free = np.empty((count, HOST_COLUMNS), np.int64)
    class_end = np.zeros(classes, np.int32)
    for at in range(count):
        row = rows[at]
        host[at], of_class[at] = row, klass[row]
        free[at, 0], free[at, 1], free[at, 2] = slots[row], cpus[row], memory_mib[row]
        free[at, 3] = open_seconds[row]
        class_end[klass[row]] = at + 1
    skip = np.arange(count + 1).astype(np.int32)
    reach = _reach(shapes.classes, shapes.need, of_class, free, classes)
    return host, of_class, free, skip, class_end, least, reach
