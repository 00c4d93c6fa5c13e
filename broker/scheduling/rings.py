"""The lanes of an account take turns: a ring each, whose first lane is served next.

A lane leaves its ring when it has nothing left, or when its next job cannot be placed: free amounts
only shrink and holdings only grow within a cycle, so it cannot fit later.
"""

from typing import NamedTuple

import numpy as np

from broker.scheduling.columns import Floats, Int32s, Int64s
from broker.scheduling.kernel import kernel, lean_kernel


class LaneState(NamedTuple):
    """By lane, [m]: waiting int64 (jobs), shape int32 (-1 where nothing can be placed), following
    int32 (the next lane in its account's ring)."""

    waiting: Int64s
    shape: Int32s
    following: Int32s


@lean_kernel
def _sift_down(item: Int64s, key: Floats, size: int, at: int) -> None:
    """Restore the heap below position `at`: the least (key, item) ends at the root.

    item int64[> size] and its key float64[> size], by position; the spare position is written to.
    Which child is smaller is a coin toss that no processor predicts, so it is added up rather than
    branched on.
    """
    moved, moved_key = item[at], key[at]
    key[size] = np.inf
    item[size] = np.iinfo(np.int64).max
    child = 2 * at + 1
    while child < size:
        left, right = key[child], key[child + 1]
        child += (right < left) | ((right == left) & (item[child + 1] < item[child]))
        if moved_key < key[child] or (moved_key == key[child] and moved < item[child]):
            break
        item[at] = item[child]
        key[at] = key[child]
        at = child
        child = 2 * at + 1
    item[at] = moved
    key[at] = moved_key


@kernel
def form_rings(
    account: Int32s,
    last_served: Floats,
    rarity: Int64s,
    shape: Int32s,
    following: Int32s,
    tail: Int32s,
) -> None:
    """Link the lanes that have a shape into one ring an account; writes following and tail.

    Order: served longest ago, then rarest, then row. By lane [m]: account, shape, following int32,
    last_served float64 (seconds). By shape [s]: rarity int64, 0 for the rarest. tail int32[n].
    """
    start = np.zeros(tail.size + 1, np.int64)
    for lane in range(account.size):
        if shape[lane] >= 0:
            start[account[lane] + 1] += 1
    most = 0
    for a in range(tail.size):
        most = max(most, start[a + 1])
        start[a + 1] += start[a]
    member = np.empty(start[tail.size], np.int32)
    place = start.copy()
    for lane in range(account.size):
        if shape[lane] >= 0:
            member[place[account[lane]]] = lane
            place[account[lane]] += 1
    item = np.empty(most + 1, np.int64)
    key = np.empty(most + 1)
    for a in range(tail.size):
        size = start[a + 1] - start[a]
        if size == 0:
            tail[a] = -1
            continue
        for j in range(size):
            lane = member[start[a] + j]
            item[j] = rarity[shape[lane]] * account.size + lane
            key[j] = last_served[lane]
        for at in range(size // 2 - 1, -1, -1):
            _sift_down(item, key, size, at)
        head = item[0] % account.size
        last = head
        for left in range(size - 1, 0, -1):
            item[0] = item[left]
            key[0] = key[left]
            _sift_down(item, key, left, 0)
            following[last] = item[0] % account.size
            last = item[0] % account.size
        following[last] = head
        tail[a] = last


@lean_kernel
def turned(tail: int, stays: bool, following: Int32s) -> int:
    """The new tail of a ring whose first lane was served and stays, or leaves; -1 for no ring."""
    lane = int(following[tail])
    if stays:
        return lane
    if lane == tail:
        return -1
    following[tail] = following[lane]
    return tail
