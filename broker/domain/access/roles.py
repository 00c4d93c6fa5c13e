"""What each role contains: the literal policy table.

A right is an action, or an action with `:own` for what the holder has made itself. ADDS says what
a role adds to the one that it includes. Rule numbers (C, Y, B, T, H) stand beside the rows.
"""

from collections.abc import Iterable
from functools import cache
from typing import Final

from broker.domain.access.actions import Action, own
from broker.protocol.nodes import Role

A = Action
ADDS: Final[dict[Role, frozenset[str]]] = {
    # `registered` holds it on the deployment: what every active account may do (B1)
    Role.MEMBER: frozenset(
        {
            A.ACCOUNT_LIST,
            A.ACCOUNT_VIEW,
            own(A.TOKEN_MANAGE),
            own(A.PRIVILEGES_VIEW),
            own(A.QUOTA_VIEW),
            A.QUOTA_MIX_VIEW,
            own(A.DONATION_VIEW),
            own(A.DONATION_SET),  # B17
            A.GROUP_VIEW,
            A.PREEMPTION_VIEW,
            A.TEAM_VIEW,
            A.PROJECT_CREATE,
            A.TRASH_LIST,
            A.AUDIT_LIST,
            A.TABLE_LIST,
            A.APP_LIST,
            A.BATCH_SUBMIT,
            A.BATCH_LIST,
            A.BLOB_UPLOAD,
            A.DATA_LIST,
            A.POOL_LIST,
            A.IMAGE_LIST,
            A.SHARES_VIEW,
            A.EVENTS_VIEW,
            A.HOST_LIST,
            own(A.HOST_VIEW),
            own(A.HOST_ADMINISTER),
            A.HOST_ENROLL_TOKEN,
        }
    ),
    # Y7, T8: sees what is published
    Role.READER: frozenset(
        {
            A.NODE_VIEW,
            A.PROJECT_VIEW,
            A.FOLDER_VIEW,
            A.FILE_VIEW,
            A.TABLE_VIEW,
            A.APP_VIEW,
            A.APP_VERSION_HISTORY,  # T9
            A.BATCH_VIEW,  # T11
            A.DATA_VIEW,  # T15
            A.POOL_VIEW,
            A.IMAGE_VIEW,
            A.IMAGE_COPY,  # T13
        }
    ),
    # Y7
    Role.DOWNLOADER: frozenset({A.FILE_DOWNLOAD, A.BATCH_OUTPUT, A.DATA_READ}),
    # T7, T10, T11, T15
    Role.EXECUTOR: frozenset(
        {
            A.PROJECT_RUN,
            A.APP_RUN_PUBLISHED,
            own(A.NODE_EDIT),
            own(A.NODE_DELETE),
            A.TABLE_CREATE,
            own(A.TABLE_EDIT),
            own(A.TABLE_DELETE),
            own(A.BATCH_TERMINATE),
            own(A.BATCH_RERUN),
            own(A.BATCH_UNSHARE),  # H8
        }
    ),
    # Y7, T6, T9
    Role.EDITOR: frozenset(
        {
            A.NODE_EDIT,
            A.PROJECT_EDIT,
            A.FOLDER_CREATE,
            A.FOLDER_EDIT,
            A.FILE_UPLOAD,
            A.FILE_EDIT,
            A.TABLE_EDIT,
            A.APP_CREATE,
            A.APP_EDIT,
            A.APP_VIEW_DRAFT,
            A.APP_EDIT_HISTORY,
            A.VERSION_CREATE,
            A.VERSION_PUBLISH,
            A.DATA_WRITE,
            A.DATA_IMPORT,
            A.POOL_ENROLL,
        }
    ),
    # T6
    Role.WRITER: frozenset({own(A.APP_DELETE), own(A.FILE_DELETE), own(A.FOLDER_DELETE)}),
    # T5, T10, T11, T17, Y8
    Role.OWNER: frozenset(
        {
            A.SHARE,
            A.AUDIT,
            A.MOVE,
            A.PURGE,
            A.NODE_DELETE,
            A.PROJECT_DELETE,
            A.FOLDER_DELETE,
            A.FILE_DELETE,
            A.TABLE_DELETE,
            A.APP_DELETE,
            A.APP_DEPRECATE,
            A.VERSION_DEPRECATE,
            A.BATCH_TERMINATE,
            A.BATCH_RERUN,
            A.BATCH_UNSHARE,
            A.DATA_DELETE,
        }
    ),
    # B11
    Role.SUBMITTER: frozenset({A.APP_VIEW, A.APP_VERSION_HISTORY, A.APP_RUN_PUBLISHED}),
    # B12, B13, B14, B15
    Role.APP_ADMIN: frozenset(
        {
            A.APP_EDIT,
            A.APP_VIEW_DRAFT,
            A.APP_EDIT_HISTORY,
            A.VERSION_CREATE,
            A.VERSION_PUBLISH,
            A.VERSION_DEPRECATE,
            A.SHARE,
            A.AUDIT,
            A.BATCH_VIEW,
            A.BATCH_OUTPUT,
            A.BATCH_TERMINATE,
        }
    ),
    # B6: user_submit.submit_all_apps
    Role.SUBMIT_ALL: frozenset({A.APP_VIEW, A.APP_VERSION_HISTORY, A.APP_RUN_PUBLISHED}),
    # B7, B8, B9, B10, B16, B17, T4, T13, T14, T19, T20, H5: user_submit.admin_all_apps
    Role.MANAGER: frozenset(set(Action) - {A.LEASE_WORK}),
    # what a host may do with its own leases
    Role.HOST: frozenset({A.LEASE_WORK}),
}

