"""Rights on a batch: what governs it, and whether the caller may do what the route is for."""

from collections.abc import Mapping
from typing import Any

import asyncpg

from broker.domain.access import READS, Action, Resource
from broker.protocol.ids import BatchId, show
from broker.protocol.nodes import Isolation
from broker.services.requests.actor import Actor
from broker.services.requests.references import unseen
from broker.storage import batches, openings
from broker.storage.database import Connection


async def authorised(connection: Connection, actor: Actor, batch: BatchId) -> asyncpg.Record:
    """The row of a batch on which the caller may do what the route is for.

    Raises:
        NotFound: it does not exist, or is not to be seen.
        Forbidden: it can be seen, but not that.
    """
    found = await batches.rows(connection, [batch])
    return await require(connection, actor, next(iter(found), None), show("batch", batch))


async def require(
    connection: Connection, actor: Actor, row: asyncpg.Record | None, reference: str
) -> asyncpg.Record:
    """Goes on only when the caller may do what the route is for to a batch or its jobs.

    What is not there costs as much as what is not to be seen, so that neither answer nor time tell
    them apart.

    Args:
        row: with what governs the batch: account, app, node, isolation; None when absent.

    Raises:
        NotFound, Forbidden: as `Actor.require`.
    """
    if actor.action not in READS:
        await actor.confirm(connection)
    if row is None:
        raise unseen(reference)
    what = resource(actor, dict(row))
    if _behind_glass(actor, what):
        batch = BatchId(row.get("batch_id") or row["id"])  # of a job, or the batch itself
        what = what._replace(opened=await openings.stands(connection, batch, actor.account_id))
    actor.require(what, ids=(reference,))
    return row


def _behind_glass(actor: Actor, what: Resource) -> bool:
    """Whether it is hidden from the caller only because it is strictly personal."""
    strict = what.isolation is Isolation.STRICT_PERSONAL
    return strict and actor.action in READS and actor.could(Action.BATCH_BREAK_GLASS)


def resource(actor: Actor, row: Mapping[str, Any]) -> Resource:
    """A batch as decisions see it."""
    return actor.world.batch(
        row["node_id"],
        row["account_id"],
        row["app_id"],
        Isolation(row["isolation"]),
    )
