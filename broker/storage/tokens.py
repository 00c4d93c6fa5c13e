"""Tokens of accounts; only hashes are kept."""

from collections.abc import Iterable
from datetime import datetime

from broker.protocol.ids import AccountId, HostId, TokenId
from broker.protocol.scopes import TokenScope
from broker.protocol.tokens import Token
from broker.storage import blocks
from broker.storage.database import Connection

SQL = blocks.load("tokens")


async def create(
    connection: Connection,
    account: AccountId,
    name: str,
    sha256: bytes,
    expires_at: datetime | None,
    scopes: Iterable[TokenScope],
    creator: AccountId | None,
) -> TokenId | None:
    """A new token, or None when its expiry does not lie in the future."""
    token = await connection.fetchval(
        SQL.create, account, name, sha256, expires_at, sorted(scopes), creator
    )
    return None if token is None else TokenId(token)


async def page(
    connection: Connection, account: AccountId, *, before: int, rows_max: int
) -> list[Token]:
    """Tokens of an account, newest first."""
    rows = await connection.fetch(SQL.page, account, before, rows_max)
    return [Token.model_validate(dict(row)) for row in rows]


async def find(connection: Connection, account: AccountId, token: TokenId) -> Token | None:
    """A token of an account."""
    row = await connection.fetchrow(SQL.find, account, token)
    return Token.model_validate(dict(row)) if row else None


async def works(connection: Connection, token: TokenId) -> bool:
    """Whether a token can be used now; it is held still until the transaction ends."""
    return bool(await connection.fetchval(SQL.works, token))


async def expiry(connection: Connection, token: TokenId) -> datetime | None:
    """When a token ends; None for never."""
    found: datetime | None = await connection.fetchval(SQL.expiry, token)
    return found


async def retire(connection: Connection, token: TokenId, *, overlap_seconds: float) -> None:
    """Has a token end after an overlap, if not before."""
    await connection.execute(SQL.retire, token, overlap_seconds)


async def rotate_host(
    connection: Connection, host: HostId, sha256: bytes, *, overlap_seconds: float
) -> None:
    """Another token for a host, that lasts as long; those that it had end after an overlap."""
    await connection.execute(SQL.rotate_host, host, sha256, overlap_seconds)


async def revoke(connection: Connection, account: AccountId, token: TokenId) -> bool:
    """Makes a token stop working; False when the account has no such token."""
    return await connection.fetchval(SQL.revoke, account, token) is not None
