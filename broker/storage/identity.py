"""Tokens to principals."""

from collections.abc import Sequence

import asyncpg

from broker.protocol.ids import AccountId, AppId
from broker.storage import blocks
from broker.storage.database import Connection

SQL = blocks.load("identity")


# by account, by app: (submit, admin)
Rights = dict[AccountId, dict[AppId, tuple[bool, bool]]]


async def by_tokens(
    connection: Connection, digests: Sequence[bytes]
) -> dict[bytes, asyncpg.Record]:
    """The holders of tokens, by digest, with their states and privileges."""
    return {row["sha256"]: row for row in await connection.fetch(SQL.by_tokens, digests)}


async def app_rights(connection: Connection, accounts: Sequence[AccountId]) -> Rights:
    """What accounts may do on single apps."""
    rights: Rights = {}
    for account, app, submit, admin in await connection.fetch(SQL.app_rights, accounts):
        rights.setdefault(account, {})[app] = (submit, admin)
    return rights
