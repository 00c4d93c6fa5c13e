"""Accounts."""

from typing import TYPE_CHECKING, Annotated

import typer

from broker.cli.options import ADMINS, LIMIT_DEFAULT, Limit, OfAccount
from broker.cli.render import Column, note, print_document, print_done, print_list
from broker.cli.session import Session, command, default

if TYPE_CHECKING:
    from broker.client import Client
    from broker.client.transport import Ref
    from broker.protocol.accounts import Account
    from broker.protocol.departures import Departure

accounts = typer.Typer(help="Accounts: list, show, create, suspend, resume, delete.")


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.add_typer(accounts, name="accounts", rich_help_panel=ADMINS)


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


@command(accounts, "impact")
def impact(session: Session, account: OfAccount) -> None:
    """Say what deleting an account would do; nothing is changed."""
    with session.client() as client:
        _print_departure(session, client.preview_departure(account))


@command(accounts, "delete")
def delete(
    session: Session,
    account: OfAccount,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Delete an account: see `impact` first. Its history stays."""
    if not yes:
        typer.confirm(f"Delete the account {account} for good?", abort=True, err=True)
    with session.client() as client:
        _print_departure(session, client.delete_account(account))


def _print_departure(session: Session, departure: "Departure") -> None:
    rows = [
        ("account", departure.account.name),
        ("state", departure.account.state),
        ("tokens revoked", departure.tokens),
        ("hosts shut out", departure.hosts),
        ("teams left", departure.teams),
        ("access entries dropped", departure.access_entries),
        ("queued jobs cancelled", departure.jobs_queued),
        ("active jobs stopped", departure.jobs_active),
        ("personal batches removed", departure.batches_removed),
        ("batches kept", departure.batches_kept),
        ("left alone", " ".join(each.id for each in departure.left_alone)),
    ]
    print_document(departure, rows, json=session.json)
    for warning in departure.warnings:
        note(f"warning: {warning}")
