"""Tokens to their holders."""

from collections.abc import Sequence

import asyncpg

from broker.storage import blocks
from broker.storage.database import Connection

SQL = blocks.load("identity")


async def by_tokens(
    connection: Connection, digests: Sequence[bytes]
) -> dict[bytes, asyncpg.Record]:
    """The holders of tokens, by digest, with the states of hosts and their owners."""
    return {row["sha256"]: row for row in await connection.fetch(SQL.by_tokens, digests)}
