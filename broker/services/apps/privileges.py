"""Privileges: the global ones given by admins, those on an app also by the app's admins."""

from broker.domain.access import compound, covers, mask, rights
from broker.errors import Conflict, Forbidden
from broker.protocol.accounts import AppGrant, AppPrivileges, Privileges
from broker.protocol.apps import App
from broker.protocol.ids import NodeId, PrincipalId, show
from broker.protocol.nodes import Role
from broker.services.apps import apps
from broker.services.people import accounts
from broker.services.requests.actor import Actor
from broker.storage import privileges
from broker.storage.database import Connection


async def view(connection: Connection, actor: Actor, reference: str) -> Privileges:
    """The global privileges of an account, for itself and admins."""
    account = await accounts.authorised(connection, actor, reference)
    return await privileges.of_account(connection, account.id)


async def grant(
    connection: Connection, actor: Actor, reference: str, wanted: Privileges
) -> Privileges:
    """Replaces the global privileges of an account (B8, B16).

    Raises:
        Conflict: the account was deleted, or is the last active admin and would cease to be one.
        Forbidden: the caller's token is for less than what is given.
    """
    account = await accounts.existing(connection, actor, reference)
    _within_token(actor, wanted)
    if not wanted.admin_all_apps:
        await accounts.keep_an_admin(connection, account.id)
    await privileges.set_global(connection, account.id, wanted)
    return wanted


def _within_token(actor: Actor, wanted: Privileges) -> None:
    held = rights(actor.principal, actor.world.deployment())
    for given, role in (
        (wanted.submit_all_apps, Role.SUBMIT_ALL),
        (wanted.admin_all_apps, Role.MANAGER),
    ):
        if given and not covers(held, role):
            raise Forbidden(f"{role} contains rights that your token is not for")


async def page_of_app(
    connection: Connection, actor: Actor, app_reference: str, *, before: int, rows_max: int
) -> list[AppGrant]:
    """Who holds what on an app, newest account first."""
    app = await apps.authorised(connection, actor, app_reference)
    return await privileges.page_of_app(connection, app.id, before=before, rows_max=rows_max)


async def grant_on_app(
    connection: Connection,
    actor: Actor,
    app_reference: str,
    account_reference: str,
    wanted: AppPrivileges,
) -> AppGrant:
    """Replaces the privileges of an account on an app (B13); none at all revokes them.

    Raises:
        Conflict: the account was deleted, or the app has no access list of its own.
        Forbidden: more than the caller holds on the app.
    """
    app = await apps.authorised(connection, actor, app_reference)
    account = await accounts.undeleted(connection, account_reference)
    _check_grant(actor, app, PrincipalId(account.id), wanted)
    await privileges.set_on_app(connection, account.id, app.id, wanted)
    return AppGrant(
        account=account.id,
        account_name=account.name,
        app=app.id,
        app_name=app.handle,
        submit=wanted.submit,
        admin=wanted.admin,
    )


def _check_grant(actor: Actor, app: App, to: PrincipalId, wanted: AppPrivileges) -> None:
    """The subset rule, for what the account does not hold yet.

    Raises:
        Conflict, Forbidden: as `grant_on_app`.
    """
    node, world = NodeId(app.id), actor.world
    if world.nodes[node].benefactor_id != node:
        raise Conflict(
            f"{app.handle} inherits its access list; give it one of its own first (:override)",
            ids=(show("app", app.id),),
        )
    held = world.acl_of(node).get(to, 0)
    for role, given in ((Role.SUBMITTER, wanted.submit), (Role.APP_ADMIN, wanted.admin)):
        if not given or held & mask([role]):
            continue
        if refusals := compound.grant(actor.principal, world.node(node), role, to):
            raise Forbidden(refusals[0].rule, ids=(show("app", app.id),))
