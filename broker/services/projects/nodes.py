"""The tree: nodes found by their public ids, shown, listed, made and renamed.

Whoever changes a node decides about what is so while nobody else changes it: `held` locks first and
learns of all changes before it asks.
"""

from dataclasses import dataclass
from typing import Any, NoReturn

import asyncpg

from broker.domain.access import KINDS, Action, Resource, decide
from broker.errors import Conflict, InvalidInput, NameTaken, NotFound
from broker.protocol.ids import BatchId, NodeId
from broker.protocol.nodes import (
    DEPLOYMENT,
    NODE_DEPTH_MAX,
    PREFIXES,
    FolderRequest,
    Kind,
    Node,
    NodeChange,
    parse_node,
    show_node,
)
from broker.services.projects import batch_rights
from broker.services.requests.actor import Actor
from broker.services.requests.references import unseen
from broker.storage import batches, nodes
from broker.storage.database import Connection
from broker.storage.nodes import NodeRow, PlaceRefused

CONTAINERS = frozenset({Kind.PROJECT, Kind.WORKSPACE, Kind.FOLDER})
# What can lie somewhere and is listed there, and what its reader must be allowed.
LISTED = {
    kind: KINDS[Action.NODE_VIEW][kind]
    for kind in PREFIXES.values()
    if kind not in (Kind.DEPLOYMENT, Kind.BATCH)
}


@dataclass(frozen=True, slots=True)
class Item:
    """Something of the tree, as stored and as decisions see it.

    Args:
        reference: as the caller named it, for errors.
        row: its node; of a batch without a list of its own, the node that governs it.
        batch: the row of a batch; None for everything else.
    """

    reference: str
    kind: Kind
    row: NodeRow
    resource: Resource
    batch: asyncpg.Record | None = None

    @property
    def id(self) -> NodeId:
        return self.row.id

    @property
    def public_id(self) -> str:
        return show_node(self.kind, self.batch["id"] if self.batch else self.row.id)

    @property
    def is_node(self) -> bool:
        """Whether it has a node; a batch gets one with a list of its own."""
        return self.kind is self.row.kind

    @property
    def on_top(self) -> bool:
        """Whether it is the deployment or lies directly below: then it always governs itself."""
        return self.is_node and self.row.parent_id in (None, DEPLOYMENT)


# -- finding --------------------------------------------------------------------------------


def locate(actor: Actor, reference: str, pointer: str) -> tuple[Kind, int]:
    """Kind and number that a reference names; number 0, which nothing has, for an unknown handle.

    Raises:
        InvalidInput: no reference at all.
    """
    prefix, colon, handle = reference.rpartition(":")
    if not colon and "_" in reference:
        if found := parse_node(reference):
            return found
        raise InvalidInput.of(pointer, f"expected an id like folder_17, got {reference[:80]!r}")
    kind = PREFIXES.get(prefix) if colon else Kind.PROJECT
    if kind is None:
        raise InvalidInput.of(pointer, f"expected a handle like app:ising, got {reference[:80]!r}")
    return kind, actor.world.named(kind, handle) or 0


async def find(
    connection: Connection, actor: Actor, reference: str, pointer: str = "{node}"
) -> Item:
    """Something of the tree; the caller authorises.

    Raises:
        InvalidInput: no reference of a node.
        NotFound: there is none.
    """
    kind, number = locate(actor, reference, pointer)
    reference, batch, node = reference[:80], None, number
    if kind is Kind.BATCH:
        found = await batches.rows(connection, [BatchId(number)])
        batch = found[0] if found else None
        node = batch["node_id"] if batch else 0
    row = await nodes.row(connection, node)
    if row is None or (batch is None and row.kind is not kind):
        raise unseen(reference)
    return Item(reference, kind, row, _resource(actor, row, batch), batch)


def _resource(actor: Actor, row: NodeRow, batch: asyncpg.Record | None) -> Resource:
    if batch is not None:
        return batch_rights.resource(actor, dict(batch))
    if row.kind is Kind.FILE:
        trashed = row.trash_id is not None
        return actor.world.file(row.benefactor_id, row.created_by, trashed=trashed)
    return actor.world.node(row.id)


async def authorised(
    connection: Connection,
    actor: Actor,
    reference: str,
    pointer: str = "{node}",
    *,
    in_trash: bool = False,
) -> Item:
    """Something on which the policy allows the route's action.

    Args:
        pointer: where the reference stood, for errors.
        in_trash: it may lie in the trash, which is asked about as if it did not.

    Raises:
        NotFound: it is not there, or not to be seen.
        Forbidden: the caller may not do this to it.
    """
    item = await find(connection, actor, reference, pointer)
    require(actor, item, in_trash=in_trash)
    return item


def require(actor: Actor, item: Item, *, in_trash: bool = False) -> None:
    """Goes on only when the route's action, as it is called for this kind, is allowed.

    Raises:
        InvalidInput: it cannot be done to this kind at all.
        NotFound, Forbidden: as `Actor.require`.
    """
    what = item.resource._replace(trashed=False) if in_trash else item.resource
    action = actor.action
    if action in KINDS:
        named = KINDS[action].get(item.kind)
        if named is None:
            actor.require(what, ids=(item.reference,), action=KINDS[Action.NODE_VIEW][item.kind])
            raise InvalidInput.of("{node}", f"this cannot be done to a {item.kind}")
        action = named
    actor.require(what, ids=(item.reference,), action=action)


