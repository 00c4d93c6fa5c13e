"""Health: whether this broker can serve, and what it would be missing."""

import asyncio
from collections.abc import Awaitable
from functools import cache

from broker.errors import FairleadError, Unavailable
from broker.services.context import Services
from broker.storage import health, outbox, schema

PATIENCE_SECONDS = 2.0
_expected = cache(schema.schema_digest)


async def ready(services: Services) -> None:
    """Goes on when requests can be served.

    Raises:
        Unavailable: naming everything that is away.
    """
    checks = (_database(services), _queues(services))
    missing = [text for text in await asyncio.gather(*checks) if text]
    if missing:
        raise Unavailable("; ".join(missing))


async def outbox_depth(services: Services) -> int | None:
    """Rows that Redis must still be told, counted up to 10,000; None when PostgreSQL is away."""
    try:
        async with asyncio.timeout(PATIENCE_SECONDS), services.database.connection() as connection:
            return await outbox.depth(connection)
    except (TimeoutError, FairleadError):
        return None


async def _database(services: Services) -> str | None:
    async def look() -> str | None:
        async with services.database.connection() as connection:
            if await health.schema_digest(connection) == _expected():
                return None
        return "the tables in PostgreSQL are of another version of Fairlead"

    return await _within(look(), "PostgreSQL does not answer")


async def _queues(services: Services) -> str | None:
    async def look() -> str | None:
        if await services.queues.current_generation():
            return None
        return "the queues in Redis are being rebuilt"

    return await _within(look(), "Redis does not answer")


async def _within(check: Awaitable[str | None], otherwise: str) -> str | None:
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await check
    except (TimeoutError, FairleadError):
        return otherwise
