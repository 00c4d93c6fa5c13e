"""Access lists: changed by those who hold `share`, and never beyond what they hold."""

from collections.abc import Mapping, Sequence
from typing import Literal, NoReturn

from broker.domain.access import Acl, Mask, Resource, compound, mask, roles_in
from broker.domain.access.compound import Refusal
from broker.errors import (
    Conflict,
    FieldError,
    Forbidden,
    InvalidInput,
    NotFound,
    PreconditionFailed,
)
from broker.protocol.ids import BatchId, NodeId, PrincipalId
from broker.protocol.nodes import EVERYONE, REGISTERED, Kind
from broker.protocol.sharing import (
    AccessEntry,
    AccessList,
    AccessListRequest,
    Entry,
    GrantRequest,
    OverrideRequest,
)
from broker.services.projects.nodes import Item, authorised, find, held, view
from broker.services.requests.actor import Actor
from broker.services.requests.entity_tags import matches, tag_of
from broker.services.requests.references import resolve, unseen
from broker.storage import batches, nodes, principals
from broker.storage.database import Connection
from broker.storage.principals import Wanted

GROUPS = {"everyone": EVERYONE, "registered": REGISTERED}
# Where the one entry of a request stands, which is the first of the list that is checked.
ONE_ENTRY = {"/entries/0/roles": "/roles", "/entries": ""}


# -- showing --------------------------------------------------------------------------------


async def show(connection: Connection, actor: Actor, reference: str) -> AccessList:
    """The list that governs a node."""
    return await _shown(connection, await authorised(connection, actor, reference))


async def _shown(connection: Connection, item: Item) -> AccessList:
    node = await view(connection, item)
    benefactor = await nodes.row(connection, item.row.benefactor_id)
    assert benefactor is not None, "what governs something is never purged before it"
    acl = await nodes.acl(connection, benefactor.id)
    names = await principals.names(connection, acl)
    entries = [
        AccessEntry(
            principal=names[who].principal, name=names[who].name, roles=list(roles_in(acl[who]))
        )
        for who in sorted(acl)
    ]
    return AccessList(
        node=node.id,
        benefactor_id=node.benefactor_id,
        inherited=node.id != node.benefactor_id,
        version=benefactor.acl_version,
        entries=entries,
    )


def etag(shown: AccessList) -> str:
    """The entity tag of an access list, whichever node it was asked for."""
    return tag_of(shown.benefactor_id, shown.version)


# -- changing -------------------------------------------------------------------------------


async def replace(
    connection: Connection,
    actor: Actor,
    reference: str,
    request: AccessListRequest,
    *,
    if_match: frozenset[str],
) -> AccessList:
    """Replaces the whole list of a node that has its own.

    Raises:
        PreconditionFailed: somebody else changed it since.
        Conflict: the node inherits.
        InvalidInput: an entry that nobody can give, or nobody would hold `share`; each is named.
        Forbidden: an entry beyond what the caller holds.
    """
    item = await _own(connection, actor, reference, if_match)
    entries = await entries_of(connection, request.entries)
    check(actor, item.resource, entries, reference=item.reference)
    await nodes.replace_acl(connection, item.id, entries)
    return await _shown(connection, item)


async def grant(
    connection: Connection,
    actor: Actor,
    reference: str,
    principal: str,
    request: GrantRequest | None,
    *,
    if_match: frozenset[str],
) -> AccessList:
    """Replaces what one account, team or group holds on a node with a list of its own.

    Args:
        request: its roles from now on; None takes all of them away.

    Raises:
        NotFound: there is no such principal, or nothing to take away.
        As `replace`.
    """
    item = await _own(connection, actor, reference, if_match)
    roles = request.roles if request else []
    (who,) = await _resolved(connection, [principal], "{{principal}}")
    entries = {PrincipalId(k): v for k, v in item.resource.acl.items() if k != who}
    if request is None and len(entries) == len(item.resource.acl):
        raise NotFound(f"{principal[:80]} has no entry in this list", ids=(item.reference,))
    entries = {who: mask(roles), **entries} if roles else entries
    check(actor, item.resource, entries, reference=item.reference, pointers=ONE_ENTRY)
    await nodes.replace_acl(connection, item.id, entries)
    return await _shown(connection, item)


async def override(
    connection: Connection, actor: Actor, reference: str, request: OverrideRequest
) -> AccessList:
    """Gives something that inherits a list of its own (Y2): a copy, or what the request says.

    Raises:
        Conflict: it has one already.
        As `replace`.
    """
    item = await held(connection, actor, reference)
    if item.is_node and item.row.has_own_acl:
        raise Conflict("it has an access list of its own already", ids=(item.reference,))
    entries = dict(item.resource.acl)
    if request.private:
        entries = {who: roles for who, roles in entries.items() if who not in GROUPS.values()}
    if request.entries is not None:
        entries = await entries_of(connection, request.entries)
    check(actor, item.resource, entries, reference=item.reference)
    node = item.id if item.is_node else await _node_of_batch(connection, item)
    await nodes.replace_acl(connection, node, entries)
    await nodes.restamp(connection, node, node)
    return await _shown(connection, await find(connection, actor, reference))


async def _node_of_batch(connection: Connection, item: Item) -> NodeId:
    """A batch becomes a node of the tree once it has a list of its own."""
    assert item.batch is not None, "only batches have no node"
    node = await nodes.create(connection, Kind.BATCH, item.id, "", item.batch["account_id"])
    assert node is not None, "batches have no names to collide"
    await batches.place(connection, BatchId(item.batch["id"]), node)
    return node


