"""Moving: a node, with everything below it, or a batch, goes to lie elsewhere."""

from broker.domain.access import Resource, compound
from broker.errors import InvalidInput, NotFound
from broker.protocol.ids import BatchId
from broker.protocol.nodes import MoveRequest, Node
from broker.services.projects.nodes import (
    CONTAINERS,
    Item,
    authorised,
    find,
    held,
    refuse_place,
    sees,
    taken,
    view,
)
from broker.services.projects.sharing import refuse
from broker.services.requests.actor import Actor
from broker.services.requests.references import unseen
from broker.storage import batches, nodes
from broker.storage.database import Connection
from broker.storage.nodes import PlaceRefused


async def move(connection: Connection, actor: Actor, reference: str, request: MoveRequest) -> Node:
    """Hangs something elsewhere. It keeps a list of its own; else that of the new place governs it.

    Raises:
        InvalidInput: it lies directly below the deployment, would be below itself or too deep, or
            there is no such parent.
        Forbidden: the caller lacks the rights at either end.
        NameTaken: something of its kind there has the name.
    """
    item = await authorised(connection, actor, reference)
    if item.on_top:
        raise InvalidInput.of("{node}", f"a {item.kind} stays directly below the deployment")
    target = await _target(connection, actor, request.parent)
    await nodes.lock(connection, {item.row.project_id, target.row.project_id})
    item = await held(connection, actor, reference)
    target = await _target(connection, actor, request.parent)
    source = await _source(connection, actor, item)
    if refusals := compound.move(actor.principal, item.resource, source, target.resource):
        refuse(refusals, item.reference)
    if item.is_node and item.id in await nodes.path(connection, target.id):
        raise InvalidInput.of("/parent", "it would lie below itself")
    await _hang(connection, item, target)
    return await view(connection, await find(connection, actor, reference))


async def _target(connection: Connection, actor: Actor, reference: str) -> Item:
    """Where it goes; the decision about it comes later."""
    try:
        target = await find(connection, actor, reference, "/parent")
    except NotFound as error:
        raise InvalidInput.of("/parent", error.message) from None
    if not sees(actor, target):
        raise InvalidInput.of("/parent", unseen(target.reference).message)
    if target.kind not in CONTAINERS:
        raise InvalidInput.of("/parent", f"nothing can lie in a {target.kind}")
    return target


async def _source(connection: Connection, actor: Actor, item: Item) -> Resource:
    """What it lies in; a batch without a list of its own lies in what governs it."""
    if not item.is_node:
        return actor.world.node(item.id)
    assert item.row.parent_id is not None, "the deployment lies on top"
    return actor.world.node(item.row.parent_id)


async def _hang(connection: Connection, item: Item, target: Item) -> None:
    if not item.is_node:
        assert item.batch is not None, "only batches have no node"
        await batches.place(connection, BatchId(item.batch["id"]), target.id)
        return
    try:
        if not await nodes.move(connection, item.id, target.id):
            raise taken(item.kind, item.row.name)
    except PlaceRefused as error:
        refuse_place(error)
    if not item.row.has_own_acl:
        await nodes.restamp(connection, item.id, target.row.benefactor_id)
