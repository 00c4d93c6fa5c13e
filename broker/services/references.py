"""Names in requests: `alice` or `account_5`; what lies in a project also `physics/ising`."""

import re

from broker.domain.access import ABSENT, World
from broker.errors import FairleadError, NotFound
from broker.protocol.ids import NodeId, parse
from broker.protocol.limits import NAME_CHARACTERS_MAX
from broker.protocol.nodes import PLACES, Kind, Spot, prefix_of
from broker.services.actor import Actor

# As broker.protocol.base.Name; a handle has no underscore, so it is never mistaken for an id.
_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?")


def resolve(kind: str, reference: str, pointer: str) -> tuple[str | None, int | None]:
    """(handle, id) of an account or app, one of them None.

    Args:
        kind: prefix of its ids, e.g. "account".
        reference: what the client sent.
        pointer: where it stood, for the error.

    Raises:
        InvalidInput: an id, but not of this kind.
        NotFound: neither an id nor a possible handle; the database is not asked, which cannot
            even store some texts.
    """
    if "_" in reference:
        return None, parse(kind, reference, pointer)
    if len(reference) > NAME_CHARACTERS_MAX or not _NAME.fullmatch(reference):
        raise absent(kind, reference)
    return reference, None


def spot_of(kind: Kind, reference: str, pointer: str) -> Spot:
    """What names a node of a kind: `table_20`, `name`, `project/name` or `folder_18/name`.

    Args:
        pointer: where it stood, for the error.

    Raises:
        InvalidInput: an id, but not of this kind.
        NotFound: none of these; the database is not asked.
    """
    place, slash, name = reference.rpartition("/")
    if not slash:
        handle, number = resolve(kind, reference, pointer)
        return Spot(NodeId(number) if number is not None else None, handle)
    prefix = place.partition("_")[0]
    where = Kind(prefix) if prefix in PLACES else Kind.PROJECT
    try:
        handle, number = resolve(where, place, pointer)
    except FairleadError:
        raise absent(kind, reference) from None
    if "_" in name or resolve(kind, name, pointer)[0] is None:
        raise absent(kind, reference)
    if handle is not None:
        return Spot(name=name, project=handle)
    return Spot(name=name, place_id=NodeId(number or 0), place_kind=where)


def absent(kind: str, reference: str) -> NotFound:
    """The error for an object that is not there."""
    return NotFound(f"there is no {kind} {reference[:80]!r}", ids=(reference[:80],))


def find_node(world: World, kind: Kind, reference: str, pointer: str) -> NodeId | None:
    """The node of a kind directly below the deployment that a reference names, to be seen or not.

    Raises:
        InvalidInput: an id of another kind.
    """
    try:
        name, number = resolve(prefix_of(kind), reference, pointer)
    except NotFound:
        return None
    found = world.named(kind, name) if name is not None else NodeId(number or 0)
    node = world.nodes.get(found) if found is not None else None
    return found if node is not None and node.kind is kind else None


def authorised_node(actor: Actor, kind: Kind, reference: str, pointer: str) -> NodeId:
    """The same, once the policy allows the route's action on it.

    Raises:
        NotFound: there is none, or it is not the caller's to see; the answers are the same.
        Forbidden: the caller may not do this to it.
    """
    node = find_node(actor.world, kind, reference, pointer)
    what = ABSENT if node is None else actor.world.node(node)
    actor.require(what, ids=(reference[:80],))
    assert node is not None, "nobody may do anything to what is absent"
    return node
