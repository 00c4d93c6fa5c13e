"""Images: the catalogue that app versions refer to."""

from collections.abc import Sequence

import asyncpg

from broker.protocol.ids import NodeId
from broker.protocol.images import Image
from broker.storage import blocks, nodes
from broker.storage.database import Connection

SQL = blocks.load("images")
ALL = 2**31 - 1


async def create(
    connection: Connection, node: NodeId, path: str, digest: str, categories: Sequence[str]
) -> None:
    """Makes an image of a node."""
    await connection.execute(SQL.create, node, path, digest, categories)


async def change(
    connection: Connection, image: NodeId, path: str, digest: str, categories: Sequence[str]
) -> None:
    """Replaces what managers set."""
    await connection.execute(SQL.change, image, path, digest, categories)


async def find(connection: Connection, image: NodeId) -> Image | None:
    """One image."""
    found = await page(connection, [image], before=ALL, rows_max=1)
    return found[0] if found else None


async def page(
    connection: Connection,
    among: Sequence[NodeId] | None,
    *,
    before: int,
    rows_max: int,
    category: str | None = None,
) -> list[Image]:
    """Images, newest first; all for None, else only some."""
    rows = await connection.fetch(SQL.rows, among, before, rows_max, category)
    return [Image.model_validate(dict(row)) for row in rows]


async def versions(connection: Connection, image: NodeId) -> int:
    """How many app versions refer to an image."""
    return int(await connection.fetchval(SQL.versions, image))


async def delete(connection: Connection, image: NodeId) -> bool:
    """Removes an image that no version refers to; False when something does by now."""
    try:
        await connection.execute(SQL.delete, image)
        await nodes.delete(connection, image)
    except asyncpg.ForeignKeyViolationError:
        return False
    return True
