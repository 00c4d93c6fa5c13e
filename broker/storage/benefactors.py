"""Items whose access list is not their project's (Y12), read from the view `benefactor_audit`."""

from collections.abc import Collection

from broker.protocol.ids import NodeId
from broker.protocol.nodes import Kind, Node
from broker.storage import blocks
from broker.storage.database import Connection
from broker.storage.nodes import views

SQL = blocks.load("benefactors")


async def page(
    connection: Connection,
    *,
    before: int,
    rows_max: int,
    everything: bool,
    among: Collection[NodeId],
    kind: Kind | None,
    project: NodeId | None,
) -> list[Node]:
    """Such items, newest first.

    Args:
        among: benefactors; an item counts whose own one, or whose project, is among them.
    """
    rows = await connection.fetch(
        SQL.page, before, rows_max, everything, list(among), kind, project
    )
    return await views(connection, [row[0] for row in rows])
