"""The agent's clock, injected wherever a decision depends on time."""

import time
from collections.abc import Callable

Clock = Callable[[], float]
"""Seconds since an arbitrary moment; never steps back."""


def boot_clock() -> float:
    """Seconds since boot, counting suspension where the system can.

    A lease goes on lapsing while a laptop sleeps; CLOCK_MONOTONIC stands still then, and the agent
    would go on running a job that another host has been given.
    """
    return time.clock_gettime(_CLOCK)


_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
