"""Files of projects that refer to places below data roots."""

from collections.abc import Sequence
from typing import NamedTuple

from broker.protocol.ids import AccountId, NodeId
from broker.protocol.imports import ImportedFile
from broker.storage import blocks, nodes
from broker.storage.database import Connection

SQL = blocks.load("imports")


class Governed(NamedTuple):
    """What governs a file, and who made it."""

    benefactor_id: NodeId
    created_by: AccountId | None


async def create(
    connection: Connection,
    parent: NodeId,
    creator: AccountId,
    root: NodeId,
    places: Sequence[tuple[str, str]],
) -> list[ImportedFile]:
    """New files, in the order given; those whose name a sibling has are left out.

    Args:
        places: (name, path) of each, every name another one.
    """
    names, paths = [name for name, _ in places], [path for _, path in places]
    rows = await connection.fetch(SQL.create, parent, creator, root, names, paths)
    return [ImportedFile.model_validate(dict(row)) for row in rows]


async def page(
    connection: Connection,
    project: NodeId,
    benefactors: Sequence[NodeId] | None,
    *,
    before: int,
    rows_max: int,
) -> list[ImportedFile]:
    """Imported files of a project, newest first; all for None, else what some nodes govern."""
    rows = await connection.fetch(SQL.page, project, before, rows_max, benefactors)
    return [ImportedFile.model_validate(dict(row)) for row in rows]


async def find(connection: Connection, project: NodeId, file: int) -> Governed | None:
    """An imported file of a project, locked until the transaction ends."""
    row = await connection.fetchrow(SQL.find, project, file)
    return Governed(*row) if row else None


async def remove(connection: Connection, file: NodeId) -> None:
    """Forgets an imported file."""
    await connection.execute(SQL.remove, file)
    await nodes.delete(connection, file)
