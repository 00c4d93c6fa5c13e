"""Answers to mutations that carried an Idempotency-Key."""

from collections.abc import Sequence
from dataclasses import dataclass

from broker.protocol.ids import AccountId
from broker.storage import blocks
from broker.storage.database import LONG_STATEMENT_SECONDS_MAX, Connection

SQL = blocks.load("idempotency")


@dataclass(frozen=True, slots=True)
class Answer:
    """A stored answer, and the digest of the request that it answers."""

    account_id: AccountId
    key: str
    request_sha256: bytes
    status: int
    body: bytes


async def lock(connection: Connection, account: AccountId, key: str) -> None:
    """Waits for other transactions with the same key; holds them off until this one ends."""
    await connection.execute(SQL.lock, key, account)


async def find(
    connection: Connection, keys: Sequence[tuple[AccountId, str]]
) -> dict[tuple[AccountId, str], Answer]:
    """Stored answers by (account, key)."""
    rows = await connection.fetch(SQL.find, [a for a, _ in keys], [k for _, k in keys])
    return {(row[0], row[1]): Answer(*row) for row in rows}


async def remember(
    connection: Connection, answers: Sequence[Answer], *, status: int
) -> set[tuple[AccountId, str]]:
    """Stores answers inside the transaction that they speak of.

    Waits for other transactions with the same key. Returns the keys that were free; for the
    others the stored answer stands and the caller must do nothing.
    """
    rows = await connection.fetch(
        SQL.remember,
        [a.account_id for a in answers],
        [a.key for a in answers],
        [a.request_sha256 for a in answers],
        status,
        [a.body for a in answers],
    )
    return {(AccountId(account), key) for account, key in rows}


async def prune(connection: Connection, *, hours: float) -> None:
    """Forgets old answers."""
    await connection.execute(SQL.prune, hours, timeout=LONG_STATEMENT_SECONDS_MAX)


async def forget(connection: Connection, account: AccountId, key: str) -> None:
    """Takes back an answer inside the transaction that stored it: the request was refused."""
    await connection.execute(SQL.forget, account, key)
