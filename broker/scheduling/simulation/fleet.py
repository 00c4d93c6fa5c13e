"""The simulated cluster, the same for every policy: equal hosts, and how a job lies on them.

A job that fits on one host needs one host with so many free GPUs. A larger one is a gang over as
few hosts as divide it evenly, so many GPUs on each, all at once or not at all: on hosts of 8 a job
of 12 takes 6 on two hosts, one of 128 takes 16 whole hosts.
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
        hosts, slots = self.shape(gpus)
        return int(np.count_nonzero(self.free >= slots)) >= hosts

    def shape(self, gpus: int) -> tuple[int, int]:
        """(hosts, slots on each) of a job."""
        hosts = math.ceil(gpus / self.host_slots)
        while gpus % hosts:
            hosts += 1
        return hosts, gpus // hosts

    def shapes(self, trace: Trace) -> tuple[Int32s, Int32s]:
        """Hosts int32[n] and slots on each int32[n] of every job of a trace.

        Raises InvalidColumnError for a job that the empty fleet could not run.
        """
        sizes, place = np.unique(trace.gpus, return_inverse=True)
        unfit = np.array([not self.fits(int(size)) for size in sizes], bool)
        refuse("trace.gpus", unfit[place], f"does not fit on {self.slots} slots")
        both = np.array([self.shape(int(size)) for size in sizes], np.int32).reshape(-1, 2)
        return both[place, 0], both[place, 1]
