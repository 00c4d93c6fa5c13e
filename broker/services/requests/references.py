"""Names in requests: `alice` or `account_5`; what lies in a project also `physics/ising`."""

import re

from broker.domain.access import ABSENT, World
from broker.errors import InvalidInput, NotFound
from broker.protocol.ids import NodeId, parse
from broker.protocol.limits import NAME_CHARACTERS_MAX
from broker.protocol.nodes import PLACES, Kind, prefix_of
from broker.services.requests.actor import Actor

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


def absent(kind: str, reference: str) -> NotFound:
    """The error for an object that is not there."""
    return NotFound(f"there is no {kind} {reference[:80]!r}", ids=(reference[:80],))


def unseen(reference: str) -> NotFound:
    """The error for a node, batch or job that is not there: the same as for one that is not to be
    seen."""
    return NotFound(f"{reference} does not exist, or is not yours to see", ids=(reference,))


def find_node(world: World, kind: Kind, reference: str, pointer: str) -> NodeId | None:
    """The node of a kind that a reference names, to be seen or not: by id, or by name.

    A bare name is one directly below the deployment; `project/name`, `folder_18/name` and
    `workspace_5/name` name what lies in a place.

    Raises:
        InvalidInput: an id of another kind.
    """
    place, slash, rest = reference.rpartition("/")
    if slash:
        within = find_place(world, place)
        return world.child(within, kind, rest) if within is not None else None
    try:
        name, number = resolve(prefix_of(kind), reference, pointer)
    except NotFound:
        return None
    found = world.named(kind, name) if name is not None else NodeId(number or 0)
    node = world.nodes.get(found) if found is not None else None
    return found if node is not None and node.kind is kind else None


def find_place(world: World, reference: str) -> NodeId | None:
    """The project, workspace or folder that a reference names, to be seen or not."""
    prefix = reference.partition("_")[0]
    kind = Kind(prefix) if prefix in PLACES else Kind.PROJECT
    try:
        return find_node(world, kind, reference, "") if "/" not in reference else None
    except InvalidInput:
        return None


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
