"""Who may do something to a node, and why somebody may or may not; for those who audit it."""

from collections.abc import Iterable, Sequence

from broker.domain.access import KINDS, Action, Ground, Principal, Via, decide
from broker.domain.access.who_can import roles_behind, what_is_missing, who_can
from broker.errors import InvalidInput, NotFound
from broker.protocol.ids import AccountId, NodeId, PrincipalId, number_of, show
from broker.protocol.nodes import Kind, show_node
from broker.protocol.states import AccountState
from broker.protocol.who_can import AccessExplanation, Grant, Holder
from broker.services.people import accounts
from broker.services.projects.nodes import Item, authorised, view
from broker.services.projects.sharing import GROUPS
from broker.services.requests.actor import Actor
from broker.storage import nodes, principals
from broker.storage.database import Connection
from broker.storage.principals import Named


async def page(
    connection: Connection, actor: Actor, asked: str, reference: str, *, before: int, rows_max: int
) -> list[Holder]:
    """Everybody who may do something: groups first, then accounts, newest first.

    Raises:
        InvalidInput: no such action, or none for a node of this kind.
    """
    item = await authorised(connection, actor, reference, "?node")
    action = action_of(asked, item.kind)
    everybody = who_can(actor.world, action, item.resource)
    found = [each for each in everybody if _place(each.principal) < before][:rows_max]
    grounds = [ground for each in found for ground in each.grounds]
    named = await principals.names(
        connection, {*_named(grounds), *(each.principal for each in found)}
    )
    lists = await _lists(connection, item)
    return [
        Holder(
            principal=named[each.principal].principal,
            name=named[each.principal].name,
            grounds=_grants(each.grounds, action, named, lists),
        )
        for each in found
    ]


def position(holder: Holder) -> int:
    """Where somebody stands in the list, descending."""
    account = number_of(holder.principal)
    return _place(PrincipalId(account) if account else GROUPS[holder.principal])


def _place(principal: PrincipalId) -> int:
    """Groups come before the newest account."""
    return principal if principal > 0 else 2**32 + principal


async def explain(
    connection: Connection, actor: Actor, asked: str, reference: str, account: str | None
) -> AccessExplanation:
    """Why the caller, or another account, may or may not do something.

    Raises:
        InvalidInput: no such action, or none for a node of this kind.
        NotFound: the caller does not see the node; or no such account.
        Forbidden: it is about another account, and the caller does not audit the node.
    """
    item = await authorised(connection, actor, reference, "?node")
    action = action_of(asked, item.kind)
    who, state = actor.principal, AccountState.ACTIVE
    if account is not None:
        who, state = await _other(connection, actor, item, account)
    grounds = decide(who, action, item.resource).grounds
    named = await principals.names(connection, _named(grounds))
    node = await view(connection, item)
    return AccessExplanation(
        action=action,
        node=node.id,
        benefactor_id=node.benefactor_id,
        account=None if who.account_id is None else show("account", who.account_id),
        allowed=bool(grounds),
        grounds=_grants(grounds, action, named, await _lists(connection, item)),
        missing=what_is_missing(who, action, item.resource, state),
    )


async def _other(
    connection: Connection, actor: Actor, item: Item, reference: str
) -> tuple[Principal, AccountState]:
    """Another account; what it holds is for those who audit the node."""
    try:
        found = await accounts.find(connection, reference)
    except NotFound as error:
        raise InvalidInput.of("?account", error.message) from None
    if found.id == actor.principal.account_id:
        return actor.principal, found.state
    actor.require(item.resource, ids=(item.reference,), action=Action.AUDIT)
    return actor.world.principal(AccountId(found.id)), found.state


def action_of(text: str, kind: Kind) -> Action:
    """An action by its name; those on any node become that on one of its kind.

    Raises:
        InvalidInput: there is none, or none for this kind.
    """
    try:
        action = Action(text)
        return KINDS[action][kind] if action in KINDS else action
    except (ValueError, KeyError):
        raise InvalidInput.of("?action", f"there is no action {text[:80]!r} on a {kind}") from None


def _named(grounds: Iterable[Ground]) -> list[PrincipalId]:
    return [PrincipalId(ground.principal) for ground in grounds if ground.via is not Via.LEASE]


async def _lists(connection: Connection, item: Item) -> dict[Via, str]:
    """The nodes whose lists decide about an item."""
    governed = [item.row.benefactor_id]
    shown = {Via.ACL: (await nodes.views(connection, governed))[0].id}
    if item.batch is not None:
        shown[Via.APP] = show_node(Kind.APP, NodeId(item.batch["app_id"]))
    return shown


def _grants(
    grounds: Sequence[Ground],
    action: Action,
    named: dict[PrincipalId, Named],
    lists: dict[Via, str],
) -> list[Grant]:
    return [
        Grant(
            via=ground.via.value,
            node=lists.get(ground.via),
            principal=named[PrincipalId(ground.principal)].principal,
            principal_name=named[PrincipalId(ground.principal)].name,
            roles=list(roles_behind(ground, action)),
        )
        for ground in grounds
        if ground.via is not Via.LEASE
    ]
