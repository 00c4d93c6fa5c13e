"""The policy table against a matrix that states every cell once more: x may, o only what one has
made oneself, - may not. A new action or role fails here until each of its cells is decided."""

import csv
from itertools import pairwise
from pathlib import Path

import pytest

from broker.domain.access import (
    ADDS,
    LADDERS,
    READS,
    Action,
    covers,
    mask,
    own,
    rights_of,
    rights_of_role,
    roles_in,
    roles_with,
)
from broker.domain.access.roles import GRANTABLE
from broker.protocol.nodes import Role

MATRIX = Path(__file__).parents[2] / "data" / "role_matrix.csv"
ROWS = {row["action"]: row for row in csv.DictReader(MATRIX.open())}
CELLS = [(action, role) for action in Action for role in Role]


def cell(action: Action, role: Role) -> str:
    rights = rights_of_role(role)
    return "x" if action in rights else "o" if own(action) in rights else "-"


@pytest.mark.parametrize("action", Action)
def test_every_cell_is_decided_as_written(action: Action) -> None:
    assert {role: cell(action, role) for role in Role} == {
        role: ROWS[action][role] for role in Role
    }


def test_the_matrix_holds_no_cell_that_is_gone() -> None:
    assert set(ROWS) == set(Action)
    assert set(next(iter(ROWS.values()))) == {"action", *Role}


def test_every_right_is_an_action_and_every_role_has_rights() -> None:
    words = {*Action, *(own(action) for action in Action)}
    assert set(ADDS) == set(Role)
    assert all(rights and rights <= words for rights in ADDS.values())


@pytest.mark.parametrize("ladder", LADDERS, ids=lambda ladder: ladder[-1])
def test_rules_Y7_T1_each_role_includes_the_one_before(ladder: tuple[Role, ...]) -> None:
    for less, more in pairwise(ladder):
        assert rights_of_role(less) < rights_of_role(more)


def test_rules_Y6_T3_roles_add_up() -> None:
    both = mask([Role.READER, Role.SUBMITTER])
    assert rights_of(both) == rights_of_role(Role.READER) | rights_of_role(Role.SUBMITTER)
    assert set(roles_in(both)) == {Role.READER, Role.SUBMITTER}
    assert rights_of(0) == frozenset()


def test_rule_Y9_what_everyone_may_be_given_only_reads() -> None:
    assert set(rights_of_role(Role.READER)) <= {str(action) for action in READS}


def test_only_owners_app_admins_and_managers_share() -> None:
    assert {role for role in Role if Action.SHARE in rights_of_role(role)} == {
        Role.OWNER,
        Role.APP_ADMIN,
        Role.MANAGER,
    }


def test_a_manager_covers_every_role_of_an_access_list() -> None:
    held = rights_of_role(Role.MANAGER)
    assert all(covers(held, role) for role in GRANTABLE)
    assert not covers(held, Role.HOST)


@pytest.mark.parametrize(("action", "role"), CELLS)
def test_whoever_is_said_to_have_an_action_has_it(action: Action, role: Role) -> None:
    """`roles_with` names the least roles: each other role that has the action stands above one."""
    said = [word.removesuffix(" (own)") for word in roles_with(action)]
    if cell(action, role) == "-":
        assert role not in said
    else:
        ladder = next((rung for rung in LADDERS if role in rung), (role,))
        assert set(said) & set(ladder[: ladder.index(role) + 1])
