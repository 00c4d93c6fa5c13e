"""Hosts as owners and admins see them; `fleet` reads them for the scheduler."""

from collections.abc import Sequence

import asyncpg
import orjson

from broker.protocol.hosts import Host
from broker.protocol.ids import AccountId, HostId
from broker.protocol.resources import HostFacts
from broker.protocol.states import HostState
from broker.storage import blocks
from broker.storage.database import Connection

SQL = blocks.load("hosts")


async def find(connection: Connection, host: HostId, *, half_life_seconds: float) -> Host | None:
    """A host."""
    row = await connection.fetchrow(SQL.find, host, half_life_seconds)
    return _host(row) if row else None


async def page(
    connection: Connection,
    *,
    before: int,
    rows_max: int,
    owner: AccountId | None,
    half_life_seconds: float,
) -> list[Host]:
    """Hosts of one owner, or of all, newest first."""
    rows = await connection.fetch(SQL.page, before, rows_max, owner, half_life_seconds)
    return [_host(row) for row in rows]


async def owner(connection: Connection, host: HostId) -> tuple[AccountId, HostState] | None:
    """(owner, state) of a host, held still until the transaction ends."""
    row = await connection.fetchrow(SQL.owner, host)
    return (AccountId(row[0]), HostState(row[1])) if row else None


async def set_state(connection: Connection, host: HostId, state: HostState) -> None:
    """Moves a host to a state."""
    await connection.execute(SQL.set_state, host, state)


async def lock_out(
    connection: Connection, *, host: HostId | None = None, owner: AccountId | None = None
) -> None:
    """Revokes the tokens of one host, or of an owner's hosts, and lets their leases lapse."""
    await connection.execute(SQL.lock_out, host, owner)


async def trusted(connection: Connection, hosts: Sequence[HostId]) -> set[HostId]:
    """Which of these hosts may still hold leases."""
    return {HostId(row[0]) for row in await connection.fetch(SQL.trusted, hosts)}


async def update_facts(connection: Connection, host: HostId, facts: HostFacts) -> None:
    """Replaces what is known of a host."""
    await connection.execute(
        SQL.update_facts, host, facts.name, facts.model_dump_json(), facts.gflops
    )


def _host(row: asyncpg.Record) -> Host:
    return Host.model_validate({**dict(row), "facts": orjson.loads(row["facts"])})
