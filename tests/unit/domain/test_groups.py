"""What admins are told of minima."""

from broker.domain.groups import Node, warnings
from broker.protocol.ids import GroupId


def node(number: int, minimum: float = 0, **more: float | None) -> Node:
    parent = more.get("parent")
    return Node(
        GroupId(number),
        f"g{number}",
        None if parent is None else GroupId(int(parent)),
        minimum,
        more.get("maximum"),
        more.get("accounts") or 0.0,
    )


def test_minima_within_the_fleet_are_no_news() -> None:
    nodes = [node(1, 4), node(2, 6), node(3, 6, parent=2)]
    assert not warnings(nodes, alone_minimum_slots=2, capacity_slots=12)


def test_the_topmost_level_counts_groups_and_accounts_alone() -> None:
    said = warnings([node(1, 4), node(2, 9, parent=1)], alone_minimum_slots=7, capacity_slots=10)
    assert set(said) == {None}
    assert "sum up to 11 slots, and the fleet has 10" in said[None][0]


def test_children_and_members_are_held_against_the_maximum_above_them() -> None:
    nodes = [node(1, 0, maximum=5, accounts=2), node(2, 4, parent=1)]
    said = warnings(nodes, alone_minimum_slots=0, capacity_slots=100)
    assert set(said) == {GroupId(1)}
    assert "below group g1 sum up to 6 slots, and it can have at most 5" in said[GroupId(1)][0]
