"""Execution accounts: as which uid and gid jobs run on hosts."""

from typing import TYPE_CHECKING, Annotated

import typer

from broker.cli.accounts import resolved
from broker.cli.options import ADMINS
from broker.cli.render import print_document, print_done
from broker.cli.session import Session, command

if TYPE_CHECKING:
    from broker.client import Client
    from broker.client.transport import Ref

unix = typer.Typer(help="The uid and gid of jobs, per team or account.", no_args_is_help=True)

Holder = Annotated[str, typer.Argument(help="An account, or a team as team:NAME or team_5.")]


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.add_typer(unix, name="unix", rich_help_panel=ADMINS)


def _named(client: "Client", holder: str) -> dict[str, "Ref"]:
    if holder.startswith(("team:", "team_")):
        return {"team": holder.removeprefix("team:")}
    return {"account": resolved(client, holder)}


@command(unix, "show")
def show(session: Session, holder: Holder = "me") -> None:
    """Show as whom jobs run, data roots apart."""
    with session.client() as client:
        found = client.unix(**_named(client, holder))
    ids = found.runs_as
    rows = [
        ("uid", ids.uid if ids else None),
        ("gid", ids.gid if ids else None),
        ("shared", ids.shared if ids else None),
        ("why", found.why),
    ]
    print_document(found, rows, json=session.json)


@command(unix, "set")
def put(
    session: Session,
    holder: Holder,
    uid: Annotated[int, typer.Option(min=1)],
    gid: Annotated[int, typer.Option(min=1)],
    shared: Annotated[bool, typer.Option("--shared", help="Others may have the uid, too.")] = False,
) -> None:
    """Set the uid and gid of an account's jobs, or of those of a team's members."""
    from broker.client.submissions import checked
    from broker.protocol.unix_accounts import UnixRequest

    request = checked(UnixRequest, {"uid": uid, "gid": gid, "shared": shared})
    with session.client() as client:
        client.set_unix(request, **_named(client, holder))
    print_done(f"jobs of {holder} run as {uid}:{gid}", json=session.json)


@command(unix, "remove")
def remove(session: Session, holder: Holder) -> None:
    """Take the uid and gid away; the host's default counts then."""
    with session.client() as client:
        client.remove_unix(**_named(client, holder))
    print_done(f"nothing is set for {holder}", json=session.json)
