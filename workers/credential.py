"""The host's own token: another one in its place when it has become old.

The broker gives the new one and lets the old one work on for a day. It is on disk before it is
used: whatever is interrupted between the two goes on with the old one, and takes another later.
"""

import asyncio
import time
from collections.abc import Callable

import structlog

from broker.errors import FairleadError, Unauthenticated
from broker.protocol.ids import HostId
from workers.broker_api import BrokerApi
from workers.state_directory import StateDirectory

DAY_SECONDS = 86_400.0
AGAIN_SECONDS = 600.0  # after a failure

log = structlog.get_logger()


class Credential:
    """Keeps the token of a host young.

    Args:
        days_max: age at which it is replaced; 0 for never.
        wall: seconds of the calendar, for an age that outlives a restart.
    """

    def __init__(
        self,
        api: BrokerApi,
        host: HostId,
        state: StateDirectory,
        days_max: float,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._api = api
        self._host = host
        self._state = state
        self._seconds_max = days_max * DAY_SECONDS
        self._wall = wall

    async def run(self) -> None:
        """Replace the token whenever it is due, until cancelled.

        Raises:
            Unauthenticated: the broker refuses this host.
        """
        while True:
            written_at = await asyncio.to_thread(self._state.identity_written_at)
            if written_at is None or not self._seconds_max:
                return await self._never()
            due_in = written_at + self._seconds_max - self._wall()
            if due_in > 0:
                await asyncio.sleep(min(due_in, DAY_SECONDS))
                continue
            try:
                await self.rotate()
            except Unauthenticated:
                raise
            except (FairleadError, OSError) as error:
                log.warning("the token stays as it is for now", reason=str(error))
                await asyncio.sleep(AGAIN_SECONDS)

    @staticmethod
    async def _never() -> None:
        await asyncio.Event().wait()

    async def rotate(self) -> None:
        """Take another token, keep it, then use it."""
        identity = await asyncio.to_thread(self._state.load_identity)
        if identity is None:
            return
        new = await self._api.rotate_token(self._host)
        kept = identity.model_copy(update={"token": new.token})
        await asyncio.to_thread(self._state.save_identity, kept)
        self._api.token = new.token
        log.info("took another token")
