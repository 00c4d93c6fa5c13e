"""The feed of events: one reader of PostgreSQL for all listeners of this process.

The poller keeps the latest events in memory while somebody listens. A listener who comes back
from further behind reads PostgreSQL in windows until it has caught up.
"""

import asyncio
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import islice

import structlog

from broker.errors import FairleadError
from broker.storage import events
from broker.storage.database import Database
from broker.storage.events import EventRow, Position

log = structlog.get_logger(__name__)

POLL_SECONDS = 0.3
AWAY_SECONDS = 1.0
ROWS_PER_READ_MAX = 2_000
ROWS_REMEMBERED_MAX = 20_000
JOBS_REMEMBERED_MAX = 1_000_000  # an event may name thousands
NOWHERE = Position(0, 0)


@dataclass(slots=True)
class Feed:
    """Events of everybody, in order; listeners filter.

    Every decided event behind `_floor` up to `_head` is in `_rows`.
    """

    database: Database
    _rows: list[EventRow] = field(default_factory=list)
    _floor: Position = NOWHERE
    _head: Position = NOWHERE
    _jobs: int = 0
    _listeners: int = 0
    _poller: asyncio.Task[None] | None = None
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    async def horizon(self) -> Position:
        """Where a listener starts who wants to see only what is still to come."""
        async with self.database.connection() as connection:
            return await events.horizon(connection)

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Keeps the poller running."""
        self._listeners += 1
        if self._poller is None:
            self._poller = asyncio.create_task(self._poll(), name="events")
        try:
            yield
        finally:
            self._listeners -= 1
            if not self._listeners and self._poller:
                self._poller.cancel()
                self._poller = None
                self._rows, self._jobs, self._floor, self._head = [], 0, NOWHERE, NOWHERE

    async def wait(self, seconds: float) -> None:
        """Until there is news, or the time is over."""
        news = self._news
        with suppress(TimeoutError):  # the caller looks for itself, news or not
            async with asyncio.timeout(seconds):
                await news.wait()

    async def after(self, position: Position) -> tuple[list[EventRow], Position]:
        """(events after a position, the position behind them); some at most, so ask again.

        Raises:
            Unavailable: PostgreSQL is away.
        """
        if self._head is not NOWHERE and position >= self._floor:
            start = bisect_right(self._rows, position, key=lambda row: row.position)
            rows = list(islice(self._rows, start, start + ROWS_PER_READ_MAX))
            return rows, rows[-1].position if rows else position
        floor = self._floor  # before the read: whatever came until then will be in it
        async with self.database.connection() as connection:
            rows = await events.after(connection, position, rows_max=ROWS_PER_READ_MAX)
        reached = rows[-1].position if rows else position
        return rows, reached if len(rows) == ROWS_PER_READ_MAX else max(reached, floor)

    async def _poll(self) -> None:
        while True:
            try:
                pause = await self._look()
            except FairleadError as error:
                log.warning("events cannot be read", reason=error.message)
                pause = AWAY_SECONDS
            except Exception:
                log.exception("events cannot be read")
                pause = AWAY_SECONDS
            await asyncio.sleep(pause)

    async def _look(self) -> float:
        """Takes what is new; returns how long to wait before the next look."""
        if self._head is NOWHERE:
            self._floor = self._head = await self.horizon()
        async with self.database.connection() as connection:
            rows = await events.after(connection, self._head, rows_max=ROWS_PER_READ_MAX)
        if not rows:
            return POLL_SECONDS
        self._rows += rows
        self._jobs += sum(len(row.job_ids) for row in rows)
        self._head = rows[-1].position
        self._forget()
        self._news.set()
        self._news = asyncio.Event()
        return 0.0 if len(rows) == ROWS_PER_READ_MAX else POLL_SECONDS

    def _forget(self) -> None:
        """Drops the oldest events beyond the bounds."""
        surplus = max(0, len(self._rows) - ROWS_REMEMBERED_MAX)
        self._jobs -= sum(len(row.job_ids) for row in self._rows[:surplus])
        while self._jobs > JOBS_REMEMBERED_MAX and surplus < len(self._rows):
            self._jobs -= len(self._rows[surplus].job_ids)
            surplus += 1
        if surplus:
            self._floor = self._rows[surplus - 1].position
            del self._rows[:surplus]
