"""Minima beyond what there is: accepted, scaled down by the planner, and told."""

from collections.abc import Mapping, Sequence

from broker.domain import groups as tree
from broker.domain.groups import Node
from broker.protocol.ids import GroupId
from broker.storage import groups
from broker.storage.database import Connection

Warnings = Mapping[GroupId | None, Sequence[str]]
"""Sentences by the group whose children cannot all have their minima; None is the top."""


async def warnings(connection: Connection, *, silent_seconds: float) -> Warnings:
    """What is wrong with the minima of groups and accounts on the fleet of this moment."""
    of_accounts = await groups.minima(connection)
    nodes = [
        Node(
            row.id,
            row.name,
            row.parent,
            row.minimum_slots,
            row.maximum_slots,
            of_accounts.get(row.id, 0.0),
        )
        for row in await groups.tree(connection)
    ]
    if not of_accounts and not any(node.minimum_slots for node in nodes):
        return {}
    capacity = await groups.capacity_slots(connection, silent_seconds=silent_seconds)
    return tree.warnings(
        nodes, alone_minimum_slots=of_accounts.get(None, 0.0), capacity_slots=capacity
    )


def of_interest(
    said: Warnings, group: GroupId | None, parent: GroupId | None, minimum_slots: float
) -> list[str]:
    """What concerns one group or account: its own children, and, if it has a minimum, the level
    on which it stands.

    Args:
        group: None for an account, which has no children.
    """
    own = said.get(group, ()) if group is not None else ()
    return [*own, *(said.get(parent, ()) if minimum_slots > 0 else ())]
