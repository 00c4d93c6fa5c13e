"""Who may do what: one pure function, asked by every door.

BOINC's multi-user rules (B4-B16 of the permissions document), as one literal table: an action
is allowed when one of its grounds holds. Every route of the API declares its action; a route
without one cannot be started. The numbers of the rules stand beside the rows.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from broker.protocol.ids import AccountId, AppId, HostId


class Action(StrEnum):
    """Everything that a caller can ask for."""

    ACCOUNT_CREATE = "account.create"
    ACCOUNT_LIST = "account.list"
    ACCOUNT_VIEW = "account.view"
    ACCOUNT_ADMINISTER = "account.administer"
    TOKEN_MANAGE = "token.manage"  # noqa: S105
    PRIVILEGES_VIEW = "privileges.view"
    PRIVILEGES_GRANT = "privileges.grant"
    QUOTA_VIEW = "quota.view"
    QUOTA_SET = "quota.set"
    QUOTA_PREVIEW = "quota.preview"
    QUOTA_MIX_VIEW = "quota.mix_view"
    QUOTA_MIX_SET = "quota.mix_set"
    DONATION_VIEW = "donation.view"
    DONATION_SET = "donation.set"
    CONTRIBUTION_ADD = "contribution.add"
    GROUP_VIEW = "group.view"
    GROUP_ADMINISTER = "group.administer"
    APP_LIST = "app.list"
    APP_VIEW = "app.view"
    APP_CREATE = "app.create"
    APP_DEPRECATE = "app.deprecate"
    APP_PRIVILEGES_VIEW = "app.privileges_view"
    APP_PRIVILEGES_GRANT = "app.privileges_grant"
    VERSION_CREATE = "version.create"
    VERSION_DEPRECATE = "version.deprecate"
    BATCH_SUBMIT = "batch.submit"
    BATCH_LIST = "batch.list"
    BATCH_VIEW = "batch.view"
    BATCH_OUTPUT = "batch.output"
    BATCH_TERMINATE = "batch.terminate"
    BLOB_UPLOAD = "blob.upload"
    SHARES_VIEW = "shares.view"
    EVENTS_VIEW = "events.view"
    HOST_LIST = "host.list"
    HOST_VIEW = "host.view"
    HOST_ADMINISTER = "host.administer"
    HOST_ENROLL_TOKEN = "host.enroll_token"  # noqa: S105
    PREEMPTION_VIEW = "preemption.view"
    PREEMPTION_SET = "preemption.set"
    LEASE_WORK = "lease.work"


class Ground(StrEnum):
    """A reason why an action is allowed; also what `explain` shows."""

    ANYBODY = "any active account"
    SELF = "it is the caller's own account"
    OWNER = "the caller created or owns it"
    SUBMIT_ALL = "submit_all_apps"
    ADMIN_ALL = "admin_all_apps"
    APP_SUBMIT = "submit on the app"
    APP_ADMIN = "admin of the app"
    HOST = "it is the host's own lease"


G = Ground
TABLE: Final[dict[Action, frozenset[Ground]]] = {
    Action.ACCOUNT_CREATE: frozenset({G.ADMIN_ALL}),
    Action.ACCOUNT_LIST: frozenset({G.ANYBODY}),
    Action.ACCOUNT_VIEW: frozenset({G.ANYBODY}),
    Action.ACCOUNT_ADMINISTER: frozenset({G.ADMIN_ALL}),
    Action.TOKEN_MANAGE: frozenset({G.SELF, G.ADMIN_ALL}),
    Action.PRIVILEGES_VIEW: frozenset({G.SELF, G.ADMIN_ALL}),
    Action.PRIVILEGES_GRANT: frozenset({G.ADMIN_ALL}),  # B8, B16
    Action.QUOTA_VIEW: frozenset({G.SELF, G.ADMIN_ALL}),
    Action.QUOTA_SET: frozenset({G.ADMIN_ALL}),  # B10
    Action.QUOTA_PREVIEW: frozenset({G.ADMIN_ALL}),  # B10
    Action.QUOTA_MIX_VIEW: frozenset({G.ANYBODY}),
    Action.QUOTA_MIX_SET: frozenset({G.ADMIN_ALL}),  # B10, B17
    Action.DONATION_VIEW: frozenset({G.SELF, G.ADMIN_ALL}),
    Action.DONATION_SET: frozenset({G.SELF, G.ADMIN_ALL}),  # B17
    Action.CONTRIBUTION_ADD: frozenset({G.ADMIN_ALL}),  # B17
    Action.GROUP_VIEW: frozenset({G.ANYBODY}),
    Action.GROUP_ADMINISTER: frozenset({G.ADMIN_ALL}),  # B10
    Action.APP_LIST: frozenset({G.ANYBODY}),
    Action.APP_VIEW: frozenset({G.ANYBODY}),
    Action.APP_CREATE: frozenset({G.ADMIN_ALL}),  # B9
    Action.APP_DEPRECATE: frozenset({G.ADMIN_ALL}),  # B9
    Action.APP_PRIVILEGES_VIEW: frozenset({G.APP_ADMIN, G.ADMIN_ALL}),
    Action.APP_PRIVILEGES_GRANT: frozenset({G.APP_ADMIN, G.ADMIN_ALL}),  # B13, B7
    Action.VERSION_CREATE: frozenset({G.APP_ADMIN, G.ADMIN_ALL}),  # B12, B7
    Action.VERSION_DEPRECATE: frozenset({G.APP_ADMIN, G.ADMIN_ALL}),  # B12, B7
    # B6, B11; admin alone does not submit, as in BOINC
    Action.BATCH_SUBMIT: frozenset({G.APP_SUBMIT, G.SUBMIT_ALL}),
    Action.BATCH_LIST: frozenset({G.ANYBODY}),  # the list holds what may be viewed
    Action.BATCH_VIEW: frozenset({G.OWNER, G.APP_ADMIN, G.ADMIN_ALL}),  # B4
    Action.BATCH_OUTPUT: frozenset({G.OWNER, G.APP_ADMIN, G.ADMIN_ALL}),  # B4, B15
    Action.BATCH_TERMINATE: frozenset({G.OWNER, G.APP_ADMIN, G.ADMIN_ALL}),  # B14
    Action.BLOB_UPLOAD: frozenset({G.ANYBODY}),
    Action.SHARES_VIEW: frozenset({G.ANYBODY}),
    Action.EVENTS_VIEW: frozenset({G.ANYBODY}),  # the stream holds what may be viewed
    Action.HOST_LIST: frozenset({G.ANYBODY}),  # the list holds what may be viewed
    Action.HOST_VIEW: frozenset({G.OWNER, G.ADMIN_ALL}),
    Action.HOST_ADMINISTER: frozenset({G.OWNER, G.ADMIN_ALL}),
    Action.HOST_ENROLL_TOKEN: frozenset({G.ANYBODY}),  # B1: submitters may also volunteer hosts
    Action.PREEMPTION_VIEW: frozenset({G.ANYBODY}),
    Action.PREEMPTION_SET: frozenset({G.ADMIN_ALL}),
    Action.LEASE_WORK: frozenset({G.HOST}),
}

# Seeing an object is decided by these; who cannot see it gets 404, not 403.
VIEW_OF: Final[dict[Action, Action]] = {
    Action.BATCH_OUTPUT: Action.BATCH_VIEW,
    Action.BATCH_TERMINATE: Action.BATCH_VIEW,
    Action.BATCH_VIEW: Action.BATCH_VIEW,
    Action.HOST_VIEW: Action.HOST_VIEW,
    Action.HOST_ADMINISTER: Action.HOST_VIEW,
}


@dataclass(frozen=True, slots=True)
class AppRights:
    """One account's row of user_submit_app."""

    submit: bool = False
    admin: bool = False


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks: an account with its BOINC privileges, or a host, never both.

    A suspended or deleted account never becomes a principal.
    """

    account_id: AccountId | None = None
    account_name: str = ""
    host_id: HostId | None = None
    host_draining: bool = False
    submit_all_apps: bool = False
    admin_all_apps: bool = False
    apps: Mapping[AppId, AppRights] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """The caller's name for messages and logs."""
        return self.account_name or f"host_{self.host_id}"


