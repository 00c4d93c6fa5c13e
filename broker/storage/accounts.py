"""Accounts with their privileges, quotas and usage."""

from broker.protocol.accounts import Account
from broker.protocol.ids import AccountId
from broker.storage import blocks
from broker.storage.database import Connection

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


async def page(connection: Connection, *, before: int, rows_max: int) -> list[Account]:
    """Accounts, newest first."""
    rows = await connection.fetch(SQL.page, before, rows_max)
    return [Account.model_validate(dict(row)) for row in rows]
