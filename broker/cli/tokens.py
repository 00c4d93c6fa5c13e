"""Tokens of accounts."""

from typing import TYPE_CHECKING, Annotated

import typer

from broker.cli.accounts import resolved
from broker.cli.names import identify
from broker.cli.options import ADMINS, LIMIT_DEFAULT, Limit
from broker.cli.render import Column, note, print_done, print_line, print_list
from broker.cli.session import Session, command, default
from broker.protocol.scopes import TokenScope

if TYPE_CHECKING:
    from datetime import datetime

    from broker.protocol.tokens import Token, TokenSecret

tokens = typer.Typer(help="Tokens of an account, your own unless you say otherwise.")

Whose = Annotated[str, typer.Option("--account", help="Handle or id; me for yourself.")]
OfToken = Annotated[str, typer.Argument(metavar="TOKEN", help="Its id, token_4 or 4.")]
Days = Annotated[float | None, typer.Option(min=0, help="How long it works.")]


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.add_typer(tokens, name="tokens", rich_help_panel=ADMINS)


@default(tokens)
@command(tokens, "list")
def list_tokens(session: Session, account: Whose = "me", limit: Limit = LIMIT_DEFAULT) -> None:
    """List the tokens of an account, without their secrets."""
    from broker.protocol.ids import show

    columns: list[Column[Token]] = [
        Column("id", lambda t: show("token", t.id)),
        Column("name", lambda t: t.name),
        Column("scopes", lambda t: ",".join(t.scopes)),
        Column("made by", lambda t: t.created_by and show("account", t.created_by), spare=1),
        Column("created", lambda t: t.created_at, spare=2),
        Column("expires", lambda t: t.expires_at),
        Column("revoked", lambda t: t.revoked_at),
    ]
    with session.client() as client:
        items = client.tokens(resolved(client, account), limit=limit or None)
        print_list(items, columns, json=session.json, empty="no tokens")


@command(tokens, "create")
def create(
    session: Session,
    name: Annotated[str, typer.Argument(help="What it is for.")] = "",
    account: Whose = "me",
    days: Days = None,
    scope: Annotated[
        list[TokenScope] | None,
        typer.Option(help="What it may be used for; give it several times for more."),
    ] = None,
) -> None:
    """Make a token and print it, this once."""
    from broker.client.submissions import checked
    from broker.protocol.tokens import TokenRequest

    fields = {"name": name, "expires_at": _after(days), "scopes": scope or None}
    with session.client() as client:
        request = checked(TokenRequest, fields)
        _print(session, client.create_token(resolved(client, account), request))


@command(tokens, "rotate")
def rotate(
    session: Session,
    id: OfToken,
    account: Whose = "me",
    overlap: Annotated[
        float, typer.Option(min=0, help="Seconds for which the old one works on.")
    ] = 0,
    days: Days = None,
) -> None:
    """Make a token in the place of another and print it, this once."""
    from broker.client.submissions import checked
    from broker.protocol.tokens import RotationRequest

    _, old = identify(id, "token")
    fields = {"overlap_seconds": overlap, "expires_at": _after(days)}
    with session.client() as client:
        request = checked(RotationRequest, fields)
        _print(session, client.rotate_token(resolved(client, account), old, request))


@command(tokens, "revoke")
def revoke(session: Session, id: OfToken, account: Whose = "me") -> None:
    """Make a token stop working."""
    _, name = identify(id, "token")
    with session.client() as client:
        client.revoke_token(resolved(client, account), name)
    print_done(f"{name} is revoked", json=session.json)


def _after(days: float | None) -> "datetime | None":
    from datetime import UTC, datetime, timedelta

    return None if days is None else datetime.now(UTC) + timedelta(days=days)


def _print(session: Session, secret: "TokenSecret") -> None:
    if session.json:
        print_line(secret.model_dump_json())
    else:
        print_line(secret.token)
        note("Keep it: it is not shown again.")
