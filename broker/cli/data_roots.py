"""Data roots: list, show, create, set, check, delete."""

from typing import TYPE_CHECKING, Annotated

import typer

from broker.cli.exits import Exit
from broker.cli.options import ADMINS, LIMIT_DEFAULT, Limit, Roles, entries_of
from broker.cli.render import (
    Column,
    note,
    print_document,
    print_done,
    print_line,
    print_list,
)
from broker.cli.session import Session, command, default

if TYPE_CHECKING:
    from broker.protocol.data_roots import DataRoot, ShellDifference

data_roots = typer.Typer(help="Data roots on the hosts: list, show, create, set, check, delete.")

OfRoot = Annotated[str, typer.Argument(metavar="ROOT", help="Handle or id of the data root.")]
Title = Annotated[str | None, typer.Option(help="What people call it.")]
Public = Annotated[
    bool | None, typer.Option("--public/--private", help="Whether it belongs to no lab.")
]
Import = Annotated[
    bool | None, typer.Option("--import/--no-import", help="Whether projects import from it.")
]


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.add_typer(data_roots, name="data-roots", rich_help_panel=ADMINS)


@default(data_roots)
@command(data_roots, "list")
def list_data_roots(session: Session, limit: Limit = LIMIT_DEFAULT) -> None:
    """List the data roots that you may view, newest first."""
    columns: list[Column[DataRoot]] = [
        Column("name", lambda r: r.name),
        Column("title", lambda r: r.title, spare=2),
        Column("path", lambda r: r.path),
        Column("uid", lambda r: r.uid, right=True),
        Column("gid", lambda r: r.gid, right=True),
        Column("public", lambda r: r.public),
        Column("import", lambda r: r.import_enabled, spare=1),
    ]
    with session.client() as client:
        items = client.data_roots(limit=limit or None)
        print_list(items, columns, json=session.json, empty="no data roots")


@command(data_roots, "show")
def show(session: Session, root: OfRoot) -> None:
    """Show one data root."""
    with session.client() as client:
        _print(session, client.data_root(root))


@command(data_roots, "create")
def create(
    session: Session,
    name: Annotated[str, typer.Argument(help="Unique handle: the ROOT of ROOT:PATH.")],
    path: Annotated[str, typer.Argument(help="Absolute path on the hosts.")],
    uid: Annotated[int, typer.Option(help="User id under which jobs use it.")],
    gid: Annotated[int, typer.Option(help="Group id under which jobs use it.")],
    title: Title = None,
    public: Public = None,
    imports: Import = None,
    role: Roles = [],  # noqa: B006 - typer's way to say "none given"
) -> None:
    """Register a directory on the hosts; then bind it to projects."""
    from broker.client.submissions import checked
    from broker.protocol.data_roots import DataRootRequest

    given = _given(title=title, public=public, import_enabled=imports)
    fields = {"name": name, "path": path, "uid": uid, "gid": gid, **given}
    request = checked(DataRootRequest, {**fields, "entries": entries_of(role)})
    with session.client() as client:
        _print(session, client.create_data_root(request))


@command(data_roots, "set")
def change(
    session: Session,
    root: OfRoot,
    path: Annotated[str | None, typer.Option(help="Absolute path on the hosts.")] = None,
    uid: Annotated[int | None, typer.Option(help="User id under which jobs use it.")] = None,
    gid: Annotated[int | None, typer.Option(help="Group id under which jobs use it.")] = None,
    title: Title = None,
    public: Public = None,
    imports: Import = None,
) -> None:
    """Change a data root; what is left out stays."""
    from broker.client.submissions import checked
    from broker.protocol.data_roots import DataRootChange

    given = _given(path=path, uid=uid, gid=gid, title=title, public=public, import_enabled=imports)
    if not given:
        raise typer.BadParameter("give at least one change")
    with session.client() as client:
        _print(session, client.change_data_root(root, checked(DataRootChange, given)))


@command(data_roots, "delete")
def delete(session: Session, root: OfRoot) -> None:
    """Forget a data root to which nothing refers; its files stay."""
    with session.client() as client:
        client.delete_data_root(root)
    print_done(f"{root} is deleted", json=session.json)


@command(data_roots, "check")
def check(
    session: Session,
    root: Annotated[
        str | None, typer.Argument(metavar="[ROOT]", help="Handle or id; all that you may view.")
    ] = None,
) -> None:
    """Say about whom the shell of the hosts and the broker differ; exit code 1 if about anybody."""
    columns: list[Column[ShellDifference]] = [
        Column("who", lambda d: d.name),
        Column("difference", lambda d: d.difference),
        Column("uid:gid", lambda d: ", ".join(d.ids)),
    ]
    with session.client() as client:
        names = [root] if root is not None else [each.name for each in client.data_roots()]
        reports = [client.check_data_root(name) for name in names]
    for report in reports:
        if session.json:
            print_line(report.model_dump_json())
            continue
        note(f"{report.root_name}: {len(report.differences) + report.more} differences")
        print_list(report.differences, columns, json=False, empty="they agree")
    if any(report.differences for report in reports):
        raise typer.Exit(Exit.JOB_FAILED)


def _given(**fields: object) -> dict[str, object]:
    return {name: value for name, value in fields.items() if value is not None}


def _print(session: Session, root: "DataRoot") -> None:
    from broker.protocol.ids import show

    rows = [
        ("id", show("root", root.id)),
        ("name", root.name),
        ("title", root.title),
        ("path", root.path),
        ("uid", root.uid),
        ("gid", root.gid),
        ("public", root.public),
        ("import", root.import_enabled),
        ("created", root.created_at),
    ]
    print_document(root, rows, json=session.json)