async def restore(connection: Connection, actor: Actor, reference: str) -> AccessList:
    """Takes a list of its own away: what is above governs it again (Y3). The list above counts as
    the new one, so nobody gains more by it than the caller could give.

    Raises:
        InvalidInput: it lies directly below the deployment, where nothing can be inherited.
        Conflict: it inherits already.
        As `replace`.
    """
    item = await held(connection, actor, reference)
    if item.on_top:
        raise InvalidInput.of("{node}", f"a {item.kind} has nothing above to inherit from")
    if not (item.is_node and item.row.has_own_acl):
        raise Conflict("it inherits already", ids=(item.reference,))
    parent = item.row.parent_id
    assert parent is not None, "it does not lie on top"
    above = actor.world.acl_of(parent)
    check(actor, item.resource, above, reference=item.reference)
    place = await nodes.row(connection, parent)
    assert place is not None, "a parent is never purged before what lies in it"
    if item.kind is Kind.BATCH and item.batch is not None:
        await batches.place(connection, BatchId(item.batch["id"]), parent)
        await nodes.replace_acl(connection, item.id, {})
        await nodes.delete(connection, item.id)
    else:
        await nodes.restamp(connection, item.id, place.benefactor_id)
        await nodes.replace_acl(connection, item.id, {})
    return await _shown(connection, await find(connection, actor, reference))


async def _own(
    connection: Connection, actor: Actor, reference: str, if_match: frozenset[str]
) -> Item:
    """A node with a list of its own, held still, and as the caller has read it."""
    item = await held(connection, actor, reference)
    if not (item.is_node and item.row.has_own_acl):
        node = await view(connection, item)
        raise Conflict(
            f"it inherits the list of {node.benefactor_id}; change that one, or give it a list "
            "of its own with :override",
            ids=(item.reference, node.benefactor_id),
        )
    if not matches(if_match, tag_of(item.public_id, item.row.acl_version)):
        raise PreconditionFailed(
            "the access list was changed since you read it; read it again", ids=(item.reference,)
        )
    return item


# -- what may stand in a list -----------------------------------------------------------------


def check(
    actor: Actor,
    what: Resource,
    entries: Acl,
    *,
    reference: str,
    pointers: Mapping[str, str] | None = None,
) -> None:
    """Goes on only when the caller may make this the list of a node.

    Args:
        what: the node, with the list that governs it now.
        pointers: other names for the pointers of `compound.replace`.

    Raises:
        InvalidInput, Forbidden: as `refuse`.
    """
    if refusals := compound.replace(actor.principal, what, entries):
        refuse(refusals, reference, pointers)


def refuse(
    refusals: Sequence[Refusal], reference: str, pointers: Mapping[str, str] | None = None
) -> NoReturn:
    """Raises what stands in the way, each with its field.

    Raises:
        NotFound: the caller may not learn that it exists.
        InvalidInput: nobody could do it.
        Forbidden: others might.
    """
    if any(each.unseen for each in refusals):
        raise unseen(reference)
    renamed = pointers or {}
    errors = [FieldError(renamed.get(e.pointer, e.pointer), e.rule) for e in refusals]
    rules = "; ".join(dict.fromkeys(each.rule for each in refusals))
    if all(each.impossible for each in refusals):
        raise InvalidInput(rules, ids=(reference,), errors=errors)
    raise Forbidden(rules, ids=(reference,), errors=errors)


async def entries_of(connection: Connection, entries: Sequence[Entry]) -> dict[PrincipalId, Mask]:
    """The entries of a request, in its order.

    Raises:
        InvalidInput: nobody of that name, a deleted account, somebody twice; each is named.
    """
    names = [entry.principal for entry in entries]
    found = await _resolved(connection, names, "/entries/{}/principal")
    first = {who: at for at, who in reversed(list(enumerate(found)))}
    for at, who in enumerate(found):
        if first[who] != at:
            raise InvalidInput.of(f"/entries/{at}/principal", "stands in the list twice")
    return {who: mask(entry.roles) for who, entry in zip(found, entries, strict=True)}


async def _resolved(
    connection: Connection, references: Sequence[str], pointer: str
) -> list[PrincipalId]:
    """The principals that a request names.

    Args:
        pointer: of a reference, with {} for its position.

    Raises:
        InvalidInput: nobody of that name, or a deleted account; each is named.
    """
    wanted = [_wanted(text, pointer.format(at)) for at, text in enumerate(references)]
    asked = [each for each in wanted if isinstance(each, Wanted)]
    answers = iter(await principals.find(connection, asked))
    found: list[PrincipalId] = []
    errors: list[FieldError] = []
    for at, each in enumerate(wanted):
        if not isinstance(each, Wanted):
            found.append(each)
            continue
        answer = next(answers)
        if answer.id is None or answer.deleted:
            rule = "the account was deleted" if answer.deleted else f"there is no such {each.kind}"
            errors.append(FieldError(pointer.format(at), rule))
        else:
            found.append(answer.id)
    if errors:
        raise InvalidInput(f"{errors[0].pointer}: {errors[0].detail}", errors=errors)
    return found


def _wanted(text: str, pointer: str) -> PrincipalId | Wanted:
    """Who a reference means, as far as it says itself.

    Raises:
        InvalidInput: neither an id nor a possible handle.
    """
    if text in GROUPS:
        return GROUPS[text]
    kind: Literal["account", "team"] = "account"
    if text.startswith(("team:", "team_")):
        kind, text = "team", text.removeprefix("team:")
    try:
        return Wanted(kind, *resolve(kind, text, pointer))
    except NotFound as error:
        raise InvalidInput.of(pointer, error.message) from None
