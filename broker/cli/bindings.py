"""What projects may use: bindings of data roots and pools, and imports."""

from typing import TYPE_CHECKING, Annotated

import typer

from broker.cli.accounts import resolved
from broker.cli.options import ADMINS, LIMIT_DEFAULT, SCIENTISTS, Limit
from broker.cli.render import Column, print_document, print_done, print_list
from broker.cli.session import Session, command

if TYPE_CHECKING:
    from broker.protocol.bindings import Binding
    from broker.protocol.imports import ImportedFile

bindings = typer.Typer(help="Data roots and pools of projects: list, set, remove.")
imports = typer.Typer(help="Data of data roots as files: list, add, remove, switch.")

OfProject = Annotated[str, typer.Argument(metavar="PROJECT", help="Handle or id of the project.")]
Bindable = Annotated[
    str, typer.Argument(metavar="NODE", help="Handle or id of the data root or pool.")
]


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.add_typer(bindings, name="bindings", rich_help_panel=ADMINS)
    app.add_typer(imports, name="imports", rich_help_panel=SCIENTISTS)


@command(bindings, "list")
def list_bindings(session: Session, project: OfProject) -> None:
    """List what a project may use, as far as you may view it."""
    columns: list[Column[Binding]] = [
        Column("id", lambda b: b.id),
        Column("kind", lambda b: b.kind),
        Column("name", lambda b: b.name),
        Column("mode", lambda b: b.mode),
    ]
    with session.client() as client:
        print_list(client.bindings(project), columns, json=session.json, empty="no bindings")


@command(bindings, "set")
def bind(
    session: Session,
    project: OfProject,
    node: Bindable,
    write: Annotated[
        bool, typer.Option("--write", help="Let jobs write to the data root, too.")
    ] = False,
) -> None:
    """Bind a data root or a pool to a project, or change how the project may use it."""
    with session.client() as client:
        made = client.bind(project, node, "write" if write else "read")
    rows = [("id", made.id), ("name", made.name), ("mode", made.mode)]
    print_document(made, rows, json=session.json)


@command(bindings, "remove")
def unbind(session: Session, project: OfProject, node: Bindable) -> None:
    """Take a data root or a pool from a project."""
    with session.client() as client:
        client.unbind(project, node)
    print_done(f"{node} is no longer bound to {project}", json=session.json)


@command(imports, "list")
def list_imports(session: Session, project: OfProject, limit: Limit = LIMIT_DEFAULT) -> None:
    """List the imported files of a project, newest first."""
    from broker.protocol.ids import show

    columns: list[Column[ImportedFile]] = [
        Column("id", lambda f: show("file", f.id)),
        Column("name", lambda f: f.name),
        Column("root", lambda f: show("root", f.root)),
        Column("path", lambda f: f.path),
        Column("imported", lambda f: f.created_at, spare=1),
    ]
    with session.client() as client:
        items = client.imports(project, limit=limit or None)
        print_list(items, columns, json=session.json, empty="no imported files")


@command(imports, "add")
def add(
    session: Session,
    project: OfProject,
    root: Annotated[str, typer.Argument(metavar="ROOT", help="Handle or id of the data root.")],
    paths: Annotated[list[str], typer.Argument(metavar="PATH...", help="Below the root.")],
    folder: Annotated[str | None, typer.Option(help="Id of a folder of the project.")] = None,
) -> None:
    """Register data below a data root as files of a project; nothing is copied."""
    from broker.protocol.ids import show

    with session.client() as client:
        made = client.import_data(project, root, paths, folder=folder)
    rows = [(show("file", file.id), file.path) for file in made.items]
    print_document(made, rows, json=session.json)


@command(imports, "remove")
def remove(
    session: Session,
    project: OfProject,
    file: Annotated[str, typer.Argument(metavar="FILE", help="Id of the file.")],
) -> None:
    """Take an imported file from a project; the data itself stays."""
    with session.client() as client:
        client.forget_import(project, file)
    print_done(f"{file} is removed", json=session.json)


@command(imports, "switch")
def switch(
    session: Session,
    on: Annotated[bool, typer.Argument(metavar="on|off", parser=lambda text: _is_on(text))],
    project: Annotated[str | None, typer.Option(help="Into this project.")] = None,
    account: Annotated[str | None, typer.Option(help="By this account.")] = None,
) -> None:
    """Switch imports on or off; off, only an admin imports. For a root: data-roots set."""
    if (project is None) == (account is None):
        raise typer.BadParameter("give either --project or --account")
    with session.client() as client:
        if project is not None:
            client.switch_project_import(project, enabled=on)
        elif account is not None:
            client.switch_account_import(resolved(client, account), enabled=on)
    print_done(f"imports are {'on' if on else 'off'}", json=session.json)


def _is_on(text: object) -> bool:
    if text not in ("on", "off"):
        raise typer.BadParameter(f"expected on or off, got {text!r}")
    return text == "on"
