"""Which account uploaded which content."""

from collections.abc import Sequence

from broker.protocol.ids import AccountId
from broker.storage import blocks
from broker.storage.database import LONG_STATEMENT_SECONDS_MAX, Connection

SQL = blocks.load("blobs")


async def owned(connection: Connection, account: AccountId, digests: Sequence[str]) -> set[str]:
    """Those of the digests (hexadecimal) that the account uploaded itself."""
    rows = await connection.fetch(SQL.owned, account, [bytes.fromhex(d) for d in digests])
    return {row[0].hex() for row in rows}


async def record(connection: Connection, account: AccountId, digest: str, size: int) -> None:
    """Remembers an upload."""
    await connection.execute(SQL.record, bytes.fromhex(digest), account, size)


async def share(
    connection: Connection, first: int, last: int, owner: AccountId, account: AccountId
) -> None:
    """Gives an account the uploaded inputs of a range of another account's jobs."""
    await connection.execute(
        SQL.share, first, last, owner, account, timeout=LONG_STATEMENT_SECONDS_MAX
    )
