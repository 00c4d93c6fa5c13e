"""The caller itself: who it is, and what it may do everywhere."""

from broker.protocol.accounts import Me
from broker.protocol.ids import show
from broker.services.people import accounts
from broker.services.quotas import quotas
from broker.services.requests.actor import Actor
from broker.storage import privileges, tokens
from broker.storage.database import Connection


async def me(connection: Connection, actor: Actor, *, half_life_seconds: float) -> Me:
    """The caller's own account, with its privileges and quota."""
    account = await accounts.authorised(connection, actor, show("account", actor.account_id))
    token = actor.principal.token_id
    return Me(
        account=account,
        privileges=await privileges.of_account(connection, account.id),
        quota=await quotas.of(connection, account.id, half_life_seconds=half_life_seconds),
        token=token and await tokens.find(connection, account.id, token),
    )
