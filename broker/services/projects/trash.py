"""The trash: nobody sees what lies there; its owners take it out again, or remove it for good."""

from broker.domain.access import KINDS, Action, Resource, decide, roles_with
from broker.errors import Conflict, Forbidden
from broker.protocol.nodes import Kind, Node
from broker.services.projects import nodes as tree
from broker.services.projects.nodes import Item, held, taken, view
from broker.services.requests.actor import Actor
from broker.services.requests.references import unseen
from broker.storage import nodes, trash
from broker.storage.database import Connection
from broker.storage.trash import Below


async def page(
    connection: Connection,
    actor: Actor,
    *,
    project: str | None,
    before: int,
    rows_max: int,
) -> list[Node]:
    """What was put into the trash and the caller may remove for good, newest first.

    Args:
        project: only of this project or workspace; None for all.
    """
    actor.require()
    visible = actor.world.visible(actor.principal, Action.PURGE)
    place = None
    if project is not None:
        item = await tree.find(connection, actor, project, "?project")
        if not tree.sees(actor, item, in_trash=True):
            raise unseen(item.reference)
        place = item.id
    return await trash.page(
        connection,
        before=before,
        rows_max=rows_max,
        everything=visible.everything,
        among=visible.benefactors,
        project=place,
    )


async def put(connection: Connection, actor: Actor, reference: str) -> Node:
    """Puts a node into the trash with everything below it. Whoever may delete only what is their
    own must have made all of it.

    Raises:
        Conflict: batches in it still have jobs to do.
        Forbidden: somebody else made a part of it, or it holds imported data (T17).
    """
    item = await held(connection, actor, reference)
    found = await trash.below(connection, item.id, actor.account_id)
    if found.open_batches:
        raise Conflict(
            f"{found.open_batches} batches in it still have jobs to do; cancel them first",
            ids=(item.reference,),
        )
    if found.of_others and not _may_delete_any(actor, item):
        raise Forbidden(
            f"you may delete only what you made, and others made {found.of_others} of what "
            "lies in it",
            ids=(item.reference,),
        )
    if found.imported and not actor.could(Action.DATA_DELETE, item.resource):
        roles = " or ".join(roles_with(Action.DATA_DELETE))
        raise Forbidden(
            f"{found.imported} imported files lie in it, which need one of the roles: {roles}",
            ids=(item.reference,),
        )
    await trash.put(connection, item.id)
    return await view(connection, item)


def _may_delete_any(actor: Actor, item: Item) -> bool:
    """Whether the right to delete does not depend on who made it."""
    action = KINDS[Action.NODE_DELETE][item.kind]
    of_nobody = item.resource._replace(created_by=None, trashed=False)
    return decide(actor.principal, action, of_nobody).allowed


async def take(connection: Connection, actor: Actor, reference: str) -> Node:
    """Takes a node out of the trash with everything that went there with it.

    Raises:
        Conflict: it is not there by itself, or what it lay in is there.
        NameTaken: its name was given to something else meanwhile.
    """
    item = await _trashed(connection, actor, reference)
    assert item.row.parent_id is not None, "the deployment is never in the trash"
    above = await nodes.row(connection, item.row.parent_id)
    if above is None or above.trash_id is not None:
        raise Conflict("what it lay in is in the trash; take that out first", ids=(reference[:80],))
    if not await trash.take(connection, item.id):
        raise taken(item.kind, item.row.name)
    return await view(connection, item)


async def purge(connection: Connection, actor: Actor, reference: str) -> None:
    """Removes a node in the trash, and everything below it, for good.

    Raises:
        Conflict: it is not in the trash by itself; or apps or batches lie in it: their history
            stays, and so does the place that they lie in.
        Forbidden: a part of it has an access list that does not let the caller.
    """
    item = await _trashed(connection, actor, reference)
    found = await trash.below(connection, item.id, actor.account_id)
    kept = {"apps": found.apps, "batches": found.batches}
    if any(kept.values()):
        counts = " and ".join(f"{count} {what}" for what, count in kept.items() if count)
        raise Conflict(
            f"{counts} lie in it, whose history stays; it can be emptied, but not purged",
            ids=(item.reference,),
        )
    _require_all(actor, item, found)
    if not await trash.purge(connection, item.id):
        raise Conflict("something else still refers to a part of it", ids=(item.reference,))


def _require_all(actor: Actor, item: Item, found: Below) -> None:
    """Everything in it with a list of its own lets the caller purge it, too."""
    world = actor.world
    for benefactor in found.benefactors:
        part = Resource(Kind.FOLDER, world.acls.get(benefactor, {}))
        if not decide(actor.principal, actor.action, part).allowed:
            raise Forbidden(
                "a part of it has an access list of its own that does not let you purge it",
                ids=(item.reference,),
            )


async def _trashed(connection: Connection, actor: Actor, reference: str) -> Item:
    """What lies in the trash by itself, held still."""
    item = await held(connection, actor, reference, in_trash=True)
    if item.row.trash_id is None:
        raise Conflict("it is not in the trash", ids=(item.reference,))
    if item.row.trash_id != item.id:
        raise Conflict(
            "it is in the trash with something that it lies in; name that", ids=(item.reference,)
        )
    return item
