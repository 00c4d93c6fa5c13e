"""The audit log: appended to, read, and checked against its own digests."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from broker.protocol.audit import AuditEntry
from broker.protocol.ids import AccountId, HostId, TokenId
from broker.storage import blocks
from broker.storage.database import LONG_STATEMENT_SECONDS_MAX, Connection

SQL = blocks.load("audit")
START = (0, bytes(32))  # what the first entry is chained to


@dataclass(frozen=True, slots=True)
class NewEntry:
    """A change, as it is to be written."""

    account: AccountId | None
    host: HostId | None
    token: TokenId | None
    action: str
    request: str
    objects: Sequence[str]
    details: dict[str, Any]
    status: int


@dataclass(frozen=True, slots=True)
class Filter:
    """Which entries a list shows; None for all."""

    account: AccountId | None = None
    action: str | None = None
    object: str | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Stretch:
    """Some entries of the chain, checked.

    Args:
        broken_at: the first that does not fit; None when all do.
        last: position and digest of the last one.
    """

    entries: int
    broken_at: int | None
    last: tuple[int, bytes]


async def append(connection: Connection, entry: NewEntry) -> None:
    """Writes an entry; its place in the chain is decided when the transaction commits."""
    details = orjson.dumps(entry.details, option=orjson.OPT_SORT_KEYS).decode()
    await connection.execute(
        SQL.append,
        entry.account,
        entry.host,
        entry.token,
        entry.action,
        entry.request,
        entry.objects,
        details,
        entry.status,
    )


async def page(
    connection: Connection, wanted: Filter, *, before: int, rows_max: int
) -> list[AuditEntry]:
    """Entries, newest first."""
    rows = await connection.fetch(
        SQL.page,
        before,
        rows_max,
        wanted.account,
        wanted.action,
        wanted.object,
        wanted.since,
        wanted.until,
    )
    return [
        AuditEntry.model_validate({**dict(row), "details": orjson.loads(row["details"])})
        for row in rows
    ]


async def head(connection: Connection) -> tuple[int, bytes]:
    """Position and digest of the newest entry."""
    row = await connection.fetchrow(SQL.head)
    return (row["position"], row["sha256"]) if row else START


async def digest(connection: Connection, position: int) -> str | None:
    """The digest of an entry in hexadecimal; None when there is none."""
    found: str | None = await connection.fetchval(SQL.digest, position)
    return found


async def stretch(connection: Connection, after: tuple[int, bytes], rows_max: int) -> Stretch:
    """Checks some entries behind a place of the chain."""
    row = await connection.fetchrow(
        SQL.stretch, *after, rows_max, timeout=LONG_STATEMENT_SECONDS_MAX
    )
    assert row is not None, "an aggregate has a row"
    last = after if row["last"] is None else (row["last"], row["last_sha256"])
    return Stretch(row["entries"], row["broken_at"], last)


async def outside(connection: Connection) -> int:
    """How many entries are in no place of the chain."""
    return int(await connection.fetchval(SQL.outside))
