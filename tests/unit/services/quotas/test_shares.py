"""The fair-share table from a plan and the accounts' rows."""

from dataclasses import replace

import pytest

from broker.protocol.ids import AccountId, GroupId
from broker.services.plans.board import AccountNote, Board, GroupNote
from broker.services.quotas.shares import merged
from broker.storage.groups import TreeRow
from broker.storage.shares import ShareRow


def row(number: int, name: str, weight: float = 1.0, usage: float = 0.0) -> ShareRow:
    return ShareRow(AccountId(number), name, None, 0.0, None, usage, 0.0, weight)


BOARD = Board(
    planned_at=1_700_000_000.0,
    capacity_slots=10,
    accounts={
        AccountId(1): AccountNote(3.0, 50.0, 2.5, 7.5, 7, 90, 2, 97.0),
        AccountId(2): AccountNote(1.0, 0.0, 1.2, 2.5, 2, 10, 1, 12.0),
    },
)


def test_plan_gives_the_numbers_and_the_rows_give_the_names() -> None:
    rows = [row(1, "ann", usage=40.0), row(2, "bob"), row(3, "idle", weight=4.0, usage=9.0)]
    table = merged(BOARD, {each.id: each for each in rows})
    assert [share.account_name for share in table.items] == ["ann", "bob", "idle"]
    ann, _, idle = table.items
    assert (ann.quota, ann.quota_fraction, ann.usage_gpu_seconds) == (3, 0.75, 50)
    assert (ann.entitlement_slots, ann.allocated_slots, ann.pending_jobs) == (7.5, 7, 90)
    assert (idle.quota, idle.quota_fraction, idle.usage_gpu_seconds) == (4, 0, 9)
    assert table.planned_at is not None
    assert table.planned_at.year == 2023


def test_fractions_add_up_to_one() -> None:
    rows = {AccountId(n): row(n, f"a{n}") for n in (1, 2)}
    assert sum(s.quota_fraction for s in merged(BOARD, rows).items) == pytest.approx(1)


def test_weights_of_zero_divide_nothing() -> None:
    board = Board(accounts={AccountId(1): AccountNote(0.0, 0.0, 0.0, 0.0, 0, 1, 1, 1.0)})
    (share,) = merged(board, {AccountId(1): row(1, "ann", weight=0.0)}).items
    assert share.quota_fraction == 0
    assert merged(board, {}).planned_at is None


def test_groups_stand_with_what_is_due_to_them_and_what_their_members_want() -> None:
    lab, top, new = GroupId(2), GroupId(1), GroupId(3)
    tree = [
        TreeRow(top, "physics", None, 3.0, 0.0, None),
        TreeRow(lab, "lab", top, 1.0, 2.0, 5.0),
        TreeRow(new, "new", None, 7.0, 0.0, None),
    ]
    board = replace(
        BOARD,
        groups={top: GroupNote(3.0, 2.5, 9.0, 9), lab: GroupNote(1.0, 1.5, 7.5, 7)},
    )
    rows = {
        AccountId(1): row(1, "ann")._replace(group_id=lab),
        AccountId(2): row(2, "bob")._replace(group_id=top),
    }
    table = merged(board, rows, tree)
    assert [group.group_name for group in table.groups] == ["lab", "new", "physics"]
    first, made_since, above = table.groups
    assert (first.parent, first.entitlement_slots, first.pending_jobs) == (top, 7.5, 90)
    assert (above.weight_adjusted, above.allocated_slots, above.pending_jobs) == (2.5, 9, 100)
    assert (made_since.weight, made_since.entitlement_slots) == (7.0, 0.0)
    assert {item.account_name: item.group for item in table.items} == {"ann": lab, "bob": top}
