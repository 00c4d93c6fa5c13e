"""`fairlead apps`, what editors do: change an app or a draft, look at the history, delete."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from broker.cli.apps import OfIsolation, group, spec_of
from broker.cli.options import LIMIT_DEFAULT, Limit, OfApp
from broker.cli.render import Column, print_document, print_done, print_list
from broker.cli.session import Session, command

if TYPE_CHECKING:
    from broker.protocol.apps import Edit


def add_to(app: typer.Typer) -> None:
    """Nothing to register: the commands belong to the group of `apps`."""


@command(group, "set")
def change(
    session: Session,
    app: OfApp,
    title: Annotated[str | None, typer.Option(help="What people call it.")] = None,
    description: Annotated[str | None, typer.Option(help="What it computes.")] = None,
    isolation: OfIsolation = None,
) -> None:
    """Change an app; what is left out stays, and so does what was submitted."""
    from broker.client.submissions import checked
    from broker.protocol.apps import AppChange

    fields = {"title": title, "description": description, "isolation": isolation}
    given = {name: value for name, value in fields.items() if value is not None}
    if not given:
        raise typer.BadParameter("give at least one change")
    with session.client() as client:
        changed = client.change_app(app, checked(AppChange, given))
    rows = [
        ("name", changed.handle),
        ("title", changed.title),
        ("description", changed.description),
        ("isolation", changed.isolation),
    ]
    print_document(changed, rows, json=session.json)


@command(group, "edit")
def edit(
    session: Session,
    app: OfApp,
    file: Annotated[Path, typer.Argument(help="Version spec, .json or .toml.")],
    version: Annotated[int, typer.Option("--version", min=1, help="Number of the draft.")],
) -> None:
    """Give a draft that nobody has run another spec."""
    from broker.protocol.apps import DraftChange

    with session.client() as client:
        changed = client.change_draft(app, version, DraftChange(spec=spec_of(file)))
    rows = [("app", app), ("version", changed.number), ("state", changed.state)]
    print_document(changed, rows, json=session.json)


@command(group, "history")
def history(session: Session, app: OfApp, limit: Limit = LIMIT_DEFAULT) -> None:
    """List who changed what of an app and its versions, newest first."""
    columns: list[Column[Edit]] = [
        Column("at", lambda e: e.at),
        Column("who", lambda e: e.account_name),
        Column("what", lambda e: e.kind),
        Column("version", lambda e: e.version_number, right=True),
        Column("fields", lambda e: " ".join(change.field for change in e.changes), spare=1),
    ]
    with session.client() as client:
        items = client.app_edits(app, limit=limit or None)
        print_list(items, columns, json=session.json, empty="no edits")


@command(group, "delete")
def delete(session: Session, app: OfApp) -> None:
    """Put an app into the trash: it takes no jobs; what was run with it stays."""
    with session.client() as client:
        client.delete_app(app)
    print_done(f"{app} is in the trash", json=session.json)
