"""Accounts: who there is."""

from collections.abc import Sequence

from broker.protocol.accounts import Account
from broker.protocol.ids import AccountId, HostId
from broker.protocol.states import AccountState
from broker.storage import blocks
from broker.storage.database import LONG_STATEMENT_SECONDS_MAX, Connection

SQL = blocks.load("accounts")


async def create(
    connection: Connection, name: str, title: str, email: str | None
) -> Account | None:
    """A new account, or None when the name is taken."""
    row = await connection.fetchrow(SQL.create, name, title, email)
    return Account.model_validate(dict(row)) if row else None


async def find(
    connection: Connection, name: str | None, account_id: AccountId | None
) -> Account | None:
    """An account by name or by id."""
    row = await connection.fetchrow(SQL.find, name, account_id)
    return Account.model_validate(dict(row)) if row else None


async def names(connection: Connection, accounts: Sequence[AccountId]) -> dict[AccountId, str]:
    """Handles of accounts."""
    rows = await connection.fetch(SQL.names, accounts)
    return {AccountId(row[0]): row[1] for row in rows}


async def page(connection: Connection, *, before: int, rows_max: int) -> list[Account]:
    """Accounts, newest first."""
    rows = await connection.fetch(SQL.page, before, rows_max)
    return [Account.model_validate(dict(row)) for row in rows]


async def set_state(connection: Connection, account: AccountId, state: AccountState) -> Account:
    """The account in its new state."""
    row = await connection.fetchrow(SQL.set_state, account, state)
    assert row is not None, "accounts are never removed"
    return Account.model_validate(dict(row))


async def other_admins(connection: Connection, account: AccountId) -> int:
    """Active accounts with admin_all_apps besides this one; holds still until the transaction
    ends."""
    await connection.execute(SQL.lock_admins)
    return int(await connection.fetchval(SQL.other_admins, account))


async def strip(connection: Connection, account: AccountId) -> None:
    """Takes the account's tokens, unused enrolments and privileges away."""
    await connection.execute(SQL.strip, account)


async def end_work(connection: Connection, account: AccountId | None) -> set[HostId]:
    """Cancels the open jobs of a deleted account, or of all of them.

    Returns:
        The hosts that must be told to stop jobs.
    """
    rows = await connection.fetch(SQL.end_work, account, timeout=LONG_STATEMENT_SECONDS_MAX)
    return {HostId(row[0]) for row in rows}
