"""Exponential averages with a half-life: usage and recent average credit.

Stored as (value, time) and decayed lazily. `decayed` and `recent_average` in schema.sql are the
same functions for many rows; a test compares them.
"""

from math import exp, log

LN2 = log(2.0)
HALF_LIFE_SECONDS = 7 * 86_400.0
DAY_SECONDS = 86_400.0


def decay(seconds: float, half_life_seconds: float = HALF_LIFE_SECONDS) -> float:
    """The factor left after a time: 1 at zero, one half after a half-life.

    A negative time (a clock that stepped back) leaves the value as it is. It composes:
    decay(a + b) == decay(a) * decay(b).

    Raises:
        ValueError: the half-life is not positive.
    """
    if not half_life_seconds > 0:
        raise ValueError("half_life_seconds must be greater than 0")
    return exp(max(-700.0, -LN2 * max(0.0, seconds) / half_life_seconds))


def recent_average(
    average: float, seconds: float, work: float, half_life_seconds: float = HALF_LIFE_SECONDS
) -> float:
    """BOINC's recent average credit after more work, in credit a day.

    The work is spread over the time since the last sample, so a rate r that never changes never
    gives more than r. For a tiny time the limit of the formula is taken: BOINC's own
    (`update_average` in lib/util.cpp) divides by zero there.

    Args:
        average: credit a day at the last sample.
        seconds: time since the last sample.
        work: credit earned since.
        half_life_seconds: of the average.
    """
    kept = average * decay(seconds, half_life_seconds)
    if seconds < 1e-3 * half_life_seconds / DAY_SECONDS:
        return kept + LN2 * work * DAY_SECONDS / half_life_seconds
    return kept + (1 - decay(seconds, half_life_seconds)) * work * DAY_SECONDS / seconds
