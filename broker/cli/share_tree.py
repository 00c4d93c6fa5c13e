"""The fair-share table as a tree: groups, and the accounts in them."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from broker.cli.render import Column, print_list

if TYPE_CHECKING:
    from broker.protocol.ids import GroupId
    from broker.protocol.shares import GroupShare, Share, Shares

INDENT = "  "


def print_tree(now: "Shares") -> None:
    """Print each group before its members; siblings by handle, groups first."""
    levels = {id(row): level for level, row in _walk(now, None, 0)}
    rows = [row for _, row in _walk(now, None, 0)]
    columns: list[Column[GroupShare | Share]] = [
        Column("name", lambda row: INDENT * levels[id(row)] + _name(row)),
        Column("weight", _weight, right=True),
        Column("after history", lambda row: row.weight_adjusted, right=True, spare=1),
        Column("due", lambda row: f"{row.entitlement_slots:.1f}", right=True),
        Column("held", lambda row: f"{row.allocated_slots:g}", right=True),
        Column("waiting", lambda row: row.pending_jobs, right=True),
    ]
    print_list(rows, columns, json=False, empty="nobody has jobs or usage")


def _walk(
    now: "Shares", parent: "GroupId | None", level: int
) -> "Iterator[tuple[int, GroupShare | Share]]":
    for group in now.groups:
        if group.parent == parent:
            yield level, group
            yield from _walk(now, group.group, level + 1)
    for share in sorted(now.items, key=lambda row: row.account_name):
        if share.group == parent:
            yield level, share


def _name(row: "GroupShare | Share") -> str:
    return row.account_name if hasattr(row, "account_name") else f"{row.group_name}/"


def _weight(row: "GroupShare | Share") -> float:
    return row.quota if hasattr(row, "quota") else row.weight
