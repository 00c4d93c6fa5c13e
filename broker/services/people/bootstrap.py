"""The first account and host: made straight in the database, for nobody can call the API yet."""

from broker.errors import NameTaken
from broker.services.people import audit
from broker.services.people.bearer_tokens import ACCOUNT_PREFIX, ENROLLMENT_PREFIX, new_secret
from broker.storage import bootstrap
from broker.storage.database import Connection


async def has_admin(connection: Connection) -> bool:
    """Whether an active account holds `admin_all_apps`."""
    return await bootstrap.has_admin(connection)


async def admin_token(connection: Connection, name: str) -> str:
    """A new token of an admin account, which is made when missing.

    Raises:
        NameTaken: the account exists and is no admin.
    """
    account = await bootstrap.make_admin(connection, name)
    if account is None:
        raise NameTaken(f"the account {name!r} exists and is not an admin")
    secret, sha256 = new_secret(ACCOUNT_PREFIX)
    await bootstrap.add_token(connection, account, "first token", sha256)
    await audit.record_admin(connection, account)
    return secret


async def enrollment_token(connection: Connection, name: str, pool: str) -> str:
    """A single-use token with which a host may join within an hour."""
    secret, sha256 = new_secret(ENROLLMENT_PREFIX)
    await bootstrap.add_enrollment(connection, name, pool, sha256)
    return secret
