"""Data roots: where they lie on the hosts, and under which ids."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import asyncpg

from broker.protocol.data_roots import DataRoot
from broker.protocol.ids import NodeId
from broker.storage import blocks, nodes
from broker.storage.database import Connection

SQL = blocks.load("data_roots")
ALL = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Settings:
    """What managers set of a data root."""

    title: str
    path: str
    uid: int
    gid: int
    public: bool
    import_enabled: bool


class Place(NamedTuple):
    """Where a data root lies."""

    id: NodeId
    path: str
    uid: int
    gid: int


class Uses(NamedTuple):
    """How often a data root is used."""

    bindings: int
    files: int
    batches: int  # that have not ended


async def lock(connection: Connection) -> None:
    """Keeps all data roots as they are until the transaction ends."""
    await connection.execute(SQL.lock)


async def places(connection: Connection) -> list[Place]:
    """Where all data roots lie."""
    return [Place(*row) for row in await connection.fetch(SQL.places)]


async def create(connection: Connection, node: NodeId, settings: Settings) -> None:
    """Makes a data root of a node."""
    await connection.execute(SQL.create, node, *_values(settings))


async def change(connection: Connection, root: NodeId, settings: Settings) -> None:
    """Replaces what managers set."""
    await connection.execute(SQL.change, root, *_values(settings))


async def find(connection: Connection, root: NodeId) -> DataRoot | None:
    """One data root."""
    found = await page(connection, [root], before=ALL, rows_max=1)
    return found[0] if found else None


async def page(
    connection: Connection, among: Sequence[NodeId] | None, *, before: int, rows_max: int
) -> list[DataRoot]:
    """Data roots, newest first; all for None, else only some."""
    rows = await connection.fetch(SQL.rows, among, before, rows_max)
    return [DataRoot.model_validate(dict(row)) for row in rows]


async def uses(connection: Connection, root: NodeId) -> Uses:
    """What keeps a data root from being deleted."""
    (row,) = await connection.fetch(SQL.uses, root)
    return Uses(*row)


async def delete(connection: Connection, root: NodeId) -> bool:
    """Removes a data root that nothing refers to; False when something does by now."""
    try:
        await connection.execute(SQL.delete, root)
        await nodes.delete(connection, root)
    except asyncpg.ForeignKeyViolationError:
        return False
    return True


def _values(settings: Settings) -> tuple[str, str, int, int, bool, bool]:
    return (
        settings.title,
        settings.path,
        settings.uid,
        settings.gid,
        settings.public,
        settings.import_enabled,
    )
