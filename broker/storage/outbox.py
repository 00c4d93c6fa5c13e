"""The outbox: what Redis must still be told, in the transaction that made it true."""

from dataclasses import dataclass

from broker.protocol.ids import JobId, LaneId
from broker.storage import blocks
from broker.storage.database import Connection

SQL = blocks.load("outbox")


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """A run of consecutive jobs to push into, or remove from, their lane."""

    id: int
    kind: str
    lane_id: LaneId
    first_job_id: JobId
    jobs: int
    priority: int


async def take(connection: Connection, *, rows_max: int) -> list[OutboxRow]:
    """The oldest rows that are due. They are gone when the transaction commits, back otherwise."""
    rows = [OutboxRow(*row) for row in await connection.fetch(SQL.take, rows_max)]
    return sorted(rows, key=lambda row: row.id)


async def depth(connection: Connection) -> int:
    """Rows that wait, counted up to 10,000."""
    return int(await connection.fetchval(SQL.depth))
