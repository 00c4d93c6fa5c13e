"""Projects and workspaces: what is special to them beyond their nodes."""

from collections.abc import Sequence

from broker.protocol.ids import NodeId
from broker.protocol.nodes import Kind
from broker.protocol.projects import Project
from broker.storage import blocks
from broker.storage.database import Connection
from broker.storage.nodes import view_fields

SQL = blocks.load("projects")


async def create(connection: Connection, node: NodeId, title: str, description: str) -> None:
    """Makes a node a project."""
    await connection.execute(SQL.create, node, title, description)


async def views(connection: Connection, nodes: Sequence[int]) -> list[Project]:
    """Projects as people see them, newest first."""
    return [Project(**view_fields(dict(row))) for row in await connection.fetch(SQL.views, nodes)]


async def page(
    connection: Connection,
    *,
    before: int,
    rows_max: int,
    among: Sequence[NodeId] | None,
    kind: Kind | None,
) -> list[Project]:
    """Projects and workspaces, newest first; all for None, else only some."""
    rows = await connection.fetch(SQL.page, before, rows_max, among, kind)
    return await views(connection, [row[0] for row in rows])


async def change(connection: Connection, node: NodeId, title: str, description: str) -> None:
    """Replaces title and description."""
    await connection.execute(SQL.change, node, title, description)
