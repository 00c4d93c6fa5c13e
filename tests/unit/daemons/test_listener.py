"""The listener ends when it is told to, whatever a library makes of it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

from broker.daemons.listener import Listener
from broker.queues.client import Queues
from broker.services.hosts.waiting import WaitingRoom


class Deaf:
    """A subscription that loses a cancellation while it connects, and then hears nothing."""

    def __init__(self) -> None:
        self.connecting = asyncio.Event()

    def key(self, name: str) -> str:
        return name

    @asynccontextmanager
    async def subscription(self) -> AsyncIterator["Deaf"]:
        yield self

    async def subscribe(self, *_: str) -> None:
        self.connecting.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return

    async def get_message(self, timeout: float | None) -> Any:
        await asyncio.Event().wait()


async def test_a_cancellation_lost_while_connecting_still_ends_it() -> None:
    deaf = Deaf()
    listener = Listener(cast(Queues, deaf), WaitingRoom(), lambda: None, lambda: False)
    task = asyncio.create_task(listener.run())
    await deaf.connecting.wait()
    task.cancel()
    done, _ = await asyncio.wait({task}, timeout=5)
    task.cancel()
    assert done
