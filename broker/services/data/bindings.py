"""Bindings: which data roots and pools a project may use (T14, T15, T20); where imports are off.

A binding alone gives nobody anything: who uses a root also holds a role on it. All of it is read
from the world of rights, and changed by managers.
"""

from broker.domain.access import ABSENT, Action, World
from broker.errors import Conflict, NotFound
from broker.protocol.bindings import Binding, BindingRequest, ImportSwitch
from broker.protocol.ids import NodeId, show
from broker.protocol.limits import BINDINGS_PER_PROJECT_MAX
from broker.protocol.nodes import Kind, Mode, prefix_of
from broker.services.people import accounts
from broker.services.requests.actor import Actor
from broker.services.requests.references import find_node
from broker.storage import bindings, nodes
from broker.storage.database import Connection

BIND_OF = {Kind.DATA_ROOT: Action.BIND_DATA, Kind.POOL: Action.BIND_ENV}
KINDS_OF = {"root": (Kind.DATA_ROOT,), "pool": (Kind.POOL,)}
VIEW_OF = {Kind.DATA_ROOT: Action.DATA_VIEW, Kind.POOL: Action.POOL_VIEW}


def project_of(actor: Actor, reference: str) -> NodeId:
    """A project or workspace, once the policy allows the route's action on it.

    Raises:
        NotFound: there is none, or it is not the caller's to see; the answers are the same.
        Forbidden: the caller may not do this to it.
    """
    kind = Kind.WORKSPACE if reference.startswith("workspace_") else Kind.PROJECT
    node = find_node(actor.world, kind, reference, "{project}")
    actor.require(actor.world.node(node) if node else ABSENT, ids=(reference[:80],))
    assert node is not None, "nobody may do anything to what is absent"
    return node


def page(actor: Actor, project: str) -> list[Binding]:
    """What is bound to a project and the caller may view, newest node first."""
    world, found = actor.world, project_of(actor, project)
    bound = sorted(world.bindings.get(found, {}), reverse=True)
    return [_of(world, node, world.bound(found, node)) for node in bound if _seen(actor, node)]


def view(actor: Actor, project: str, reference: str) -> Binding:
    """One binding.

    Raises:
        NotFound: there is none, or it is not the caller's to see.
    """
    found = project_of(actor, project)
    node = _bindable(actor.world, reference)
    mode = actor.world.bound(found, node) if node is not None else None
    if node is None or mode is None or not _seen(actor, node):
        raise _unbound(reference)
    return _of(actor.world, node, mode)


async def put(
    connection: Connection, actor: Actor, project: str, reference: str, request: BindingRequest
) -> Binding:
    """Binds a data root or a pool to a project, or changes how the project may use it.

    Raises:
        NotFound: there is no such project, data root or pool.
        Conflict: the project has too many bindings.
    """
    found, node = _authorised(actor, project, reference)
    bound = actor.world.bindings.get(found, {})
    if node not in bound and len(bound) >= BINDINGS_PER_PROJECT_MAX:
        raise Conflict(f"at most {BINDINGS_PER_PROJECT_MAX} bindings of one project")
    if await nodes.find(connection, node) is None:  # locks it
        raise _absent(reference)
    await bindings.put(connection, found, node, request.mode)
    return _of(actor.world, node, request.mode)


async def remove(connection: Connection, actor: Actor, project: str, reference: str) -> None:
    """Takes a data root or a pool from a project. Jobs that wait for it fail when they would start.

    Raises:
        NotFound: it is not bound to the project.
    """
    found, node = _authorised(actor, project, reference)
    if actor.world.bound(found, node) is None:
        raise _unbound(reference)
    await bindings.remove(connection, found, node)


async def switch_project(
    connection: Connection, actor: Actor, project: str, request: ImportSwitch
) -> ImportSwitch:
    """Whether anybody but an admin imports into a project (C4)."""
    found = project_of(actor, project)
    await bindings.switch_project(connection, found, enabled=request.import_enabled)
    return request


async def switch_account(
    connection: Connection, actor: Actor, reference: str, request: ImportSwitch
) -> ImportSwitch:
    """Whether an account imports (C4)."""
    account = await accounts.authorised(connection, actor, reference)
    await bindings.switch_account(connection, account.id, enabled=request.import_enabled)
    return request


def _authorised(actor: Actor, project: str, reference: str) -> tuple[NodeId, NodeId]:
    """The project and what is bound to it, once the caller may bind such a thing there."""
    node = _bindable(actor.world, reference)
    kind = actor.world.nodes[node].kind if node is not None else Kind.DATA_ROOT
    asking = actor.to(BIND_OF[kind])
    found = project_of(asking, project)
    actor.asked = True
    if node is None:
        raise _absent(reference)
    return found, node


def _bindable(world: World, reference: str) -> NodeId | None:
    """The data root or pool that a reference names: an id, a handle (roots come first), or a
    handle behind its kind, `root:lab1` or `pool:lab1`."""
    prefix, colon, handle = reference.partition(":")
    kinds: tuple[Kind, ...] = (Kind.DATA_ROOT, Kind.POOL)
    if colon:
        kinds = KINDS_OF.get(prefix, ())
    elif "_" in reference:
        kinds = KINDS_OF.get(reference.partition("_")[0], kinds[:1])
    name = handle if colon else reference
    found = (find_node(world, kind, name, "{node}") for kind in kinds)
    return next((node for node in found if node is not None), None)


def _seen(actor: Actor, node: NodeId) -> bool:
    world = actor.world
    return node in world.nodes and actor.could(VIEW_OF[world.nodes[node].kind], world.node(node))


def _of(world: World, node: NodeId, mode: Mode | None) -> Binding:
    facts = world.nodes[node]
    return Binding(
        id=show(prefix_of(facts.kind), node),
        kind=facts.kind,
        name=facts.name,
        mode=mode if facts.kind is Kind.DATA_ROOT else None,
    )


def _absent(reference: str) -> NotFound:
    return NotFound(f"there is no data root or pool {reference[:80]!r}", ids=(reference[:80],))


def _unbound(reference: str) -> NotFound:
    return NotFound(f"{reference[:80]} is not bound to the project", ids=(reference[:80],))
