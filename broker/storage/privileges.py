"""BOINC's privileges: the flags of user_submit, and entries of the access lists of apps."""

from broker.protocol.accounts import AppGrant, AppPrivileges, Privileges
from broker.protocol.ids import AccountId, AppId
from broker.storage import blocks
from broker.storage.database import Connection

SQL = blocks.load("privileges")


async def of_account(connection: Connection, account: AccountId) -> Privileges:
    """The global privileges of an account."""
    row = await connection.fetchrow(SQL.of_account, account)
    assert row is not None, "every account has its row of user_submit"
    return Privileges.model_validate(dict(row))


async def set_global(connection: Connection, account: AccountId, privileges: Privileges) -> None:
    """Replaces the global privileges of an account."""
    await connection.execute(
        SQL.set, account, privileges.submit_all_apps, privileges.admin_all_apps
    )


async def page_of_app(
    connection: Connection, app: AppId, *, before: int, rows_max: int
) -> list[AppGrant]:
    """Who holds what on an app, newest account first."""
    rows = await connection.fetch(SQL.page_of_app, app, before, rows_max)
    return [AppGrant.model_validate(dict(row)) for row in rows]


async def set_on_app(
    connection: Connection, account: AccountId, app: AppId, privileges: AppPrivileges
) -> None:
    """Replaces the privileges of an account on an app; none at all leaves no entry."""
    await connection.execute(SQL.set_on_app, account, app, privileges.submit, privileges.admin)
