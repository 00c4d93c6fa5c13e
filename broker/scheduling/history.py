"""What runs, in the measure of fading integrals: usage that is charged before it is settled.

A job is charged from its start for all that it is expected to hold, so a burst gains nothing: what
it held so far, faded like everything else, and what is left of its expected length. An account that
is charged ahead has as much due ahead: `fair_slots` over the same time.
"""

import math
from typing import NamedTuple

import numpy as np

from broker.scheduling.columns import Floats, Int32s, Int64s
from broker.scheduling.kernel import kernel


class Charges(NamedTuple):
    """By account [n]: gpu_seconds float64, of what runs; ahead_seconds float64, how much longer its
    busy slots are expected to stay so, on average, 0 where none is. busy_slots and job_seconds: of
    all together, slots held and the mean expected length of a job over them, 0 where none is."""

    gpu_seconds: Floats
    ahead_seconds: Floats
    busy_slots: float
    job_seconds: float


def faded(seconds: float, half_life_seconds: float) -> float:
    """What a slot held for so long until now adds to a fading integral, in seconds: less than it
    lasted, as its beginning has faded already."""
    window = half_life_seconds / math.log(2)
    return -window * math.expm1(-seconds / window)


def charges(
    account: Int32s,
    running: Int64s,
    job_slots: Floats,
    job_seconds: Floats,
    started: Floats,
    *,
    accounts: int,
    now: float,
    half_life_seconds: float,
) -> Charges:
    """Charge what runs.

    By lane [m]: account int32, the row; running int64, jobs; job_slots float64, what one takes, in
    slots; job_seconds float64, how long it is expected to last; started float64, the sum of the
    moments at which the running ones started, in seconds on the clock of `now`.
    """
    window = half_life_seconds / math.log(2)
    return Charges(
        *_charges(account, running, job_slots, job_seconds, started, accounts, now, window)
    )


@kernel
def _charges(
    account: Int32s,
    running: Int64s,
    job_slots: Floats,
    job_seconds: Floats,
    started: Floats,
    accounts: int,
    now: float,
    window: float,
) -> tuple[Floats, Floats, float, float]:
    """The columns of `Charges`. window: half-life over ln 2."""
    charged, ahead, held = np.zeros(accounts), np.zeros(accounts), np.zeros(accounts)
    busy = 0.0
    expected = 0.0
    for lane in range(account.size):
        if running[lane] > 0:
            slots = float(running[lane]) * job_slots[lane]
            age = max(0.0, now - started[lane] / running[lane])
            left = max(0.0, job_seconds[lane] - age)
            charged[account[lane]] += slots * (left - window * math.expm1(-age / window))
            ahead[account[lane]] += slots * left
            held[account[lane]] += slots
            busy += slots
            expected += slots * job_seconds[lane]
    for a in range(accounts):
        if held[a] > 0.0:
            ahead[a] /= held[a]
    return charged, ahead, busy, expected / busy if busy > 0.0 else 0.0
