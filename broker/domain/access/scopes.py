"""What a token may be used for: a mask over what its account holds, never more.

    rights(token) = rights(account) within the union of the token's scopes

The table is literal where a scope is narrow. `write` is what access lists give, and `admin` what
they do not: so every action has its place, and one that is added tomorrow has it, too.
"""

from functools import cache
from typing import Final

from broker.domain.access.actions import READS, Action
from broker.domain.access.roles import GRANTABLE, rights_of_role
from broker.protocol.nodes import Role
from broker.protocol.scopes import TokenScope

A = Action
Scopes = frozenset[TokenScope]
WHOLE: Final[Scopes] = frozenset({TokenScope.ALL})

_LISTED: Final = frozenset(
    Action(right.removesuffix(":own"))
    for role in GRANTABLE - {Role.MEMBER}
    for right in rights_of_role(role)
)
_RUNS: Final = frozenset(
    {
        A.BATCH_SUBMIT,
        A.BATCH_TERMINATE,
        A.BATCH_RERUN,
        A.BLOB_UPLOAD,
        A.APP_RUN_PUBLISHED,
        A.PROJECT_RUN,
        A.DATA_READ,
        A.DATA_WRITE,
    }
)

SCOPES: Final[dict[TokenScope, frozenset[Action]]] = {
    TokenScope.ALL: frozenset(Action),
    # look at everything, change nothing
    TokenScope.READ: READS,
    # a script that submits and follows
    TokenScope.SUBMIT: READS | _RUNS,
    # everything in projects and apps, also who may do what there
    TokenScope.WRITE: READS | _RUNS | _LISTED | {A.PROJECT_CREATE},
    # whatever sets hosts up sees no results
    TokenScope.HOSTS: frozenset(
        {A.HOST_LIST, A.HOST_VIEW, A.HOST_ADMINISTER, A.HOST_ENROLL_TOKEN, A.POOL_ENROLL}
    ),
    # accounts, teams, quotas, tokens, hosts, pools: what no access list gives
    TokenScope.ADMIN: frozenset(Action) - _LISTED,
}


@cache
def actions_of(scopes: Scopes) -> frozenset[Action]:
    """Everything that some scopes allow together."""
    return frozenset().union(*(SCOPES[scope] for scope in scopes))


def within(wanted: Scopes, held: Scopes) -> bool:
    """Whether a token with scopes `held` may make one with scopes `wanted`."""
    return actions_of(wanted) <= actions_of(held)


def narrowed(rights: frozenset[str], scopes: Scopes) -> frozenset[str]:
    """Rights, own ones marked `:own`, as far as scopes allow them."""
    if scopes == WHOLE:
        return rights
    allowed = actions_of(scopes)
    return frozenset(right for right in rights if right.removesuffix(":own") in allowed)
