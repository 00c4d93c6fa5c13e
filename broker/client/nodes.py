"""What lies in projects: folders, files, and whatever else is a node; and the trash.

A node is named by its id ("folder_18"), a project also by its handle, and what else has a unique
handle by that behind its kind ("app:ising").
"""

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path

from broker.client.files import FileContent, digest_of, fetch_content
from broker.client.pages import listing
from broker.client.transport import Transport, ref
from broker.errors import InvalidInput
from broker.protocol.base import Page
from broker.protocol.nodes import FolderRequest, MoveRequest, Node, NodeChange
from broker.protocol.project_files import FileRequest


def node_path(node: str, rest: str = "") -> str:
    """The path of a node's routes."""
    return f"/v1/nodes/{ref('node', node)}{rest}"


async def get_node(http: Transport, node: str) -> Node:
    """One node, or a batch, with the node whose access list governs it."""
    return await http.call("GET", node_path(node), Node)


async def list_children(
    http: Transport, node: str, *, kind: str | None = None, limit: int | None = None
) -> AsyncGenerator[Node, None]:
    """What lies in a node and the caller may see, newest first; without batches."""
    path = node_path(node, "/children")
    async for item in listing(http, path, Page[Node], limit=limit, query={"kind": kind}):
        yield item


async def create_folder(http: Transport, parent: str, name: str) -> Node:
    """Create a folder in a project, workspace or folder."""
    request = FolderRequest(parent=parent, name=name)
    return await http.call("POST", "/v1/folders", Node, body=request)


async def rename_node(http: Transport, node: str, name: str) -> Node:
    """Give a folder, file or table another name."""
    return await http.call("PATCH", node_path(node), Node, body=NodeChange(name=name))


async def move_node(http: Transport, node: str, parent: str) -> Node:
    """Move a node with everything below it, or a batch, to another place."""
    return await http.call("POST", node_path(node, ":move"), Node, body=MoveRequest(parent=parent))


# -- the trash --------------------------------------------------------------------------------


async def trash_node(http: Transport, node: str) -> Node:
    """Put a node with everything below it into the trash, where nobody sees it."""
    return await http.call("POST", node_path(node, ":trash"), Node)


async def untrash_node(http: Transport, node: str) -> Node:
    """Take a node out of the trash, with what went there with it."""
    return await http.call("POST", node_path(node, ":untrash"), Node)


async def purge_node(http: Transport, node: str) -> None:
    """Remove what lies in the trash, with everything below it, for good."""
    await http.act("POST", node_path(node, ":purge"))


async def list_trash(
    http: Transport, *, project: str | None = None, limit: int | None = None
) -> AsyncGenerator[Node, None]:
    """What was put into the trash and the caller may remove for good, newest first."""
    query = {"project": project}
    async for item in listing(http, "/v1/trash", Page[Node], limit=limit, query=query):
        yield item


# -- files ------------------------------------------------------------------------------------


async def put_file(
    http: Transport, parent: str, path: Path | str, *, name: str | None = None
) -> Node:
    """Upload a file into a project, workspace or folder.

    Args:
        name: what it will be called there; null takes the name that it has.

    Raises:
        InvalidInput: the file cannot be read.
        NameTaken: another file there has the name.
    """
    path = Path(path)
    try:
        digest = await asyncio.to_thread(digest_of, path)
    except OSError as error:
        raise InvalidInput(f"cannot read {path}: {error.strerror}") from error
    await http.act("PUT", f"/v1/blobs/{digest}", body=FileContent(path))
    request = FileRequest(parent=parent, name=name or path.name, sha256=digest)
    return await http.call("POST", "/v1/files", Node, body=request)


async def download_file(http: Transport, file: str, target: Path | str) -> Path:
    """Download a file, checked against its digest.

    Args:
        target: a directory, in which it gets its own name, or the path that it will have.

    Raises:
        DigestMismatch: what came is not what was stored.
        InvalidInput: it is no file with content, or its name cannot stand in a directory.
    """
    node, target = await get_node(http, file), Path(target)
    if node.sha256 is None or node.size_bytes is None:
        raise InvalidInput(f"{file} has no content that can be downloaded")
    if target.is_dir():
        if node.name in (".", ".."):
            raise InvalidInput(f"refusing a file named {node.name!r}")
        target = target / node.name  # a label holds no slash
    path = f"/v1/files/{ref('file', node.id)}/content"
    return await fetch_content(http, path, node.sha256, node.size_bytes, target)
