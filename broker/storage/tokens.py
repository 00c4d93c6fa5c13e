"""Tokens of accounts; only hashes are kept."""

from datetime import datetime

from broker.protocol.accounts import Token
from broker.protocol.ids import AccountId, TokenId
from broker.storage import blocks
from broker.storage.database import Connection

SQL = blocks.load("tokens")


async def create(
    connection: Connection,
    account: AccountId,
    name: str,
    sha256: bytes,
    expires_at: datetime | None,
) -> TokenId | None:
    """A new token, or None when its expiry does not lie in the future."""
    token = await connection.fetchval(SQL.create, account, name, sha256, expires_at)
    return None if token is None else TokenId(token)


async def page(
    connection: Connection, account: AccountId, *, before: int, rows_max: int
) -> list[Token]:
    """Tokens of an account, newest first."""
    rows = await connection.fetch(SQL.page, account, before, rows_max)
    return [Token.model_validate(dict(row)) for row in rows]


async def revoke(connection: Connection, account: AccountId, token: TokenId) -> bool:
    """Makes a token stop working; False when the account has no such token."""
    return await connection.fetchval(SQL.revoke, account, token) is not None
