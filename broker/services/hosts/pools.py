"""Pools: registered by managers, open to all or bound to projects (T20).

Hosts, lanes and submissions know a pool by its name. A name that nobody registered belongs to
nobody: every project may use it, and everybody's hosts join.
"""

from broker.domain.access import Acl, Action, Resource, mask
from broker.errors import Conflict, NameTaken, PreconditionFailed
from broker.protocol.ids import NodeId, show
from broker.protocol.nodes import DEPLOYMENT, REGISTERED, Kind, Role
from broker.protocol.pools import Pool, PoolChange, PoolRequest
from broker.services.projects import sharing
from broker.services.requests.actor import Actor
from broker.services.requests.entity_tags import matches, tag_of
from broker.services.requests.references import absent, authorised_node
from broker.storage import nodes, pools
from broker.storage.database import Connection

JUST_POOLS = frozenset({Kind.POOL})
SHOWN_TO_ALL: Acl = {REGISTERED: mask([Role.READER])}


async def create(connection: Connection, actor: Actor, request: PoolRequest) -> Pool:
    """Registers a pool. Hosts that have joined under the name stay in it.

    Raises:
        NameTaken: the pool is registered.
        InvalidInput, Forbidden: an entry that the caller cannot give.
    """
    actor.require()
    entries: Acl = SHOWN_TO_ALL if request.open else {}
    if request.entries is not None:
        entries = await sharing.entries_of(connection, request.entries)
    new = Resource(Kind.POOL, created_by=actor.account_id)
    sharing.check(actor, new, entries, reference=request.name)
    pool = await nodes.create(connection, Kind.POOL, DEPLOYMENT, request.name, actor.account_id)
    if pool is None:
        raise NameTaken(f"the pool {request.name!r} is registered")
    await pools.create(connection, pool, request.title, is_open=request.open)
    await nodes.replace_acl(connection, pool, entries)
    return await _of(connection, pool)


async def view(connection: Connection, actor: Actor, reference: str) -> Pool:
    """One pool.

    Raises:
        NotFound: it is not registered, or not the caller's to see.
    """
    return await _of(connection, authorised_node(actor, Kind.POOL, reference, "{pool}"))


async def page(connection: Connection, actor: Actor, *, before: int, rows_max: int) -> list[Pool]:
    """Registered pools that the caller may view, newest first."""
    actor.require()
    visible = actor.world.visible(actor.principal, Action.POOL_VIEW)
    seen = None if visible.everything else actor.world.inheriting(visible.benefactors, JUST_POOLS)
    return await pools.page(connection, seen, before=before, rows_max=rows_max)


def etag(pool: Pool) -> str:
    """The entity tag: of what people edit."""
    return tag_of(pool.id, pool.title, pool.open)


async def change(
    connection: Connection,
    actor: Actor,
    reference: str,
    request: PoolChange,
    *,
    if_match: frozenset[str],
) -> Pool:
    """Changes a pool, opens or closes it; what runs there goes on.

    Raises:
        PreconditionFailed: somebody else changed it since.
    """
    pool = authorised_node(actor, Kind.POOL, reference, "{pool}")
    await nodes.find(connection, pool)  # changes of one pool go one after the other
    now = await _of(connection, pool)
    if not matches(if_match, etag(now)):
        raise PreconditionFailed(
            "the pool was changed since you read it; read it again", ids=(reference,)
        )
    title = now.title if request.title is None else request.title
    is_open = now.open if request.open is None else request.open
    await pools.change(connection, pool, title, is_open=is_open)
    return await _of(connection, pool)


async def delete(connection: Connection, actor: Actor, reference: str) -> None:
    """Forgets a pool that was never used; its name belongs to nobody again.

    Raises:
        Conflict: it has hosts, jobs were submitted to it, or it is bound to projects.
    """
    pool = authorised_node(actor, Kind.POOL, reference, "{pool}")
    row = await nodes.find(connection, pool)
    if row is None:
        raise absent("pool", show("pool", pool))
    uses = await pools.uses(connection, pool, row.name)
    if any(uses):
        raise Conflict(
            f"the pool has {uses.hosts} hosts, {uses.lanes} lanes of jobs, and is bound to "
            f"{uses.bindings} projects; a pool that was used can only be closed",
            ids=(show("pool", pool),),
        )
    if not await pools.delete(connection, pool, row.name):
        raise Conflict("something else refers to it since a moment ago", ids=(reference,))


async def _of(connection: Connection, pool: NodeId) -> Pool:
    found = await pools.find(connection, pool)
    if found is None:  # deleted a moment ago
        raise absent("pool", show("pool", pool))
    return found
