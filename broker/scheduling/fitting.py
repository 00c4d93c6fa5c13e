"""The next host for a shape, and what a job takes of it: the inner loop's part of `placement`."""

import numpy as np

from broker.scheduling.columns import Int32s, Int64s, Masks
from broker.scheduling.kernel import lean_kernel
from broker.scheduling.placement import AMOUNTS, MEMBERS, ON_HOST, SECONDS, SLOTS, Search


@lean_kernel
def job_slots(need: Int64s, shape: int) -> int:
    """Slots of one job of a shape, all members together."""
    return int(need[shape, SLOTS] * need[shape, MEMBERS])


@lean_kernel
def find_host(
    need: Int64s,
    reach: Masks,
    class_end: Int32s,
    cursor: Int32s,
    skip: Int32s,
    klass: Int32s,
    free: Int64s,
    shape: int,
) -> int:
    """The first position where a job of this shape fits, or the number of positions.

    The arrays are those of `Search`; taking them out of the tuple for every job would cost more
    than the search.
    """
    at: int = cursor[shape]
    mask = reach[shape]
    while at < klass.size:
        if skip[at] != at:
            beyond = skip[skip[at]]
            skip[at] = beyond  # halves the path for the next search
            at = beyond
        elif not (mask >> np.uint64(klass[at])) & np.uint64(1):
            at = class_end[klass[at]]
        elif (
            free[at, 0] >= need[shape, 0]
            and free[at, 1] >= need[shape, 1]
            and free[at, 2] >= need[shape, 2]
            and free[at, 3] >= need[shape, 3]
        ):
            break
        else:
            at += 1
    cursor[shape] = at
    return at


@lean_kernel
def find_gang(
    need: Int64s,
    reach: Masks,
    class_end: Int32s,
    klass: Int32s,
    free: Int64s,
    shape: int,
    spots: Int64s,
) -> int:
    """Hosts of one class for all members of a job, those with most free first, so that it comes on
    few; writes spots int64[h, 2], position and members. Returns how many, 0 where they do not fit.

    The arrays are those of `Search`.
    """
    begin = 0
    while begin < klass.size:
        end = class_end[klass[begin]]
        if (reach[shape] >> np.uint64(klass[begin])) & np.uint64(1):
            left, count = need[shape, MEMBERS], 0
            for at in range(end - 1, begin - 1, -1):
                open_long = free[at, SECONDS] >= need[shape, SECONDS]
                fit = min(left, need[shape, ON_HOST]) if open_long else 0
                for kind in range(AMOUNTS):
                    if need[shape, kind] > 0:
                        fit = min(fit, free[at, kind] // need[shape, kind])
                if fit > 0:
                    spots[count, 0], spots[count, 1] = at, fit
                    count += 1
                    left -= fit
                    if left == 0:
                        return count
        begin = end
    return 0


@lean_kernel
def drop_unplaceable(search: Search, shape: Int32s) -> None:
    """Set shape int32[m] of lanes that fit on no host even now to -1: they need not queue."""
    need, reach, class_end = search.need, search.reach, search.class_end
    cursor, skip, klass, free = search.cursor, search.skip, search.klass, search.free
    for s in range(cursor.size):
        find_host(need, reach, class_end, cursor, skip, klass, free, s)
    for lane in range(shape.size):
        if shape[lane] >= 0 and cursor[shape[lane]] == klass.size:
            shape[lane] = -1


@lean_kernel
def take(
    at: int, shape: int, jobs: int, need: Int64s, free: Int64s, least: Int64s, skip: Int32s
) -> bool:
    """Take jobs of a shape from a host; whether it can serve no lane any more. As in `Search`."""
    used_up = False
    for kind in range(AMOUNTS):
        free[at, kind] -= jobs * need[shape, kind]
        if free[at, kind] < least[kind] and skip[at] == at:
            skip[at] = at + 1
            used_up = True
    return used_up
