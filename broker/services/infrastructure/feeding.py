"""Feeding: what the outbox holds goes to Redis, in order, at least once."""

from broker.queues import lanes as queue_lanes
from broker.queues.client import Queues
from broker.queues.lanes import Run
from broker.storage import outbox
from broker.storage.database import Database
from broker.storage.outbox import OutboxRow

ROWS_PER_TRANSACTION_MAX = 500


async def feed(database: Database, queues: Queues) -> bool:
    """Drains one portion of the outbox; True when there may be more.

    The rows are gone when the transaction commits, which is after Redis has them: a crash in
    between repeats the push, and a repeated push changes nothing.

    Raises:
        Unavailable, GenerationLost: a server is away; the rows stay.
    """
    if not queues.generation and not await queues.adopt():
        return False  # the leader is about to make them from what PostgreSQL has
    async with database.transaction() as connection:
        rows = await outbox.take(connection, rows_max=ROWS_PER_TRANSACTION_MAX)
        pushed = [row for row in rows if row.kind == "push"]
        removed = [row for row in rows if row.kind == "remove"]
        if pushed:
            await queue_lanes.push(queues, [_run(row) for row in pushed])
        if removed:
            await queue_lanes.remove(queues, [_run(row) for row in removed])
    if pushed:
        await queues.publish("wake", b"push")
    return len(rows) == ROWS_PER_TRANSACTION_MAX


def _run(row: OutboxRow) -> Run:
    return Run(row.lane_id, row.first_job_id, row.jobs, row.priority)
