"""When to try again, and how long to wait before: pure arithmetic and one loop.

Full jitter on an exponential back-off, so that the clients of a broker that restarts do not come
back in step; a `Retry-After` of the broker is a floor under it, never shortened.

A loop of our own rather than a retry library: the two that fit report every retry through global
hooks that print to stdout where structlog is installed, and a scientist's script owns its stdout.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import TypeVar

from broker.errors import LimitExceeded, Unavailable

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Retry:
    """How patiently a request is repeated.

    Only requests that may be repeated are given to it: reads, and mutations under an
    Idempotency-Key.
    """

    attempts_max: int = 12
    """Most times a request is sent."""
    seconds_max: float = 60.0
    """Longest time from the first attempt to the start of the last."""
    pause_seconds_first: float = 0.1
    """Ceiling of the first pause; it doubles each time."""
    pause_seconds_max: float = 5.0
    """Ceiling of every pause that the broker did not ask for."""
    sleep: Callable[[float], Awaitable[object]] = field(default=asyncio.sleep, repr=False)
    clock: Callable[[], float] = field(default=time.monotonic, repr=False)
    random: Callable[[], float] = field(default=random.random, repr=False)

    def patient(self, seconds: float = 600.0) -> "Retry":
        """The same for long waits, which should outlive a restart of the broker."""
        return replace(
            self,
            attempts_max=max(self.attempts_max, 1_000),
            seconds_max=max(self.seconds_max, seconds),
        )

    def pause_seconds(self, attempt: int, asked_seconds: float = 0.0) -> float:
        """How long to wait after the `attempt`-th failure (from 1).

        Args:
            attempt: failures so far.
            asked_seconds: the broker's `Retry-After`; 0 when it sent none.
        """
        ceiling = min(
            self.pause_seconds_max, self.pause_seconds_first * 2.0 ** min(attempt - 1, 30)
        )
        return asked_seconds + ceiling * self.random()

    async def run(self, attempt: Callable[[], Awaitable[Answer]]) -> Answer:
        """The answer of the first attempt that gets one.

        Raises:
            Unavailable, LimitExceeded: of the last attempt, when patience ended.
        """
        deadline = self.clock() + self.seconds_max
        failures = 0
        while True:
            try:
                return await attempt()
            except (Unavailable, LimitExceeded) as error:
                failures += 1
                pause = self.pause_seconds(failures, error.retry_after_seconds)
                if failures >= self.attempts_max or self.clock() + pause > deadline:
                    raise
            await self.sleep(pause)
