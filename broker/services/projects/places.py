"""Where a new thing will lie: a project, workspace or folder, or the deployment itself."""

from broker.domain.access import Action, World
from broker.domain.access.compound import CREATE_OF
from broker.errors import InvalidInput, NotFound
from broker.protocol.ids import NodeId, show
from broker.protocol.nodes import DEPLOYMENT, PLACES, Kind
from broker.services.requests.actor import Actor
from broker.services.requests.references import absent, resolve

POINTER = "/project"


def required(actor: Actor, kind: Kind, reference: str | None) -> NodeId:
    """The place that a request names, if the caller may make something of a kind there.

    Args:
        actor: asks for what making it needs.
        reference: handle or id; None for the deployment.

    Raises:
        InvalidInput: there is no such place, or the caller cannot see it.
        Forbidden: the caller can see it, but makes nothing there.
    """
    assert actor.action is CREATE_OF[kind], actor.action
    if reference is None:
        actor.require()
        return DEPLOYMENT
    place = place_of(actor.world, actor, reference)
    node = actor.world.nodes[place]
    try:
        actor.require(actor.world.node(place), ids=(show(node.kind, place),))
    except NotFound:
        raise InvalidInput.of(POINTER, absent("project", reference).message) from None
    return place


def filtered(actor: Actor, reference: str | None) -> NodeId | None:
    """The project or workspace that a list's filter names; None for no filter.

    Raises:
        NotFound: there is none that the caller may see.
    """
    if reference is None:
        return None
    try:
        place = place_of(actor.world, actor, reference)
    except InvalidInput:
        raise absent("project", reference) from None
    if not actor.could(Action.PROJECT_VIEW, actor.world.node(place)):
        raise absent("project", reference)
    return place


def place_of(world: World, actor: Actor, reference: str | None) -> NodeId:
    """Where a batch will lie: what the client names, or the caller's workspace.

    Args:
        reference: handle of a project, or the id of a project, workspace or folder.

    Raises:
        InvalidInput: there is no such place. One that is not to be seen is found out later.
    """
    if reference is None:
        return world.accounts[actor.account_id].workspace_id
    kind = reference.partition("_")[0]
    try:
        name, number = resolve(kind if kind in PLACES else "project", reference, "/project")
    except NotFound as error:
        raise InvalidInput.of("/project", error.message) from None
    if name is not None:
        number = world.named(Kind.PROJECT, name)
    node = world.nodes.get(NodeId(number)) if number is not None else None
    if number is None or node is None or (name is None and node.kind != kind):
        raise InvalidInput.of("/project", absent("project", reference).message)
    return NodeId(number)
