"""Accounts: created and administered by holders of `admin_all_apps`, seen by all."""

from broker.domain.access import Resource
from broker.errors import NameTaken, NotFound
from broker.protocol.accounts import Account, AccountRequest
from broker.protocol.ids import AccountId, parse
from broker.services.identity import Actor
from broker.storage import accounts
from broker.storage.database import Connection


async def create(connection: Connection, actor: Actor, request: AccountRequest) -> Account:
    """A new account with no privileges and a quota of 1.

    Raises:
        Forbidden: the caller does not administer accounts.
        NameTaken: the handle is in use.
    """
    actor.require()
    account = await accounts.create(connection, request.name, request.title, request.email)
    if account is None:
        raise NameTaken(f"the name {request.name!r} is taken")
    return account


async def find(connection: Connection, reference: str) -> Account:
    """An account by handle or by id; the caller authorises.

    Raises:
        NotFound: there is none.
    """
    is_id = reference.startswith("account_")
    account_id = AccountId(parse("account", reference, "{account}")) if is_id else None
    account = await accounts.find(connection, None if is_id else reference, account_id)
    if account is None:
        raise NotFound(f"there is no account {reference!r}", ids=(reference,))
    return account


async def show(connection: Connection, actor: Actor, reference: str) -> Account:
    """An account; its email address only for itself and admins.

    Raises:
        NotFound: there is none.
    """
    account = await find(connection, reference)
    actor.require(Resource(account_id=account.id))
    own = account.id == actor.principal.account_id or actor.sees_all
    return account if own else account.model_copy(update={"email": None})
