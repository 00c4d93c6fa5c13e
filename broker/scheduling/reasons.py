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
    account, step = lanes.account, np.minimum(lanes.job_slots(), slot_units)
    beyond = standing.allocated[account] + step > standing.entitlement[account]
    when_busy = np.full(account.size, LaneReason.NO_FREE_SLOT, np.int32)
    when_busy[beyond] = LaneReason.SHARE_REACHED
    when_busy[standing.weight[account] <= 0] = LaneReason.NO_QUOTA
    reason, blocking = _lane_reasons(
        lanes.pending,
        waiting,
        lanes.classes,
        when_busy,
        class_free,
        class_capacity,
    )
    capped = (reason > LaneReason.NO_SUITABLE_CLASS) & (
        lanes.job_slots() > standing.room[lanes.account]
    )
    reason[capped] = LaneReason.MAXIMUM_REACHED
    blocking[capped] = -1
    return reason, blocking


@kernel
def _lane_reasons(
    pending: Int64s,
    waiting: Int64s,
    classes: Masks,
    when_busy: Int32s,
    class_free: Int64s,
    class_capacity: Int64s,
) -> tuple[Int32s, Int32s]:
    """By lane [m]: pending, waiting int64, classes uint64, when_busy int32 (the reason where no
    suiting slot is free). By class [k]: class_free, class_capacity int64, in slots."""
    reason = np.empty(pending.size, np.int32)
    blocking = np.full(pending.size, -1, np.int32)
    for lane in range(pending.size):
        if waiting[lane] == 0:
            reason[lane] = 1 if pending[lane] > 0 else 0
            continue
        widest = -1
        freest = -1
        for c in range(class_capacity.size):
            if class_capacity[c] > 0 and (classes[lane] >> np.uint64(c)) & np.uint64(1):
                if widest < 0 or class_capacity[c] > class_capacity[widest]:
                    widest = c
                if class_free[c] > 0 and (freest < 0 or class_free[c] > class_free[freest]):
                    freest = c
        if widest < 0:
            reason[lane] = 2
        elif freest >= 0:
            reason[lane] = 3
            blocking[lane] = freest
        else:
            reason[lane] = when_busy[lane]
            blocking[lane] = widest
    return reason, blocking
