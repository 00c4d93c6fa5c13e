"""Who may do what: privileges on one app, or on all."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from broker.cli.accounts import resolved
from broker.cli.options import ADMINS, OfAccount
from broker.cli.render import Column, print_document, print_done, print_list
from broker.cli.session import Session, command

if TYPE_CHECKING:
    from broker.client import Client
    from broker.client.transport import Ref
    from broker.protocol.accounts import AppGrant, AppPrivileges


class Privilege(StrEnum):
    """What can be granted on one app, or on all."""

    SUBMIT = "submit"
    ADMIN = "admin"


What = Annotated[Privilege, typer.Argument(metavar="submit|admin", help="The privilege.")]
OnApp = Annotated[str | None, typer.Option("--app", help="On this app.")]
OnAllApps = Annotated[bool, typer.Option("--all-apps", help="On every app, also later ones.")]


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    for each in (grant, revoke, privileges):
        command(app, rich_help_panel=ADMINS)(each)


def grant(
    session: Session,
    account: OfAccount,
    privilege: What,
    app: OnApp = None,
    all_apps: OnAllApps = False,
) -> None:
    """Give an account a privilege on one app, or on all apps."""
    _set(session, account, privilege, app, all_apps, held=True)


def revoke(
    session: Session,
    account: OfAccount,
    privilege: What,
    app: OnApp = None,
    all_apps: OnAllApps = False,
) -> None:
    """Take a privilege away from an account; the others stay."""
    _set(session, account, privilege, app, all_apps, held=False)


def _set(
    session: Session,
    account: str,
    privilege: Privilege,
    app: str | None,
    all_apps: bool,
    *,
    held: bool,
) -> None:
    if (app is None) != all_apps:
        raise typer.BadParameter("give either --app APP or --all-apps")
    with session.client() as client:
        who = resolved(client, account)
        if app is None:
            now = client.privileges(who)
            client.set_privileges(who, now.model_copy(update={f"{privilege.value}_all_apps": held}))
        else:
            _set_on_app(client, app, who, privilege, held=held)
    verb = "granted to" if held else "revoked from"
    where = "all apps" if app is None else app
    print_done(f"{privilege.value} on {where} {verb} {account}", json=session.json)


def _set_on_app(
    client: "Client", app: str, account: "Ref", privilege: Privilege, *, held: bool
) -> None:
    """Change one privilege and keep the other: the route replaces both."""
    number = client.account(account).id
    now = _held_on(client, app, number)
    then = now.model_copy(update={privilege.value: held})
    if then.submit or then.admin:
        client.set_app_privileges(app, number, then)
    elif now != then:
        client.revoke_app_privileges(app, number)


def _held_on(client: "Client", app: str, account: int) -> "AppPrivileges":
    from broker.protocol.accounts import AppPrivileges

    for grant in client.app_privileges(app):
        if grant.account == account:
            return AppPrivileges(submit=grant.submit, admin=grant.admin)
    return AppPrivileges()


def privileges(session: Session, account: OfAccount = "me", app: OnApp = None) -> None:
    """Show the privileges of an account on all apps, or with --app of everyone on that app."""
    with session.client() as client:
        if app is None:
            held = client.privileges(resolved(client, account))
            rows = [("submit to all apps", held.submit_all_apps)]
            rows += [("admin of all apps", held.admin_all_apps)]
            print_document(held, rows, json=session.json)
            return
        columns: list[Column[AppGrant]] = [
            Column("account", lambda g: g.account_name),
            Column("app", lambda g: g.app_name),
            Column("submit", lambda g: g.submit),
            Column("admin", lambda g: g.admin),
        ]
        print_list(client.app_privileges(app), columns, json=session.json, empty="nobody")
