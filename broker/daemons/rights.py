"""Hears at once that rights have changed; without it the ticker finds out half a second later."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from broker.errors import Unavailable
from broker.storage.access import CHANNEL
from broker.storage.database import Database

log = structlog.get_logger(__name__)
RECONNECT_SECONDS = 0.5


@dataclass(slots=True)
class RightsListener:
    """Turns notifications of PostgreSQL into a wake-up of this process."""

    database: Database
    wake: Callable[[], None]

    async def run(self) -> None:
        """Runs until cancelled; reconnects when PostgreSQL comes back."""
        task = asyncio.current_task()
        while task is None or not task.cancelling():  # as in ticker.py
            try:
                await self.database.listen(CHANNEL, self.wake)
            except Unavailable as error:
                log.debug("listener of rights reconnects", reason=error.message)
            await asyncio.sleep(RECONNECT_SECONDS)
