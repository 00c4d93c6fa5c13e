"""Break-glass: a manager reads one strictly personal batch, for a reason and for a while (H10).

The owner is told by an event of the batch and finds it in the batch's list of openings; the audit
log keeps it.
"""

from broker.errors import Conflict
from broker.protocol.ids import BatchId, show
from broker.protocol.nodes import Isolation
from broker.protocol.openings import Opening, OpeningRequest
from broker.services.projects.batch_rights import authorised, resource
from broker.services.requests.actor import Actor
from broker.services.requests.references import unseen
from broker.storage import batches, openings
from broker.storage.database import Connection


async def create(
    connection: Connection, actor: Actor, batch: BatchId, request: OpeningRequest
) -> Opening:
    """Opens a batch for the caller.

    Raises:
        NotFound, Forbidden: the caller is no manager.
        Conflict: the batch hides nothing from the caller.
    """
    reference = show("batch", batch)
    row = next(iter(await batches.rows(connection, [batch])), None)
    if row is None:
        raise unseen(reference)
    what = resource(actor, dict(row))
    if actor.could(actor.action):  # whoever may open it may know that it is there
        what = what._replace(isolation=Isolation.PERSONAL)
    actor.require(what, ids=(reference,))
    if row["isolation"] != Isolation.STRICT_PERSONAL or row["account_id"] == actor.account_id:
        raise Conflict("the batch hides nothing from you; read it as it is", ids=(reference,))
    return await openings.create(
        connection, batch, actor.account_id, request.reason, seconds=request.seconds
    )


async def page(
    connection: Connection, actor: Actor, batch: BatchId, *, before: int, rows_max: int
) -> list[Opening]:
    """Who opened a batch and why, newest first.

    Raises:
        NotFound: the caller may not see the batch.
    """
    await authorised(connection, actor, batch)
    return await openings.page(connection, batch, before=before, rows_max=rows_max)
