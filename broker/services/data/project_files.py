"""Files in projects. Their contents are uploads: knowing a digest gives nobody a content."""

from dataclasses import dataclass
from pathlib import Path

from broker.errors import Conflict, InvalidInput
from broker.protocol.ids import NodeId, show
from broker.protocol.nodes import Kind, Node
from broker.protocol.project_files import FileContentRequest, FileRequest
from broker.services.infrastructure.files import Files
from broker.services.projects import nodes as tree
from broker.services.requests.actor import Actor
from broker.storage import project_files
from broker.storage.database import Connection, Database


@dataclass(frozen=True, slots=True)
class Stored:
    """A file's content, and where it is."""

    name: str
    sha256: str
    size_bytes: int
    path: Path


async def create(connection: Connection, actor: Actor, request: FileRequest) -> Node:
    """A new file with content that the caller has uploaded.

    Raises:
        InvalidInput: there is no such parent or upload.
        NameTaken: another file beside it has the name.
    """
    parent = await tree.container(connection, actor, request.parent)
    node = await tree.create(connection, actor, Kind.FILE, parent, request.name)
    await _put(connection, actor, node, request.sha256)
    return await tree.view_of_node(connection, node)


async def replace(
    connection: Connection, actor: Actor, file: int, request: FileContentRequest
) -> Node:
    """Gives a file other content.

    Raises:
        InvalidInput: the caller has not uploaded it.
    """
    item = await tree.held(connection, actor, show("file", file))
    await _put(connection, actor, item.id, request.sha256)
    return await tree.view_of_node(connection, item.id)


async def _put(connection: Connection, actor: Actor, node: NodeId, sha256: str) -> None:
    if not await project_files.put(connection, node, actor.account_id, sha256):
        detail = "you have not uploaded this content (PUT /v1/blobs/{sha256})"
        raise InvalidInput.of("/sha256", detail)


async def find(database: Database, files: Files, actor: Actor, file: int) -> Stored:
    """The content of a file.

    Raises:
        Conflict: its bytes lie below a data root, where only hosts read them.
    """
    async with database.connection() as connection:
        item = await tree.authorised(connection, actor, show("file", file))
        node = await tree.view_of_node(connection, item.id)
    if node.sha256 is None or node.size_bytes is None:
        raise Conflict("its bytes lie below a data root; jobs read them there", ids=(node.id,))
    path = files.content_path(node.sha256)
    return Stored(node.name, node.sha256, node.size_bytes, path)
