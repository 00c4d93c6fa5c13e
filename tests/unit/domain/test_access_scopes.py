"""What tokens may be used for: a mask that never adds, whatever scopes are put together."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.domain.access import (
    READS,
    SCOPES,
    WHOLE,
    Action,
    actions_of,
    decide,
    rights,
    within,
)
from broker.domain.access.compound import grant
from broker.protocol.ids import PrincipalId, TokenId
from broker.protocol.nodes import Kind, Role
from broker.protocol.scopes import TokenScope
from tests.support.worlds import Batch, Worlds

A, S = Action, TokenScope
SOME_SCOPES = st.frozensets(st.sampled_from(TokenScope), min_size=1)


@pytest.fixture(scope="module")
def w() -> Worlds:
    w = Worlds()
    w.account("ann")
    w.account("admin", Role.MANAGER)
    w.node("lab", Kind.PROJECT, "root", ann=Role.OWNER)
    w.node("app", Kind.APP, "root", ann=Role.APP_ADMIN)
    w.batches = {"batch": Batch("lab", "ann", "app"), "theirs": Batch("ws-admin", "admin", "app")}
    return w


WHATS = ["lab", "app", "batch", "theirs", "root"]


@given(
    scopes=SOME_SCOPES,
    who=st.sampled_from(["ann", "admin"]),
    action=st.sampled_from(Action),
    what=st.sampled_from(WHATS),
)
def test_a_token_allows_what_account_and_scopes_both_allow(
    w: Worlds, scopes: frozenset[TokenScope], who: str, action: Action, what: str
) -> None:
    account, resource = w.who(who), w.what(what)
    token = account.by_token(TokenId(1), scopes)
    allowed = decide(token, action, resource).allowed
    assert allowed == (decide(account, action, resource).allowed and action in actions_of(scopes))
    assert rights(token, resource) <= rights(account, resource)


@given(first=SOME_SCOPES, second=SOME_SCOPES, third=SOME_SCOPES)
def test_minting_only_ever_narrows(
    first: frozenset[TokenScope], second: frozenset[TokenScope], third: frozenset[TokenScope]
) -> None:
    assert within(first, first)
    assert within(first, WHOLE)
    if within(second, first) and within(third, second):
        assert within(third, first)
        assert actions_of(third) <= actions_of(first)
    assert within(first, first | second)


@given(
    scopes=SOME_SCOPES,
    action=st.sampled_from([A.BATCH_VIEW, A.APP_VIEW, A.PROJECT_RUN, A.BATCH_TERMINATE]),
)
def test_lists_and_checks_agree_for_tokens(
    w: Worlds, scopes: frozenset[TokenScope], action: Action
) -> None:
    for who in ("ann", "admin"):
        token = w.who(who).by_token(TokenId(1), scopes)
        visible = w.world.visible(token, action)
        if not token.in_scope(action):
            assert not visible.everything
            assert not visible.benefactors
        elif action is not A.APP_VIEW:
            seen = visible.everything or w.ids["lab"] in visible.benefactors
            assert seen == decide(token, action, w.what("lab")).allowed


def test_every_action_of_an_account_is_in_a_scope_besides_all() -> None:
    narrow = frozenset[Action]().union(*(SCOPES[scope] for scope in S if scope is not S.ALL))
    assert narrow == SCOPES[S.ALL]
    assert set(SCOPES) == set(S)


def test_what_the_narrow_scopes_leave_out() -> None:
    assert SCOPES[S.READ] == READS
    assert SCOPES[S.READ] < SCOPES[S.SUBMIT] < SCOPES[S.WRITE]
    for scope in (S.READ, S.SUBMIT, S.WRITE, S.HOSTS):
        assert not SCOPES[scope] & {A.TOKEN_MANAGE, A.PRIVILEGES_GRANT, A.TEAM_EDIT, A.QUOTA_SET}
    assert not SCOPES[S.SUBMIT] & {A.SHARE, A.FILE_EDIT, A.APP_EDIT}
    assert not SCOPES[S.HOSTS] & {A.BATCH_VIEW, A.BATCH_OUTPUT, A.FILE_DOWNLOAD}
    assert not SCOPES[S.ADMIN] & {A.BATCH_OUTPUT, A.SHARE, A.FILE_DOWNLOAD, A.APP_RUN_PUBLISHED}


def test_nobody_gives_more_than_the_token_is_for(w: Worlds) -> None:
    lab, bob = w.what("lab"), PrincipalId(99)
    ann = w.who("ann")
    assert not grant(ann, lab, Role.OWNER, bob)
    assert not grant(ann.by_token(TokenId(1), frozenset({S.WRITE})), lab, Role.OWNER, bob)
    for scopes in ({S.READ}, {S.SUBMIT}, {S.ADMIN}, {S.HOSTS}):
        assert grant(ann.by_token(TokenId(1), frozenset(scopes)), lab, Role.READER, bob)