def sees(actor: Actor, item: Item, *, in_trash: bool = False) -> bool:
    """Whether the caller may learn that something exists."""
    what = item.resource._replace(trashed=False) if in_trash else item.resource
    return decide(actor.principal, KINDS[Action.NODE_VIEW][item.kind], what).allowed


async def held(
    connection: Connection, actor: Actor, reference: str, *, in_trash: bool = False
) -> Item:
    """As `authorised`, decided while nobody else changes the node or the tree around it.

    Raises:
        Conflict: it was moved to another project at this moment.
    """
    seen = await authorised(connection, actor, reference, in_trash=in_trash)
    await nodes.lock(connection, [seen.row.project_id])
    await nodes.hold(connection, [seen.row.id, seen.row.benefactor_id])
    await actor.confirm(connection)
    item = await authorised(connection, actor, reference, in_trash=in_trash)
    same = (item.row.project_id, item.row.benefactor_id)
    if same != (seen.row.project_id, seen.row.benefactor_id):
        raise Conflict("somebody else changed this at the same moment; try again")
    return item


# -- showing --------------------------------------------------------------------------------


async def view(connection: Connection, item: Item) -> Node:
    """An item as people see it; the caller authorises."""
    node = await view_of_node(connection, item.row.id)
    if item.is_node or item.batch is None:
        return node
    mine: dict[str, Any] = {
        "id": item.public_id,
        "kind": Kind.BATCH,
        "name": item.batch["name"],
        "parent": node.id,
        "created_by": item.batch["account_id"],
        "created_by_name": item.batch["account_name"],
        "created_at": item.batch["created_at"],
    }
    return node.model_copy(update=mine)


async def show(connection: Connection, actor: Actor, reference: str) -> Node:
    """One node, batches as well."""
    return await view(connection, await authorised(connection, actor, reference))


async def children(
    connection: Connection,
    actor: Actor,
    reference: str,
    *,
    kind: Kind | None,
    before: int,
    rows_max: int,
) -> list[Node]:
    """What lies in a node and the caller may see, newest first; without batches."""
    item = await authorised(connection, actor, reference)
    world, who = actor.world, actor.principal
    inherited = item.resource._replace(created_by=None)
    inheriting = [each for each, action in LISTED.items() if decide(who, action, inherited).allowed]
    own = [
        node
        for each, action in LISTED.items()
        for node in world.visible(who, action).benefactors
        if (world.nodes[node].kind if node in world.nodes else Kind.FILE) is each
    ]
    everything = world.visible(who, Action.NODE_VIEW).everything
    return await nodes.children(
        connection,
        item.row.id,
        before=before,
        rows_max=rows_max,
        kind=kind,
        everything=everything,
        inheriting=inheriting,
        own=own,
    )


# -- changing -------------------------------------------------------------------------------


async def create_folder(connection: Connection, actor: Actor, request: FolderRequest) -> Node:
    """A new folder.

    Raises:
        InvalidInput: there is no such parent, or nothing can lie in it.
        NameTaken: another folder beside it has the name.
    """
    parent = await container(connection, actor, request.parent)
    made = await create(connection, actor, Kind.FOLDER, parent, request.name)
    return await view_of_node(connection, made)


async def container(connection: Connection, actor: Actor, reference: str) -> Item:
    """Where the route's action may make something, as the field `parent` of a request names it.

    Raises:
        InvalidInput: there is none that the caller sees, or nothing can lie in it.
        Forbidden: the caller may not make this there.
    """
    try:
        item = await find(connection, actor, reference, "/parent")
        actor.require(item.resource, ids=(item.reference,))
    except NotFound as error:
        actor.asked = True
        raise InvalidInput.of("/parent", error.message) from None
    if item.kind not in CONTAINERS:
        raise InvalidInput.of("/parent", f"nothing can lie in a {item.kind}")
    return item


async def create(
    connection: Connection, actor: Actor, kind: Kind, parent: Item, name: str
) -> NodeId:
    """A new node of the caller's.

    Raises:
        InvalidInput: it would lie too deep, or the parent is in the trash since.
        NameTaken: something of its kind beside it has the name.
    """
    try:
        made = await nodes.create(connection, kind, parent.row.id, name, actor.account_id)
    except PlaceRefused as error:
        refuse_place(error)
    if made is None:
        raise taken(kind, name)
    return made


async def rename(connection: Connection, actor: Actor, reference: str, request: NodeChange) -> Node:
    """Gives a node another name.

    Raises:
        InvalidInput: nodes of this kind keep their names, or have another route for it.
        NameTaken: something of its kind beside it has the name.
    """
    item = await held(connection, actor, reference)
    if item.on_top:
        raise InvalidInput.of("{node}", f"a {item.kind} is renamed by its own route, if at all")
    if not await nodes.rename(connection, item.row.id, request.name):
        raise taken(item.kind, request.name)
    return await view(connection, item)


async def view_of_node(connection: Connection, node: NodeId) -> Node:
    (found,) = await nodes.views(connection, [node])
    return found


def refuse_place(error: PlaceRefused) -> NoReturn:
    """Raises why a node cannot lie where a request wants it.

    Raises:
        InvalidInput
    """
    reasons = {
        "node_depth_max": f"the tree would have more than {NODE_DEPTH_MAX} levels",
        "node_kind_fits_parent": "it cannot lie in something of this kind",
        "node_parent_is_not_trashed": "it lies in the trash",
    }
    raise InvalidInput.of("/parent", reasons[error.constraint]) from None


def taken(kind: Kind, name: str) -> NameTaken:
    """The error for a name that something beside has."""
    return NameTaken(f"there is a {kind} {name[:80]!r} already")
