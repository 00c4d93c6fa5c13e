"""Registered pools. Hosts, lanes and the rules of preemption know a pool by its name."""

from collections.abc import Sequence
from typing import NamedTuple

import asyncpg

from broker.protocol.ids import NodeId
from broker.protocol.pools import Pool
from broker.storage import blocks, nodes
from broker.storage.database import Connection

SQL = blocks.load("pools")
ALL = 2**31 - 1


class Uses(NamedTuple):
    """How often a pool is used."""

    hosts: int
    lanes: int
    bindings: int


async def create(connection: Connection, node: NodeId, title: str, *, is_open: bool) -> None:
    """Makes a pool of a node."""
    await connection.execute(SQL.create, node, title, is_open)


async def change(connection: Connection, pool: NodeId, title: str, *, is_open: bool) -> None:
    """Replaces what managers set."""
    await connection.execute(SQL.change, pool, title, is_open)


async def find(connection: Connection, pool: NodeId) -> Pool | None:
    """One pool."""
    found = await page(connection, [pool], before=ALL, rows_max=1)
    return found[0] if found else None


async def page(
    connection: Connection, among: Sequence[NodeId] | None, *, before: int, rows_max: int
) -> list[Pool]:
    """Pools, newest first; all for None, else only some."""
    rows = await connection.fetch(SQL.rows, among, before, rows_max)
    return [Pool.model_validate(dict(row)) for row in rows]


async def uses(connection: Connection, pool: NodeId, name: str) -> Uses:
    """What keeps a pool from being deleted."""
    (row,) = await connection.fetch(SQL.uses, pool, name)
    return Uses(*row)


async def delete(connection: Connection, pool: NodeId, name: str) -> bool:
    """Removes a pool that nothing refers to; False when something does by now."""
    try:
        await connection.execute(SQL.delete, pool, name)
        await nodes.delete(connection, pool)
    except asyncpg.ForeignKeyViolationError:
        return False
    return True
