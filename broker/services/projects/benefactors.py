"""The benefactor audit: what is not governed by its project's list, across projects (Y12, Y13)."""

from broker.domain.access import Action
from broker.protocol.nodes import Kind, Node
from broker.services.projects import nodes as tree
from broker.services.requests.actor import Actor
from broker.services.requests.references import unseen
from broker.storage import benefactors
from broker.storage.database import Connection


async def page(
    connection: Connection,
    actor: Actor,
    *,
    kind: Kind | None,
    project: str | None,
    before: int,
    rows_max: int,
) -> list[Node]:
    """Items that an access list other than their project's governs, newest first: in projects that
    the caller audits, and under lists that the caller audits.

    Raises:
        NotFound: the project is not there, or not to be seen.
    """
    actor.require()
    visible = actor.world.visible(actor.principal, Action.AUDIT)
    place = None
    if project is not None:
        item = await tree.find(connection, actor, project, "?project")
        if not tree.sees(actor, item):
            raise unseen(item.reference)
        place = item.id
    return await benefactors.page(
        connection,
        before=before,
        rows_max=rows_max,
        everything=visible.everything,
        among=visible.benefactors,
        kind=kind,
        project=place,
    )
