"""The first account and the first enrolment."""

from broker.protocol.ids import AccountId
from broker.storage import blocks
from broker.storage.database import Connection

SQL = blocks.load("bootstrap")


async def has_admin(connection: Connection) -> bool:
    """Whether an active account holds `admin_all_apps`."""
    return bool(await connection.fetchval(SQL.has_admin))


async def make_admin(connection: Connection, name: str) -> AccountId | None:
    """An account with every global privilege; None when the name is another's."""
    account = await connection.fetchval(SQL.make_admin, name)
    return None if account is None else AccountId(account)


async def add_token(connection: Connection, account: AccountId, name: str, sha256: bytes) -> None:
    """Stores a token's hash."""
    await connection.execute(SQL.token, account, name, sha256)


async def add_enrollment(connection: Connection, name: str, pool: str, sha256: bytes) -> None:
    """Stores an enrolment's hash for the oldest admin, good for an hour."""
    await connection.execute(SQL.enrollment, name, pool, sha256)
