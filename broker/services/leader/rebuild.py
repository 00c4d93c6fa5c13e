"""Rebuilds the queues in Redis from PostgreSQL, when Redis lost its memory.

Redis that was restarted may have lost its last second of writes, or come back from an older copy,
and look healthy: so a queue is trusted only while the server that it was built in still runs.
"""

from collections.abc import Awaitable
from typing import cast

import structlog

from broker.protocol.ids import JobId
from broker.queues import asks
from broker.queues import lanes as queue_lanes
from broker.queues.client import Queues, reachable
from broker.queues.lanes import Run
from broker.storage import lanes
from broker.storage.database import Database

log = structlog.get_logger(__name__)


async def ensure(database: Database, queues: Queues) -> bool:
    """Adopts the queues if they can be trusted, else rebuilds them. True when it rebuilt.

    Only the leader calls it. Submissions go on meanwhile: their outbox rows come after.
    """
    if await queues.adopt() and await _server_of_queues(queues) == await _server(queues):
        return False
    await queues.begin_rebuild()
    jobs = 0
    async with database.transaction() as connection:
        async for page in lanes.queued_runs(connection):
            runs = [Run(lane, JobId(first), count, prio) for lane, prio, first, count in page]
            jobs += await queue_lanes.push(queues, runs)
    async with reachable():
        await queues.redis.set(queues.key("server"), await _server(queues))
    await asks.wake_all(queues)
    log.info("queues rebuilt from PostgreSQL", jobs=jobs)
    return True


async def _server(queues: Queues) -> str:
    async with reachable():
        info = await queues.redis.info("server")
    return str(info["run_id"])


async def _server_of_queues(queues: Queues) -> str:
    async with reachable():
        value = await cast(Awaitable[bytes | None], queues.redis.get(queues.key("server")))
    return value.decode() if value else ""
