"""Break-glass access to strictly personal batches."""

from broker.protocol.ids import AccountId, BatchId
from broker.protocol.openings import Opening
from broker.storage import blocks
from broker.storage.database import Connection

SQL = blocks.load("openings")


async def create(
    connection: Connection, batch: BatchId, account: AccountId, reason: str, *, seconds: float
) -> Opening:
    """Lets an account read a batch for a while, and tells the owner."""
    row = await connection.fetchrow(SQL.create, batch, account, reason, seconds)
    assert row is not None, "whoever asks has an account"
    return Opening.model_validate(dict(row))


async def page(
    connection: Connection, batch: BatchId, *, before: int, rows_max: int
) -> list[Opening]:
    """Who opened a batch, newest first."""
    rows = await connection.fetch(SQL.page, batch, before, rows_max)
    return [Opening.model_validate(dict(row)) for row in rows]


async def stands(connection: Connection, batch: BatchId, account: AccountId) -> bool:
    """Whether an account may read a batch for now."""
    return bool(await connection.fetchval(SQL.stands, batch, account))
