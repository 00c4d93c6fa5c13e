"""How long to wait before asking an absent broker again."""

import random
from collections.abc import Callable

from broker.errors import FairleadError, LimitExceeded, Unavailable


class Backoff:
    """Doubling delays with jitter, so that ten thousand agents do not come back together.

    Args:
        first_seconds: upper end of the first delay.
        seconds_max: upper end of all delays.
        uniform: source of numbers in [0, 1).
    """

    def __init__(
        self,
        first_seconds: float = 0.25,
        seconds_max: float = 30.0,
        uniform: Callable[[], float] = random.random,
    ) -> None:
        self._first = first_seconds
        self._most = seconds_max
        self._uniform = uniform
        self.failures = 0
        """Failures since the last answer."""

    def reset(self) -> None:
        """The broker answered."""
        self.failures = 0

    def after(self, error: FairleadError) -> float:
        """Seconds to wait after one more failure; never less than the broker's Retry-After."""
        ceiling = min(self._most, self._first * 2.0 ** min(self.failures, 30))
        self.failures += 1
        delay = ceiling * (0.5 + 0.5 * self._uniform())
        asked = retry_after(error)
        return max(delay, asked * (1 + 0.25 * self._uniform())) if asked else delay


def retry_after(error: FairleadError) -> float:
    """The Retry-After seconds that came with an error; 0 when none did."""
    if isinstance(error, Unavailable | LimitExceeded):
        return float(error.retry_after_seconds)
    return 0.0
