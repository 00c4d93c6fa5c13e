"""The one loop of all daemons."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import structlog

from broker.errors import Unavailable
from broker.queues.client import GenerationLost

log = structlog.get_logger(__name__)
BACKOFF_SECONDS_MAX = 10.0


@dataclass(slots=True)
class Ticker:
    """Calls `work` every `seconds`, at once when woken, and again while it returns True.

    An error is logged and the call repeated after a pause that doubles from `seconds_error`; a
    server that is away is logged once, when it goes, and once when it is back.
    """

    name: str
    work: Callable[[], Awaitable[bool | None]]
    seconds: float
    seconds_error: float = 0.2
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _failures: int = 0
    _away: bool = False

    def wake(self) -> None:
        """Work now, not at the next tick."""
        self._wake.set()

    async def run(self) -> None:
        """Runs until cancelled.

        Libraries below may lose a cancellation that comes together with a result (Python 3.11's
        `wait_for` does), so the loop itself looks whether it was asked to end.
        """
        task = asyncio.current_task()
        while task is None or not task.cancelling():
            self._wake.clear()
            more = await self._once()
            if self._failures:
                pause = min(BACKOFF_SECONDS_MAX, self.seconds_error * 2 ** min(self._failures, 10))
                await asyncio.sleep(pause)
            elif more:
                await asyncio.sleep(0)
            else:
                await self._wait()

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(self.seconds):
                await self._wake.wait()
        except TimeoutError:
            return

    async def _once(self) -> bool:
        try:
            more = bool(await self.work())
        except (Unavailable, GenerationLost) as error:
            if not self._away:
                log.warning("daemon waits", daemon=self.name, reason=error.message)
            self._away = True
            self._failures += 1
            return False
        except Exception:
            log.exception("daemon failed", daemon=self.name)
            self._failures += 1
            return False
        if self._away:
            log.info("daemon goes on", daemon=self.name)
        self._failures, self._away = 0, False
        return more
