"""The leadership: one row, one term, decided by database time."""

from broker.storage import blocks
from broker.storage.database import Connection

SQL = blocks.load("leader")


async def hold(connection: Connection, broker: str, *, seconds: float) -> int | None:
    """Takes or keeps the leadership; its term, or None while another broker has it."""
    term = await connection.fetchval(SQL.hold, broker, seconds)
    return None if term is None else int(term)


async def resign(connection: Connection, broker: str) -> None:
    """Lets a standby take over at once."""
    await connection.execute(SQL.resign, broker)
