"""What lies in projects: folders and files; and what all nodes have: names, places, the trash."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from broker.cli.options import LIMIT_DEFAULT, SHARING, Limit, OfNode
from broker.cli.render import Column, print_document, print_done, print_list
from broker.cli.session import Session, command

if TYPE_CHECKING:
    from broker.protocol.nodes import Node

folders = typer.Typer(help="Folders: create, list.", no_args_is_help=True)
files = typer.Typer(help="Files in projects: put, get, list.", no_args_is_help=True)
nodes = typer.Typer(
    help="Any node: list, show, rename, move, trash, untrash, purge, trashed.",
    no_args_is_help=True,
)

OfParent = Annotated[
    str, typer.Argument(metavar="PARENT", help="Project, or id of a folder or workspace.")
]
Name = Annotated[str, typer.Argument(metavar="NAME", help="Unique beside others of its kind.")]
Kind = Annotated[str | None, typer.Option(help="Only of this kind, e.g. folder, file, table.")]


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.add_typer(folders, name="folders", rich_help_panel=SHARING)
    app.add_typer(files, name="files", rich_help_panel=SHARING)
    app.add_typer(nodes, name="nodes", rich_help_panel=SHARING)


def node_columns() -> "list[Column[Node]]":
    """The columns of a list of nodes."""
    return [
        Column("id", lambda n: n.id),
        Column("kind", lambda n: n.kind, spare=1),
        Column("name", lambda n: n.name),
        Column("bytes", lambda n: n.size_bytes, right=True, spare=2),
        Column("by", lambda n: n.created_by_name, spare=3),
        Column("governed by", lambda n: n.benefactor_id),
        Column("created", lambda n: n.created_at, spare=4),
    ]


def _list(session: Session, node: str, kind: str | None, limit: int) -> None:
    with session.client() as client:
        items = client.children(node, kind=kind, limit=limit or None)
        print_list(items, node_columns(), json=session.json, empty="nothing")


# -- folders and files --------------------------------------------------------------------------


@command(folders, "create")
def create_folder(session: Session, parent: OfParent, name: Name) -> None:
    """Create a folder."""
    with session.client() as client:
        _print(session, client.create_folder(parent, name))


@command(folders, "list")
def list_folders(session: Session, parent: OfParent, limit: Limit = LIMIT_DEFAULT) -> None:
    """List the folders in a project or folder, newest first."""
    _list(session, parent, "folder", limit)


@command(files, "put")
def put(
    session: Session,
    parent: OfParent,
    path: Annotated[Path, typer.Argument(metavar="PATH", help="The file to upload.")],
    name: Annotated[str | None, typer.Option(help="Its name there; else the name it has.")] = None,
) -> None:
    """Upload a file into a project or folder."""
    with session.client() as client:
        _print(session, client.put_file(parent, path, name=name))


@command(files, "get")
def get(
    session: Session,
    file: Annotated[str, typer.Argument(metavar="FILE", help="Id of the file.")],
    target: Annotated[
        Path, typer.Argument(metavar="TARGET", help="A directory, or the path it will have.")
    ] = Path("."),
) -> None:
    """Download a file."""
    with session.client() as client:
        path = client.download_file(file, target)
    print_done(str(path), json=session.json)


@command(files, "list")
def list_files(session: Session, parent: OfParent, limit: Limit = LIMIT_DEFAULT) -> None:
    """List the files in a project or folder, newest first."""
    _list(session, parent, "file", limit)


# -- any node -----------------------------------------------------------------------------------


@command(nodes, "list")
def list_nodes(
    session: Session, node: OfNode, kind: Kind = None, limit: Limit = LIMIT_DEFAULT
) -> None:
    """List what lies in a node, newest first; for batches see `fairlead batches`."""
    _list(session, node, kind, limit)


@command(nodes, "show")
def show(session: Session, node: OfNode) -> None:
    """Show a node or a batch, and what governs it."""
    with session.client() as client:
        _print(session, client.node(node))


@command(nodes, "rename")
def rename(session: Session, node: OfNode, name: Name) -> None:
    """Give a folder, file or table another name."""
    with session.client() as client:
        _print(session, client.rename_node(node, name))


@command(nodes, "move")
def move(session: Session, node: OfNode, parent: OfParent) -> None:
    """Move a node with everything below it, or a batch, to another place."""
    with session.client() as client:
        _print(session, client.move_node(node, parent))


@command(nodes, "trash")
def trash(session: Session, node: OfNode) -> None:
    """Put a node with everything below it into the trash, where nobody sees it."""
    with session.client() as client:
        trashed = client.trash_node(node)
    print_done(f"{trashed.id} is in the trash", json=session.json)


@command(nodes, "untrash")
def untrash(session: Session, node: OfNode) -> None:
    """Take a node out of the trash, with what went there with it."""
    with session.client() as client:
        client.untrash_node(node)
    print_done(f"{node} is back", json=session.json)


@command(nodes, "purge")
def purge(
    session: Session,
    node: OfNode,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Remove what lies in the trash, with everything below it, for good."""
    if not yes:
        typer.confirm(f"Remove {node} and everything below it for good?", abort=True)
    with session.client() as client:
        client.purge_node(node)
    print_done(f"{node} is gone", json=session.json)


@command(nodes, "trashed")
def trashed(
    session: Session,
    project: Annotated[str | None, typer.Option(help="Only of this project.")] = None,
    limit: Limit = LIMIT_DEFAULT,
) -> None:
    """List what lies in the trash and you may purge, newest first."""
    columns: list[Column[Node]] = [
        *node_columns(),
        Column("trashed", lambda n: n.trashed_at),
    ]
    with session.client() as client:
        items = client.trash(project=project, limit=limit or None)
        print_list(items, columns, json=session.json, empty="the trash is empty")


def _print(session: Session, node: "Node") -> None:
    rows = [
        ("id", node.id),
        ("name", node.name),
        ("lies in", node.parent),
        ("project", node.project),
        ("governed by", node.benefactor_id),
        ("bytes", node.size_bytes),
        ("created by", node.created_by_name),
        ("created", node.created_at),
    ]
    print_document(node, rows, json=session.json)
