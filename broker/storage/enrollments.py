"""Single-use tokens with which hosts join."""

from dataclasses import dataclass
from datetime import datetime

from broker.protocol.ids import AccountId, HostId
from broker.protocol.resources import HostFacts
from broker.storage import blocks
from broker.storage.database import Connection

SQL = blocks.load("enrollments")


@dataclass(frozen=True, slots=True)
class Known:
    """An enrolment token that was made: whether it still works, whose it is, and for which pool."""

    used: bool
    expired: bool
    account_id: AccountId
    pool: str


async def create(
    connection: Connection,
    account: AccountId,
    name: str,
    pool: str,
    sha256: bytes,
    expires_at: datetime | None,
    *,
    latest: datetime | None,
    host_expires_at: datetime | None,
) -> datetime | None:
    """Stores a token; its expiry, or None when that does not lie in the future.

    Args:
        latest: it ends by then, whatever was asked; None for no such bound.
        host_expires_at: when the token ends that the host will get; None for never.
    """
    expiry: datetime | None = await connection.fetchval(
        SQL.create, account, name, pool, sha256, expires_at, latest, host_expires_at
    )
    return expiry


async def use(
    connection: Connection,
    sha256: bytes,
    pool: str | None,
    facts: HostFacts,
    host_token_sha256: bytes,
) -> HostId | None:
    """Makes a host of an unused token; None when the token does not work."""
    host = await connection.fetchval(
        SQL.use, sha256, pool, facts.name, facts.model_dump_json(), facts.gflops, host_token_sha256
    )
    return None if host is None else HostId(host)


async def look(connection: Connection, sha256: bytes) -> Known | None:
    """What is known of a token; None when there never was one."""
    row = await connection.fetchrow(SQL.look, sha256)
    return Known(*row) if row else None
