"""The exponential average of what each account holds: usage, for policies that remember."""

import math

import numpy as np

from broker.scheduling.columns import Floats, Int64s


class HeldAverage:
    """Slots held, averaged with a half-life, brought up to date before every change.

    Held constant at r for ever the average is r; after a half-life without use it has halved. It
    is HTCondor's real user priority without its floor; times half-life / ln 2 it is the decayed
    usage in slot-seconds of Slurm.
    """

    def __init__(self, accounts: int, half_life_seconds: float, start_seconds: float) -> None:
        self.slots: Floats = np.zeros(accounts)
        self.window_seconds = half_life_seconds / math.log(2)
        self.seconds = start_seconds

    def advance(self, held: Int64s, now: float) -> None:
        """`held` int64[a] was held since the last call."""
        if now == self.seconds:
            return
        kept = math.exp(-(now - self.seconds) / self.window_seconds)
        self.slots *= kept
        self.slots += (1.0 - kept) * held
        self.seconds = now
