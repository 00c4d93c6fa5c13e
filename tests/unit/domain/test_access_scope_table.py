"""What each scope of a token allows, stated once more: what is lost or added fails here."""

from broker.domain.access import READS, Action, rights_of_role
from broker.domain.access.scopes import SCOPES
from broker.protocol.nodes import Role
from broker.protocol.scopes import TokenScope

A = Action
RUNS = {
    A.BATCH_SUBMIT,
    A.BATCH_TERMINATE,
    A.BATCH_RERUN,
    A.BLOB_UPLOAD,
    A.APP_RUN_PUBLISHED,
    A.PROJECT_RUN,
    A.DATA_READ,
    A.DATA_WRITE,
}


def test_a_narrow_scope_allows_what_is_written_and_nothing_else() -> None:
    assert SCOPES[TokenScope.READ] == READS
    assert SCOPES[TokenScope.SUBMIT] - READS == RUNS - READS
    assert SCOPES[TokenScope.HOSTS] == {
        A.HOST_LIST,
        A.HOST_VIEW,
        A.HOST_ADMINISTER,
        A.HOST_ENROLL_TOKEN,
        A.POOL_ENROLL,
    }


def test_writing_is_what_an_owner_may_and_administering_is_not() -> None:
    owner = {Action(right.removesuffix(":own")) for right in rights_of_role(Role.OWNER)}
    assert owner <= SCOPES[TokenScope.WRITE]
    assert not owner & SCOPES[TokenScope.ADMIN]
    assert A.PROJECT_CREATE in SCOPES[TokenScope.WRITE]
    for action in (A.ACCOUNT_ADMINISTER, A.QUOTA_SET, A.PRIVILEGES_GRANT, A.TOKEN_MANAGE):
        assert action not in SCOPES[TokenScope.WRITE]
        assert action in SCOPES[TokenScope.ADMIN]


def test_the_scopes_together_leave_no_action_out() -> None:
    assert set(SCOPES) == set(TokenScope)
    assert SCOPES[TokenScope.ALL] == set(Action)
    assert SCOPES[TokenScope.WRITE] | SCOPES[TokenScope.ADMIN] >= set(Action) - {A.LEASE_WORK}
