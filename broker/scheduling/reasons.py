"""Why a lane got what it got: one primary reason each, and the class that stands in the way."""

from enum import IntEnum
from typing import NamedTuple

import numpy as np

from broker.scheduling.columns import Floats, Int32s, Int64s, Masks
from broker.scheduling.kernel import kernel
from broker.scheduling.snapshot import Lanes


class LaneReason(IntEnum):
    """The first of these that is true of a lane after the cycle, in the order of the numbers."""

    EMPTY = 0
    """No job was waiting."""
    GRANTED_ALL = 1
    """Every waiting job got a slot."""
    NO_SUITABLE_CLASS = 2
    """Jobs wait, and the fleet has no host, busy or free, of a class that suits them."""
    NO_HOST_WITH_ENOUGH = 3
    """Suiting classes have free slots, but no single host has enough slots, cpus and memory."""
    NO_QUOTA = 4
    """The account's weight is 0: it is served only when nobody with a quota fits."""
    SHARE_REACHED = 5
    """The account holds its entitlement to within a job, or a slot if that is less; who holds less
    goes first."""
    MAXIMUM_REACHED = 7
    """One more job would exceed the maximum of the account or of a group above it."""
    NO_FREE_SLOT = 6
    """The account is below its entitlement, but every slot of the suiting classes is busy."""


EMPTY, GRANTED_ALL = int(LaneReason.EMPTY), int(LaneReason.GRANTED_ALL)  # as kernels know them
NO_SUITABLE_CLASS = int(LaneReason.NO_SUITABLE_CLASS)
NO_HOST_WITH_ENOUGH = int(LaneReason.NO_HOST_WITH_ENOUGH)
NO_QUOTA, SHARE_REACHED = int(LaneReason.NO_QUOTA), int(LaneReason.SHARE_REACHED)
MAXIMUM_REACHED, NO_FREE_SLOT = int(LaneReason.MAXIMUM_REACHED), int(LaneReason.NO_FREE_SLOT)
MASKS_KNOWN = 16


class Standing(NamedTuple):
    """By account [n]: weight float64, entitlement and room float64 and allocated int64 in slots;
    room is what maxima still allow."""

    weight: Floats
    entitlement: Floats
    allocated: Int64s
    room: Floats


def lane_reasons(
    lanes: Lanes,
    waiting: Int64s,
    class_free: Int64s,
    class_capacity: Int64s,
    standing: Standing,
    slot_units: int = 1,
) -> tuple[Int32s, Int32s]:
    """Reason int32[m] (a LaneReason) and blocking class int32[m] (-1 where none) after a cycle.

    waiting: int64[m], jobs not granted. class_free, class_capacity: int64[k], slots left and all.
    slot_units: as in `Snapshot`.
    """
    return _lane_reasons(
        lanes.account,
        lanes.pending,
        waiting,
        lanes.classes,
        lanes.slots,
        lanes.members,
        class_free,
        class_capacity,
        standing,
        slot_units,
    )


@kernel
def _lane_reasons(
    account: Int32s,
    pending: Int64s,
    waiting: Int64s,
    classes: Masks,
    slots: Int32s,
    members: Int32s,
    class_free: Int64s,
    class_capacity: Int64s,
    standing: Standing,
    slot_units: int,
) -> tuple[Int32s, Int32s]:
    """By lane [m]. By class [k]: class_free, class_capacity int64, in slots."""
    reason = np.empty(pending.size, np.int32)
    blocking = np.full(pending.size, -1, np.int32)
    known = np.zeros(MASKS_KNOWN, np.uint64)  # lanes share few masks: no need to look at each anew
    of_known = np.full((MASKS_KNOWN, 2), -1, np.int64)
    count = 1  # the first is the mask without classes
    for lane in range(pending.size):
        if waiting[lane] == 0:
            reason[lane] = GRANTED_ALL if pending[lane] > 0 else EMPTY
            continue
        at = 0
        while at < count and known[at] != classes[lane]:
            at += 1
        if at == count:
            at = min(at, MASKS_KNOWN - 1)
            count = min(count + 1, MASKS_KNOWN)
            widest, freest = _classes_of(classes[lane], class_free, class_capacity)
            known[at], of_known[at, 0], of_known[at, 1] = classes[lane], widest, freest
        widest, freest = of_known[at, 0], of_known[at, 1]
        a, job = account[lane], np.int64(slots[lane]) * members[lane]
        if widest < 0:
            reason[lane] = NO_SUITABLE_CLASS
        elif job > standing.room[a]:
            reason[lane] = MAXIMUM_REACHED
        elif freest >= 0:
            reason[lane] = NO_HOST_WITH_ENOUGH
            blocking[lane] = freest
        else:
            blocking[lane] = widest
            if standing.weight[a] <= 0:
                reason[lane] = NO_QUOTA
            elif standing.allocated[a] + min(job, slot_units) > standing.entitlement[a]:
                reason[lane] = SHARE_REACHED
            else:
                reason[lane] = NO_FREE_SLOT
    return reason, blocking


@kernel
def _classes_of(mask: np.uint64, class_free: Int64s, class_capacity: Int64s) -> tuple[int, int]:
    """Of the classes of a mask the one with most slots and the one with most free, -1 for none."""
    widest = -1
    freest = -1
    for c in range(class_capacity.size):
        if class_capacity[c] > 0 and (mask >> np.uint64(c)) & np.uint64(1):
            if widest < 0 or class_capacity[c] > class_capacity[widest]:
                widest = c
            if class_free[c] > 0 and (freest < 0 or class_free[c] > class_free[freest]):
                freest = c
    return widest, freest
