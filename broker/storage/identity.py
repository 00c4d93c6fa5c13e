"""Tokens to principals."""

import asyncpg

from broker.protocol.ids import AccountId, AppId
from broker.storage import blocks
from broker.storage.database import Connection

SQL = blocks.load("identity")


async def by_token(connection: Connection, sha256: bytes) -> asyncpg.Record | None:
    """The token's holder, with its state and privileges."""
    return await connection.fetchrow(SQL.by_token, sha256)


async def app_rights(connection: Connection, account: AccountId) -> dict[AppId, tuple[bool, bool]]:
    """(submit, admin) by app."""
    rows = await connection.fetch(SQL.app_rights, account)
    return {AppId(app): (submit, admin) for app, submit, admin in rows}
