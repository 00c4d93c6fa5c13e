"""The tree of groups: what an admin should hear of its minima.

Minima beyond what there is are allowed, since fleets shrink and grow; the planner scales them down.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from broker.domain.words import amount
from broker.protocol.ids import GroupId


@dataclass(frozen=True, slots=True)
class Node:
    """A group. `accounts_minimum_slots` is the sum over the accounts that belong to it directly."""

    id: GroupId
    name: str
    parent: GroupId | None
    minimum_slots: float
    maximum_slots: float | None
    accounts_minimum_slots: float


def warnings(
    nodes: Iterable[Node], *, alone_minimum_slots: float, capacity_slots: float
) -> Mapping[GroupId | None, Sequence[str]]:
    """What is wrong with the minima, by the group whose children cannot all have theirs.

    Args:
        alone_minimum_slots: sum of the minima of accounts without a group.
        capacity_slots: slots of the fleet.

    Returns:
        Sentences by group; under None those of the topmost level.
    """
    wanted: dict[GroupId | None, float] = defaultdict(float)
    wanted[None] = alone_minimum_slots
    found: dict[GroupId | None, list[str]] = defaultdict(list)
    nodes = list(nodes)
    for node in nodes:
        wanted[node.id] += node.accounts_minimum_slots
        wanted[node.parent] += node.minimum_slots
    for node in nodes:
        most = capacity_slots if node.maximum_slots is None else node.maximum_slots
        if wanted[node.id] > most:
            found[node.id].append(
                f"minima below group {node.name} sum up to {amount(wanted[node.id])} slots, and it "
                f"can have at most {amount(most)}; they are scaled down"
            )
    if wanted[None] > capacity_slots:
        found[None].append(
            f"minima of the topmost level sum up to {amount(wanted[None])} slots, and the fleet "
            f"has {amount(capacity_slots)}; they are scaled down"
        )
    return found
