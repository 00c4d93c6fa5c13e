"""Pools: list, show, create, set, delete."""

from typing import TYPE_CHECKING, Annotated

import typer

from broker.cli.options import LIMIT_DEFAULT, OWNERS, Limit, Roles, entries_of
from broker.cli.render import Column, print_document, print_done, print_list
from broker.cli.session import Session, command, default

if TYPE_CHECKING:
    from broker.protocol.pools import Pool

pools = typer.Typer(help="Pools of hosts: list, show, create, set, delete.")

OfPool = Annotated[str, typer.Argument(metavar="POOL", help="Handle or id of the pool.")]
Title = Annotated[str | None, typer.Option(help="What people call it.")]
Open = Annotated[
    bool | None,
    typer.Option("--open/--closed", help="To all projects, or to those it is bound to."),
]


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.add_typer(pools, name="pools", rich_help_panel=OWNERS)


@default(pools)
@command(pools, "list")
def list_pools(session: Session, limit: Limit = LIMIT_DEFAULT) -> None:
    """List the registered pools that you may view, newest first."""
    columns: list[Column[Pool]] = [
        Column("name", lambda p: p.name),
        Column("title", lambda p: p.title),
        Column("open", lambda p: p.open),
        Column("hosts", lambda p: p.hosts, right=True),
        Column("created", lambda p: p.created_at, spare=1),
    ]
    with session.client() as client:
        print_list(client.pools(limit=limit or None), columns, json=session.json, empty="no pools")


@command(pools, "show")
def show(session: Session, pool: OfPool) -> None:
    """Show one pool."""
    with session.client() as client:
        _print(session, client.pool(pool))


@command(pools, "create")
def create(
    session: Session,
    name: Annotated[str, typer.Argument(help="Unique handle, which hosts and jobs name.")],
    title: Title = None,
    open: Open = None,
    role: Roles = [],  # noqa: B006 - typer's way to say "none given"
) -> None:
    """Register a pool; a closed one is then bound to projects."""
    from broker.client.submissions import checked
    from broker.protocol.pools import PoolRequest

    entries = {"entries": entries_of(role)} if role else {}
    request = checked(
        PoolRequest, {"name": name, "title": title or "", "open": bool(open), **entries}
    )
    with session.client() as client:
        _print(session, client.create_pool(request))


@command(pools, "set")
def change(session: Session, pool: OfPool, title: Title = None, open: Open = None) -> None:
    """Change a pool, open or close it; what runs there goes on."""
    from broker.client.submissions import checked
    from broker.protocol.pools import PoolChange

    fields = {"title": title, "open": open}
    given = {field: value for field, value in fields.items() if value is not None}
    if not given:
        raise typer.BadParameter("give --title, --open or --closed")
    with session.client() as client:
        _print(session, client.change_pool(pool, checked(PoolChange, given)))


@command(pools, "delete")
def delete(session: Session, pool: OfPool) -> None:
    """Forget a pool that was never used."""
    with session.client() as client:
        client.delete_pool(pool)
    print_done(f"{pool} is deleted", json=session.json)


def _print(session: Session, pool: "Pool") -> None:
    from broker.protocol.ids import show

    rows = [
        ("id", show("pool", pool.id)),
        ("name", pool.name),
        ("title", pool.title),
        ("open", pool.open),
        ("hosts", pool.hosts),
        ("created", pool.created_at),
    ]
    print_document(pool, rows, json=session.json)
