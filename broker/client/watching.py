"""Watching: events as they come, and what they tell to look at again."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from typing import Final

from broker.client.batches import get_batch
from broker.client.jobs import get_job
from broker.client.sse import Reconnected, follow
from broker.client.transport import Ref, Transport, name_of
from broker.errors import FairleadError
from broker.protocol.batches import Batch
from broker.protocol.jobs import Job
from broker.protocol.shares import Event
from broker.protocol.states import TERMINAL_STATES

POLL_SECONDS_FIRST: Final = 0.2
POLL_SECONDS_MAX: Final = 5.0
EVENT_PAUSE_SECONDS: Final = 0.2  # events of a busy batch come in hundreds a second


async def read_events(
    http: Transport, *, batch: Ref | None = None, after: str | None = None
) -> AsyncGenerator[Event, None]:
    """What happens to the jobs that the caller may see, without end and over reconnections.

    Args:
        batch: only of this batch; null for all.
        after: `id` of the last event known; null starts now.
    """
    query = {"batch": None if batch is None else name_of("batch", batch)}
    stream = follow(http.patient(), "/v1/events", query=query, last_id=after)
    async with aclosing(stream):
        async for event in stream:
            if not isinstance(event, Reconnected) and event.data:
                yield Event.model_validate_json(event.data)


async def watch_batch(http: Transport, batch: Ref) -> AsyncGenerator[Batch, None]:
    """The batch as it is now, then again whenever it has changed, until it is finished.

    Events say when to look; where they do not come, it looks every few seconds.
    """
    http = http.patient()
    changed = asyncio.Event()
    listener = asyncio.create_task(_listen(http, batch, changed))
    pause = POLL_SECONDS_FIRST
    last: Batch | None = None
    try:
        while True:
            changed.clear()
            now = await get_batch(http, batch)
            if now != last:
                yield now
            if now.finished_at is not None:
                return
            last = now
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await changed.wait()
                await asyncio.sleep(EVENT_PAUSE_SECONDS)
            pause = min(POLL_SECONDS_MAX, pause * 1.5)
    finally:
        listener.cancel()
        await asyncio.wait([listener])


async def _listen(http: Transport, batch: Ref, changed: asyncio.Event) -> None:
    with suppress(FairleadError):  # then polling alone must do
        async for _ in read_events(http, batch=batch):
            changed.set()


async def wait_for_job(http: Transport, job: Ref, *, timeout_seconds: float | None = None) -> Job:
    """The job when it has ended; it is looked at whenever its batch changes.

    Raises:
        TimeoutError: it was still open after `timeout_seconds`; it goes on.
    """
    async with asyncio.timeout(timeout_seconds):
        now = await get_job(http, job)
        if now.state in TERMINAL_STATES:
            return now
        async with aclosing(watch_batch(http, now.batch)) as changes:
            async for _ in changes:
                now = await get_job(http, job)
                if now.state in TERMINAL_STATES:
                    break
    return now
