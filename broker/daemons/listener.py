"""Hears the wake-ups that brokers send one another through Redis."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import structlog
from redis.exceptions import RedisError

from broker.queues import asks
from broker.queues.client import Queues
from broker.services.hosts.waiting import WaitingRoom

log = structlog.get_logger(__name__)
RECONNECT_SECONDS = 0.5


@dataclass(slots=True)
class Listener:
    """Turns messages into wake-ups of this process. A lost message costs a second at most."""

    queues: Queues
    waiting: WaitingRoom
    wake_scheduler: Callable[[], None]
    has_work: Callable[[], bool]

    async def run(self) -> None:
        """Runs until cancelled; reconnects when Redis comes back."""
        task = asyncio.current_task()

        def goes_on() -> bool:
            return task is None or not task.cancelling()  # as in ticker.py

        while goes_on():
            try:
                await self._listen(goes_on)
            except (RedisError, OSError) as error:
                log.debug("listener reconnects", reason=str(error))
                await asyncio.sleep(RECONNECT_SECONDS)

    async def _listen(self, goes_on: Callable[[], bool]) -> None:
        wake, host = self.queues.key("wake"), self.queues.key("host")
        async with self.queues.subscription() as subscription:
            await subscription.subscribe(wake, host)
            # Whatever was said while we were not listening: look at everything once.
            self.wake_scheduler()
            self.waiting.wake()
            while goes_on():
                message = await subscription.get_message(timeout=None)
                if message is None:
                    continue
                if message["channel"] == wake.encode():
                    # ten thousand idle hosts ask all the time: without jobs that is no news
                    if message["data"] != asks.WAKE_ASK or self.has_work():
                        self.wake_scheduler()
                else:
                    self.waiting.wake(asks.hosts_of(message["data"]))
