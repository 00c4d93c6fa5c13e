"""The simulated cluster, the same for every policy: equal hosts, and how a job lies on them.

A job that fits on one host needs one host with so many free GPUs. A larger one is a gang of as
few equal parts as fit on a host, all at once or not at all: on hosts of 8 a job of 12 comes in two
parts of 6, one of 128 in 16 of 8. Parts may share a host where they fit.
"""

import math
from dataclasses import dataclass

import numpy as np

from broker.scheduling.columns import Int32s, InvalidColumnError, refuse
from broker.scheduling.simulation.trace import Trace

HOST_SLOTS = 8


@dataclass(frozen=True, slots=True)
class Fleet:
    """Equal hosts; the last one is smaller where `slots` is no multiple of `host_slots`."""

    slots: int
    host_slots: int = HOST_SLOTS

    def __post_init__(self) -> None:
        for name in ("slots", "host_slots"):
            if getattr(self, name) < 1:
                raise InvalidColumnError(name, f"is {getattr(self, name)}, below 1")

    @property
    def free(self) -> Int32s:
        """Slots of each host, int32[h], while nothing runs."""
        sizes = np.full(math.ceil(self.slots / self.host_slots), self.host_slots, np.int32)
        sizes[-1] = self.slots - self.host_slots * (sizes.size - 1)
        return sizes

    def fits(self, gpus: int) -> bool:
        """Whether the empty fleet could run a job of so many GPUs."""
        parts, slots = self.shape(gpus)
        return int((self.free // slots).sum()) >= parts

    def shape(self, gpus: int) -> tuple[int, int]:
        """(parts, slots of each) of a job."""
        parts = math.ceil(gpus / self.host_slots)
        while gpus % parts:
            parts += 1
        return parts, gpus // parts

    def shapes(self, trace: Trace) -> tuple[Int32s, Int32s]:
        """Parts int32[n] and slots of each int32[n] of every job of a trace.

        Raises InvalidColumnError for a job that the empty fleet could not run.
        """
        sizes, place = np.unique(trace.gpus, return_inverse=True)
        unfit = np.array([not self.fits(int(size)) for size in sizes], bool)
        refuse("trace.gpus", unfit[place], f"does not fit on {self.slots} slots")
        both = np.array([self.shape(int(size)) for size in sizes], np.int32).reshape(-1, 2)
        return both[place, 0], both[place, 1]