# "Each role includes the one before."
LADDERS: Final = (
    (Role.READER, Role.DOWNLOADER, Role.EXECUTOR, Role.EDITOR, Role.WRITER, Role.OWNER),
    (Role.SUBMITTER, Role.APP_ADMIN),
)

# What the roles of an app's own ladder give on the batches that run it, wherever these live (B14,
# B15). That somebody may see or run an app, as a reader does, says nothing of others' batches (B4).
APP_PART: Final = frozenset({A.BATCH_VIEW, A.BATCH_TERMINATE, A.BATCH_OUTPUT})

# What whoever administers everything may do with a strictly personal batch after breaking the
# glass: read it, and nothing else (H10).
GLASS_PART: Final = frozenset({A.BATCH_VIEW, A.BATCH_OUTPUT})

# What the groups without members may be given at most (Y9). Nothing is given to the anonymous.
EVERYONE_MAX: Final = frozenset({Role.READER})
REGISTERED_MAX: Final = frozenset({Role.READER, Role.DOWNLOADER, Role.SUBMITTER})

# Roles that stand in an access list; the others come from user_submit, or with being a host.
GRANTABLE: Final = frozenset({*LADDERS[0], *LADDERS[1], Role.MEMBER})

# Several roles at once as one number: an access list is compared a million times a minute.
Mask = int
_BIT: Final = {role: 1 << position for position, role in enumerate(Role)}
ALL_ROLES: Final[Mask] = sum(_BIT.values())
APP_ROLES: Final[Mask] = sum(_BIT[role] for role in LADDERS[1])


def mask(roles: Iterable[Role]) -> Mask:
    """Roles as one number."""
    return sum(_BIT[role] for role in set(roles))


@cache
def roles_in(held: Mask) -> tuple[Role, ...]:
    """The roles of such a number."""
    return tuple(role for role, bit in _BIT.items() if held & bit)


@cache
def rights_of_role(role: Role) -> frozenset[str]:
    """Everything that a role contains."""
    ladder: tuple[Role, ...] = next((rung for rung in LADDERS if role in rung), (role,))
    below = ladder[: ladder.index(role) + 1]
    return frozenset(str(right) for each in below for right in ADDS[each])


@cache
def rights_of(held: Mask) -> frozenset[str]:
    """Everything that some roles contain together (Y6, T3)."""
    return frozenset(right for role in roles_in(held) for right in rights_of_role(role))


def covers(held: frozenset[str], role: Role) -> bool:
    """Whether a role contains nothing beyond these rights: the subset rule of grants."""
    return all(
        right in held or right.removesuffix(":own") in held for right in rights_of_role(role)
    )


def roles_with(action: Action) -> list[str]:
    """The least roles that give an action, in words; `(own)` for what one has made oneself."""
    found: list[str] = []
    for role in Role:
        rights = rights_of_role(role)
        said = str(role) if action in rights else f"{role} (own)" if own(action) in rights else ""
        below = next((rung[: rung.index(role)] for rung in LADDERS if role in rung), ())
        if said and not any(_as_much(rights_of_role(each), rights, action) for each in below):
            found.append(said)
    return found


def _as_much(less: frozenset[str], more: frozenset[str], action: Action) -> bool:
    """Whether a lower role already gives as much of an action."""
    return (action in less) == (action in more) and (own(action) in less or action in less)
