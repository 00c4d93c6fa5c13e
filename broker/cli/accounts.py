"""Accounts and their tokens."""

from typing import TYPE_CHECKING, Annotated

import typer

from broker.cli.names import identify
from broker.cli.options import ADMINS, LIMIT_DEFAULT, Limit, OfAccount
from broker.cli.render import Column, note, print_document, print_done, print_line, print_list
from broker.cli.session import Session, command, default

if TYPE_CHECKING:
    from broker.client import Client
    from broker.client.transport import Ref
    from broker.protocol.accounts import Account, Token

accounts = typer.Typer(help="Accounts: list, show, create, suspend, resume, delete.")
tokens = typer.Typer(help="Tokens of an account, your own unless you say otherwise.")

Whose = Annotated[str, typer.Option("--account", help="Handle or id; me for yourself.")]


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.add_typer(accounts, name="accounts", rich_help_panel=ADMINS)
    app.add_typer(tokens, name="tokens", rich_help_panel=ADMINS)


def resolved(client: "Client", account: str) -> "Ref":
    """An account as the broker names it: `me` is the caller."""
    return client.me().account.id if account == "me" else account


@default(accounts)
@command(accounts, "list")
def list_accounts(session: Session, limit: Limit = LIMIT_DEFAULT) -> None:
    """List accounts, newest first."""
    from broker.protocol.ids import show

    columns: list[Column[Account]] = [
        Column("id", lambda a: show("account", a.id)),
        Column("name", lambda a: a.name),
        Column("title", lambda a: a.title),
        Column("email", lambda a: a.email),
        Column("state", lambda a: a.state),
        Column("created", lambda a: a.created_at),
    ]
    with session.client() as client:
        print_list(client.accounts(limit=limit or None), columns, json=session.json)


@command(accounts, "show")
def show(session: Session, account: OfAccount = "me") -> None:
    """Show one account."""
    with session.client() as client:
        _print(session, client.account(resolved(client, account)))


@command(accounts, "create")
def create(
    session: Session,
    name: Annotated[str, typer.Argument(help="Unique handle.")],
    title: Annotated[str, typer.Option(help="What people call them.")] = "",
    email: Annotated[str | None, typer.Option(help="Contact address.")] = None,
) -> None:
    """Create an account; then make a token for it."""
    from broker.client.submissions import checked
    from broker.protocol.accounts import AccountRequest

    fields = {"name": name, "title": title, "email": email}
    with session.client() as client:
        _print(session, client.create_account(checked(AccountRequest, fields)))


def _print(session: Session, account: "Account") -> None:
    from broker.protocol.ids import show

    rows = [
        ("id", show("account", account.id)),
        ("name", account.name),
        ("title", account.title),
        ("email", account.email),
        ("state", account.state),
        ("created", account.created_at),
    ]
    print_document(account, rows, json=session.json)


@command(accounts, "suspend")
def suspend(session: Session, account: OfAccount) -> None:
    """Stop an account from submitting, and its jobs from starting."""
    with session.client() as client:
        client.suspend_account(account)
    print_done(f"{account} is suspended", json=session.json)


@command(accounts, "resume")
def resume(session: Session, account: OfAccount) -> None:
    """Undo a suspension."""
    with session.client() as client:
        client.resume_account(account)
    print_done(f"{account} is active", json=session.json)


@command(accounts, "delete")
def delete(
    session: Session,
    account: OfAccount,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Delete an account; its history stays."""
    if not yes:
        typer.confirm(f"Delete the account {account} for good?", abort=True, err=True)
    with session.client() as client:
        client.delete_account(account)
    print_done(f"{account} is deleted", json=session.json)


@default(tokens)
@command(tokens, "list")
def list_tokens(session: Session, account: Whose = "me", limit: Limit = LIMIT_DEFAULT) -> None:
    """List the tokens of an account, without their secrets."""
    from broker.protocol.ids import show

    columns: list[Column[Token]] = [
        Column("id", lambda t: show("token", t.id)),
        Column("name", lambda t: t.name),
        Column("created", lambda t: t.created_at),
        Column("expires", lambda t: t.expires_at),
        Column("revoked", lambda t: t.revoked_at),
    ]
    with session.client() as client:
        items = client.tokens(resolved(client, account), limit=limit or None)
        print_list(items, columns, json=session.json, empty="no tokens")


@command(tokens, "create")
def create_token(
    session: Session,
    name: Annotated[str, typer.Argument(help="What it is for.")] = "",
    account: Whose = "me",
    days: Annotated[float | None, typer.Option(min=0, help="How long it works.")] = None,
) -> None:
    """Make a token and print it, this once."""
    from datetime import UTC, datetime, timedelta

    from broker.client.submissions import checked
    from broker.protocol.accounts import TokenRequest

    expires_at = None if days is None else datetime.now(UTC) + timedelta(days=days)
    request = checked(TokenRequest, {"name": name, "expires_at": expires_at})
    with session.client() as client:
        secret = client.create_token(resolved(client, account), request)
    if session.json:
        print_line(secret.model_dump_json())
    else:
        print_line(secret.token)
        note("Keep it: it is not shown again.")


@command(tokens, "revoke")
def revoke_token(
    session: Session,
    id: Annotated[str, typer.Argument(metavar="TOKEN", help="Its id, token_4 or 4.")],
    account: Whose = "me",
) -> None:
    """Make a token stop working."""
    _, name = identify(id, "token")
    with session.client() as client:
        client.revoke_token(resolved(client, account), name)
    print_done(f"{name} is revoked", json=session.json)
