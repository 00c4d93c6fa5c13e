"""The trash: nodes that nobody sees, until they are taken out of it or removed for good."""

from collections.abc import Collection
from dataclasses import dataclass

import asyncpg

from broker.protocol.ids import AccountId, NodeId
from broker.protocol.nodes import Node
from broker.storage import blocks
from broker.storage.database import LONG_STATEMENT_SECONDS_MAX, Connection
from broker.storage.nodes import views

SQL = blocks.load("trash")


@dataclass(frozen=True, slots=True)
class Below:
    """What lies in a node, itself counted.

    Args:
        of_others: nodes that somebody else made.
        benefactors: nodes whose access lists govern parts of it.
        imported: files that refer to data roots.
        open_batches: batches with jobs that have not ended.
    """

    of_others: int
    benefactors: list[NodeId]
    apps: int
    imported: int
    batches: int
    open_batches: int


async def page(
    connection: Connection,
    *,
    before: int,
    rows_max: int,
    everything: bool,
    among: Collection[NodeId],
    project: NodeId | None,
) -> list[Node]:
    """What was put into the trash, newest first: all, or what some benefactors govern."""
    rows = await connection.fetch(SQL.page, before, rows_max, everything, list(among), project)
    return await views(connection, [row[0] for row in rows])


async def below(connection: Connection, node: NodeId, account: AccountId) -> Below:
    """What lies in a node."""
    row = await connection.fetchrow(SQL.below, node, account, timeout=LONG_STATEMENT_SECONDS_MAX)
    assert row is not None, "a count is one row"
    return Below(**dict(row))


async def put(connection: Connection, node: NodeId) -> None:
    """Puts a node into the trash with everything below it."""
    await connection.execute(SQL.put, node, timeout=LONG_STATEMENT_SECONDS_MAX)


async def take(connection: Connection, node: NodeId) -> bool:
    """Takes a node out of the trash with what went there with it; False when its name was given
    to a sibling of its kind meanwhile."""
    try:
        await connection.execute(SQL.take, node, timeout=LONG_STATEMENT_SECONDS_MAX)
    except asyncpg.UniqueViolationError:
        return False
    return True


async def purge(connection: Connection, node: NodeId) -> bool:
    """Removes a node and everything below it; False when something outside refers to it."""
    try:
        await connection.execute(SQL.purge, node, timeout=LONG_STATEMENT_SECONDS_MAX)
    except asyncpg.ForeignKeyViolationError:
        return False
    return True
