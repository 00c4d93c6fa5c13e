"""Accounts: created and administered by holders of `admin_all_apps`, seen by all."""

from broker.domain.access import Action
from broker.errors import Conflict, NameTaken
from broker.protocol.accounts import Account, AccountRequest
from broker.protocol.ids import AccountId, show
from broker.protocol.states import AccountState
from broker.services.requests.actor import Actor
from broker.services.requests.references import absent, resolve
from broker.storage import accounts, privileges
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
        InvalidInput: an id of another kind.
        NotFound: there is none.
    """
    name, number = resolve("account", reference, "{account}")
    found = await accounts.find(connection, name, None if number is None else AccountId(number))
    if found is None:
        raise absent("account", reference)
    return found


async def authorised(connection: Connection, actor: Actor, reference: str) -> Account:
    """The account, once the policy allows the route's action on it.

    Raises:
        NotFound: there is none.
        Forbidden: the caller may not do this to it.
    """
    account = await find(connection, reference)
    actor.require(actor.world.account(account.id), ids=(show("account", account.id),))
    return account


async def existing(connection: Connection, actor: Actor, reference: str) -> Account:
    """As `authorised`, for changes that make no sense after the account was deleted.

    Raises:
        Conflict: the account was deleted.
    """
    return _undeleted(await authorised(connection, actor, reference))


async def undeleted(connection: Connection, reference: str) -> Account:
    """As `find`, but never a deleted account.

    Raises:
        Conflict: the account was deleted.
    """
    return _undeleted(await find(connection, reference))


async def show_one(connection: Connection, actor: Actor, reference: str) -> Account:
    """An account; its email address only for itself and admins."""
    return _as_seen(await authorised(connection, actor, reference), actor)


async def page(
    connection: Connection, actor: Actor, *, before: int, rows_max: int
) -> list[Account]:
    """Accounts, newest first."""
    actor.require()
    found = await accounts.page(connection, before=before, rows_max=rows_max)
    return [_as_seen(account, actor) for account in found]


async def suspend(connection: Connection, actor: Actor, reference: str) -> Account:
    """Tokens stop working; queued jobs stay, and wait until the account is resumed.

    Raises:
        Conflict: it was deleted, or is the last active admin.
    """
    account = await existing(connection, actor, reference)
    await keep_an_admin(connection, account.id)
    return await accounts.set_state(connection, account.id, AccountState.SUSPENDED)


async def resume(connection: Connection, actor: Actor, reference: str) -> Account:
    """Undoes a suspension.

    Raises:
        Conflict: it was deleted.
    """
    account = await existing(connection, actor, reference)
    return await accounts.set_state(connection, account.id, AccountState.ACTIVE)


async def keep_an_admin(connection: Connection, account: AccountId) -> None:
    """Refuses to take the last active holder of `admin_all_apps` away.

    Raises:
        Conflict: nobody else could undo it.
    """
    own = await privileges.of_account(connection, account)
    if not await accounts.other_admins(connection, account) and own.admin_all_apps:
        raise Conflict("this is the last active account with admin_all_apps")


def _undeleted(account: Account) -> Account:
    if account.state is AccountState.DELETED:
        raise Conflict(f"the account {account.name} was deleted")
    return account


def _as_seen(account: Account, actor: Actor) -> Account:
    own = account.id == actor.principal.account_id
    told = own or actor.could(Action.ACCOUNT_ADMINISTER)
    return account if told else account.model_copy(update={"email": None})
