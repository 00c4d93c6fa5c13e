"""Room for one more: jobs that were just planned move to another class that suits them too.

The dispatch tries the least contended class first, and still a flexible job may take the slot that
a particular one needs while another slot, which suits only the flexible job, stays free. This is a
flow of lanes through classes, and what helps is an augmenting path: a chain of planned jobs, each
moving to where the next one was, whose last one finds a free host. Nothing that runs is touched,
and who was granted a job keeps it. Looked for only while jobs wait and slots are free, breadth
first over the classes, at most `MOVES_MAX` times a cycle.
"""

import numpy as np

from broker.scheduling.columns import Int32s, Int64s
from broker.scheduling.kernel import kernel
from broker.scheduling.placement import SLOTS, Search

MOVES_MAX = 1_000


def worthwhile(search: Search) -> bool:
    """Whether any host is free, and jobs could move to another class at all."""
    return search.class_end.size > 1 and bool((search.free[:, SLOTS] > 0).any())


def rearranged(
    grants: Int64s, shape: Int32s, wanted: Int64s, search: Search
) -> tuple[Int64s, bool]:
    """Grants int64[., 4], as of `dispatch`, with as many jobs moved as help others, and
    whether any was. shape: int32[m] of each lane; wanted: int64[s]; `search.free` follows."""
    begin = np.zeros(search.class_end.size, np.int64)
    begin[search.klass[::-1]] = np.arange(search.klass.size)[::-1]
    table = _rearrange(grants, shape, wanted.copy(), begin, search)
    moved = table.shape[0] > grants.shape[0]  # also by a chain that broke off: it made room as well
    return table[table[:, 2] > 0], moved


@kernel
def _fits(free: Int64s, need: Int64s, at: int, shape: int) -> bool:
    """Whether a host at a position has room for one job of a shape."""
    fits = True
    for kind in range(free.shape[1]):
        fits &= free[at, kind] >= need[shape, kind]
    return fits


@kernel
def _rearrange(
    grants: Int64s, shape: Int32s, wanted: Int64s, begin: Int64s, search: Search
) -> Int64s:
    """The table of grants after all moves, each of which added a row; see `rearranged`."""
    free, need = search.free, search.need
    classes, shapes, rows = begin.size, search.classes.size, grants.shape[0]
    # a chain visits a class once, and for each shape one chain may break off
    table = np.full((rows + (MOVES_MAX + shapes) * classes, 4), -1, np.int64)
    for row in range(rows):
        for column in range(4):
            table[row, column] = grants[row, column]
    first = np.full((classes, shapes), -1, np.int64)  # rows by class and shape, linked
    following = np.full(table.shape[0], -1, np.int64)
    for row in range(rows - 1, -1, -1):
        if grants[row, 3] >= 0:
            continue  # the members of a gang stay together
        c, s = search.klass[grants[row, 1]], shape[grants[row, 0]]
        following[row] = first[c, s]
        first[c, s] = row
    booked = np.zeros((MOVES_MAX, 2), np.int64)  # room made for a shape, not yet given
    moves = 0
    via = np.empty((classes, 2), np.int64)
    for s in range(shapes):
        while wanted[s] > 0 and moves < MOVES_MAX:
            c, at = _path(search, begin, first, via, s)
            while at >= 0 and via[c, 0] >= 0:
                before, mover = via[c, 0], via[c, 1]
                row = first[before, mover]
                if not _fits(free, need, at, mover):
                    at = -1
                    break
                left = table[row, 1]
                for kind in range(3):
                    free[at, kind] -= need[mover, kind]
                    free[left, kind] += need[mover, kind]
                table[row, 2] -= 1
                if table[row, 2] == 0:
                    first[before, mover] = following[row]
                table[rows, 0], table[rows, 1], table[rows, 2] = table[row, 0], at, 1
                following[rows] = first[c, mover]
                first[c, mover] = rows
                rows += 1
                at, c = left, before
            if at < 0 or not _fits(free, need, at, s):
                break
            for kind in range(3):
                free[at, kind] -= need[s, kind]
            booked[moves, 0], booked[moves, 1] = at, s
            moves += 1
            wanted[s] -= 1
    for move in range(moves):
        for kind in range(3):
            free[booked[move, 0], kind] += need[booked[move, 1], kind]
    return table[:rows]


@kernel
def _path(search: Search, begin: Int64s, first: Int64s, via: Int64s, shape: int) -> tuple[int, int]:
    """The end of a shortest chain that makes room for a shape: class and free host, or -1, -1.

    via int64[k, 2] is filled: the class that a job would come from, and its shape; -1 where the
    chain begins, -2 for classes not reached. first int64[k, s]: a planned job by class and shape.
    """
    classes = begin.size
    for c in range(classes):
        via[c, 0] = -2
    queue = np.empty(classes, np.int64)
    size = 0
    for c in range(classes):
        if (search.classes[shape] >> np.uint64(c)) & np.uint64(1):
            via[c, 0] = -1
            queue[size] = c
            size += 1
    done = 0
    while done < size:
        c = queue[done]
        done += 1
        for mover in range(first.shape[1]):
            if first[c, mover] < 0:
                continue
            for other in range(classes):
                suits = (search.classes[mover] >> np.uint64(other)) & np.uint64(1)
                if not suits or via[other, 0] > -2:
                    continue
                via[other, 0], via[other, 1] = c, mover
                queue[size] = other
                size += 1
                for at in range(begin[other], search.class_end[other]):
                    if _fits(search.free, search.need, at, mover):
                        return other, at
    return -1, -1