@dataclass(frozen=True, slots=True)
class Resource:
    """What is asked about; fields that do not apply stay None."""

    owner_id: AccountId | None = None  # creator of a batch, owner of a host
    account_id: AccountId | None = None  # the account itself
    app_id: AppId | None = None
    host_id: HostId | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """Allowed on these grounds; none means denied."""

    action: Action
    grounds: tuple[Ground, ...]

    @property
    def allowed(self) -> bool:
        return bool(self.grounds)


NOTHING: Final = Resource()
NO_RIGHTS: Final = AppRights()


def grounds_of(who: Principal, what: Resource) -> frozenset[Ground]:
    """Every ground that a caller has towards a resource."""
    if who.host_id is not None:
        return frozenset({G.HOST}) if what.host_id == who.host_id else frozenset()
    rights = who.apps.get(what.app_id, NO_RIGHTS) if what.app_id is not None else NO_RIGHTS
    holds = {
        G.ANYBODY: who.account_id is not None,
        G.SELF: who.account_id is not None and what.account_id == who.account_id,
        G.OWNER: who.account_id is not None and what.owner_id == who.account_id,
        G.SUBMIT_ALL: who.submit_all_apps,
        G.ADMIN_ALL: who.admin_all_apps,
        G.APP_SUBMIT: rights.submit,
        G.APP_ADMIN: rights.admin,
    }
    return frozenset(ground for ground, held in holds.items() if held)


def decide(who: Principal, action: Action, what: Resource = NOTHING) -> Decision:
    """Whether `who` may do `action` to `what`, and on which grounds."""
    return Decision(action, tuple(sorted(TABLE[action] & grounds_of(who, what))))


def sees(who: Principal, action: Action, what: Resource) -> bool:
    """Whether a denied caller may at least learn that the resource exists."""
    view = VIEW_OF.get(action)
    return view is None or decide(who, view, what).allowed
