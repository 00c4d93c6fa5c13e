"""A small mutation run: change any line of the policy table, and a test of it fails.

Each mutant takes one entry away from a literal of `broker.domain.access.roles` or `actions`, or
adds one that is not there. It is killed when the role matrix, the decided cases or the list of
reading verbs no longer agree.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from broker.domain.access import ADDS, READS, VIEW_OF, Action, compound, decision, own, roles
from broker.protocol.nodes import Kind, Role
from tests.unit.domain.permissions_world import make
from tests.unit.domain.test_access_cases import CASES, ask
from tests.unit.domain.test_access_roles import ROWS, cell

READING_VERBS = {
    "audit",
    "copy",
    "download",
    "edit_history",
    "list",
    "mix_view",
    "output",
    "preview",
    "version_history",
    "view",
    "view_draft",
}
# What the decided cases leave open: app admins and batches (B14, B15), groups without members (Y9).
MORE_CASES = [
    ("apa batch.view Bann", "allow"),
    ("apa batch.terminate Bann", "allow"),
    ("apa batch.rerun Bann", "deny"),
    ("apa share Bann", "deny"),
    ("ow grant downloader to everyone on Pub", "deny"),
    ("ow grant executor to everyone on Pub", "deny"),
    ("ow grant reader to registered on Pub", "allow"),
    ("ow grant executor to registered on Pub", "deny"),
    ("apa grant submitter registered on A", "allow"),
]
RIGHTS = [str(action) for action in Action] + [own(action) for action in Action]


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    """What is remembered of the table must not outlive a mutant."""
    yield
    forget()


def forget() -> None:
    for remembered in (roles.rights_of_role, roles.rights_of, roles.roles_in):
        remembered.cache_clear()


def matrix_agrees(role: Role) -> bool:
    forget()
    return all(cell(action, role) == ROWS[action][role] for action in Action)


def cases_agree() -> bool:
    forget()
    world = make()
    return all(ask(world, case) == (expect == "allow") for case, expect in CASES + MORE_CASES)


@pytest.mark.parametrize("role", Role)
def test_no_right_can_be_taken_from_a_role(role: Role, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = ADDS[role]
    assert matrix_agrees(role)
    for right in whole:
        monkeypatch.setitem(ADDS, role, whole - {right})
        assert not matrix_agrees(role), f"{role} lost {right} and no test failed"


@pytest.mark.parametrize("role", Role)
def test_no_right_can_be_given_to_a_role(role: Role, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = ADDS[role]
    for right in set(RIGHTS) - roles.rights_of_role(role):
        if right.removesuffix(":own") in roles.rights_of_role(role):
            continue  # contained already
        monkeypatch.setitem(ADDS, role, whole | {right})
        assert not matrix_agrees(role), f"{role} gained {right} and no test failed"
        forget()
        monkeypatch.setitem(ADDS, role, whole)


@pytest.mark.parametrize("place", range(len(roles.LADDERS)))
def test_no_rung_can_be_taken_from_a_ladder(place: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for rung in roles.LADDERS[place]:
        ladders: list[Any] = list(roles.LADDERS)
        ladders[place] = tuple(role for role in roles.LADDERS[place] if role is not rung)
        with monkeypatch.context() as patch:
            patch.setattr(roles, "LADDERS", tuple(ladders))
            assert not all(matrix_agrees(role) for role in Role), f"{rung} is no longer a rung"


def test_only_reading_verbs_read() -> None:
    assert {a for a in Action if a.rpartition(".")[2] in READING_VERBS} == READS


def test_every_kind_is_hidden_by_its_own_view() -> None:
    """Who may not view a thing does not learn of it: no kind hides behind another's action."""
    words = {
        Kind.WORKSPACE: "project",
        Kind.DATA_ROOT: "data",
        Kind.DEPLOYMENT: None,
        Kind.LEASE: None,
    }
    for kind in Kind:
        word = words.get(kind, kind.value)
        assert VIEW_OF[kind] == (word and Action(f"{word}.view"))


@pytest.mark.parametrize("limit", ["APP_PART", "EVERYONE_MAX", "REGISTERED_MAX"])
def test_no_limit_of_what_a_list_gives_can_be_changed(
    limit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cases_agree()
    room = decision if limit == "APP_PART" else compound
    whole = getattr(roles, limit)
    beyond = Action.SHARE if limit == "APP_PART" else Role.EXECUTOR
    for mutant in [*(whole - {each} for each in whole), whole | {beyond}]:
        with monkeypatch.context() as patch:
            patch.setattr(room, limit, mutant)
            assert not cases_agree(), f"{limit} became {sorted(mutant)} and no test failed"
