"""Credit: what hosts contributed, in BOINC's unit.

A cobblestone is defined so that 200 of them are one day of one GFLOPS.
"""

COBBLESTONES_PER_GFLOPS_DAY = 200.0
COBBLESTONES_PER_GFLOPS_SECOND = COBBLESTONES_PER_GFLOPS_DAY / 86_400.0


def credit(slot_seconds: float, gflops: float) -> float:
    """Cobblestones for validated work.

    Args:
        slot_seconds: debited slot-seconds, already capped by the lease's own length.
        gflops: speed of one slot.
    """
    return slot_seconds * gflops * COBBLESTONES_PER_GFLOPS_SECOND
