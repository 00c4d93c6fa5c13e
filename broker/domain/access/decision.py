"""The one function that decides.

    S(u)   = {u} + teams(u) + {registered, everyone}
             anonymous = {everyone};  host = {host, everyone}
    P(u,r) = global(S)           [if r is strict_personal and u is not its creator: nothing, or
                                  batch.view and batch.output for as long as u has opened it]
           + roles of acl[benefactor(r)] for S
           + (r is a batch: P(u, r.app) restricted to batch.view, batch.terminate, batch.output)
           + (r is a shared batch and app.view in P(u, r.app): downloader; read_shared: reader;
              restricted likewise)
    allow(u, a, r) = r not trashed  and  (u is not anonymous or a only reads)
                     and a in the scopes of u's token
                     and (a in P or (a:own in P and r.created_by = u))

What strict_personal hides from those who administer everything it also hides from those who
administer the app (H10). Of the app's list only the roles submitter and app_admin count for its
batches: whoever may look at an app does not thereby look at what others ran with it (B4), unless
the batch is stamped `shared` (H8) or `read_shared` (H9).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, NamedTuple

from broker.domain.access.actions import READS, VIEW_OF, Action, own
from broker.domain.access.roles import (
    APP_PART,
    APP_ROLES,
    EVERYONE_MAX,
    GLASS_PART,
    Mask,
    mask,
    rights_of,
)
from broker.domain.access.scopes import WHOLE, Scopes, actions_of, narrowed
from broker.protocol.ids import AccountId, HostId, PrincipalId, TokenId
from broker.protocol.nodes import EVERYONE, Isolation, Kind, Role

Acl = Mapping[PrincipalId, Mask]
NO_ENTRIES: Final[Acl] = {}
_HOST: Final = mask([Role.HOST])
# What a shared batch is to those who see its app (H8, H9).
_SHOWN_AS: Final = {
    Isolation.SHARED: mask([Role.DOWNLOADER]),
    Isolation.READ_SHARED: mask([Role.READER]),
}


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks: an account, a host, or nobody in particular.

    Args:
        principals: S(u), the ids for which an access list may hold an entry.
        global_roles: what `user_submit` gives, everywhere.
        scopes: what the token that proved it may be used for; a decision allows nothing else.
        token_id: that token; None when it was proved otherwise.
    """

    account_id: AccountId | None = None
    account_name: str = ""
    host_id: HostId | None = None
    host_draining: bool = False
    principals: frozenset[PrincipalId] = frozenset()
    global_roles: Mask = 0
    import_enabled: bool = True
    scopes: Scopes = WHOLE
    token_id: TokenId | None = None

    def by_token(self, token: TokenId | None, scopes: Scopes) -> "Principal":
        """The same caller as far as a token stands for it."""
        if token is None and scopes == WHOLE:
            return self
        return replace(self, token_id=token, scopes=WHOLE if scopes == WHOLE else scopes)

    def in_scope(self, action: Action) -> bool:
        """Whether the token that proved the caller may be used for an action."""
        return self.scopes is WHOLE or action in actions_of(self.scopes)

    @property
    def label(self) -> str:
        """The caller's name for messages and logs."""
        if self.host_id is not None:
            return f"host_{self.host_id}"
        return self.account_name or "anonymous"

    @property
    def anonymous(self) -> bool:
        return self.account_id is None and self.host_id is None


ANONYMOUS: Final = Principal(principals=frozenset({EVERYONE}))


class Resource(NamedTuple):
    """What is asked about, as far as a decision needs to know it. A tuple: made for every question.

    Args:
        acl: the access list of its benefactor.
        app_acl: of a batch: the access list that governs its app.
        isolation: of a batch: what those see of it who see its app.
        host_id: of a lease: the host that holds it.
        opened: of a strictly personal batch: the caller has broken the glass.
    """

    kind: Kind
    acl: Acl = NO_ENTRIES
    created_by: AccountId | None = None
    app_acl: Acl = NO_ENTRIES
    isolation: Isolation = Isolation.PERSONAL
    trashed: bool = False
    host_id: HostId | None = None
    opened: bool = False


# Not there, or no longer: nobody holds anything on it.
ABSENT: Final = Resource(Kind.FILE, trashed=True)


class Via(StrEnum):
    """Where a right comes from."""

    GLOBAL = "global"  # user_submit
    ACL = "acl"  # the access list of the benefactor
    APP = "app"  # the access list of the app that the batch runs
    LEASE = "lease"  # it is the host's own lease
    GLASS = "glass"  # user_submit, for a while, on one strictly personal batch


class Ground(NamedTuple):
    """One reason why something is allowed: `principal` holds `roles` by way of `via`."""

    via: Via
    principal: int
    roles: Mask


class Decision(NamedTuple):
    """Allowed on these grounds; none means denied."""

    action: Action
    grounds: tuple[Ground, ...]

    @property
    def allowed(self) -> bool:
        return bool(self.grounds)


def _insider(who: Principal, what: Resource) -> bool:
    """Whether global rights and rights on the app count for this resource."""
    return what.isolation is not Isolation.STRICT_PERSONAL or (
        who.account_id is not None and who.account_id == what.created_by
    )


def sources(who: Principal, what: Resource) -> Iterator[Ground]:
    """Everything that the caller holds towards a resource."""
    if who.global_roles and _insider(who, what):
        yield Ground(Via.GLOBAL, who.account_id or 0, who.global_roles)
    elif who.global_roles and what.opened:
        yield Ground(Via.GLASS, who.account_id or 0, who.global_roles)
    mine = who.principals
    for principal, roles in what.acl.items():
        if principal in mine:
            yield Ground(Via.ACL, principal, roles)
    if what.app_acl and _insider(who, what):
        for principal, roles in what.app_acl.items():
            if principal in mine and (counted := _of_app(principal, roles, what.isolation)):
                yield Ground(Via.APP, principal, counted)
    if who.host_id is not None and who.host_id == what.host_id:
        yield Ground(Via.LEASE, who.host_id, _HOST)


def _of_app(principal: PrincipalId, roles: Mask, isolation: Isolation) -> Mask:
    """Which roles an entry of an app's list gives on a batch that runs the app."""
    counted = roles & APP_ROLES
    shown = _SHOWN_AS.get(isolation)
    if shown and Action.APP_VIEW in rights_of(roles):
        counted |= shown if principal != EVERYONE else mask(EVERYONE_MAX)
    return counted


def rights_through(ground: Ground) -> frozenset[str]:
    """The rights that one ground gives."""
    rights = rights_of(ground.roles)
    if ground.via is Via.APP:
        return rights & APP_PART
    return rights & GLASS_PART if ground.via is Via.GLASS else rights


def rights(who: Principal, what: Resource) -> frozenset[str]:
    """P(u, r): all rights of the caller towards a resource, own ones marked `:own`. Within the
    scopes of its token: so nobody gives more than the token may be used for."""
    held = frozenset[str]().union(*(rights_through(ground) for ground in sources(who, what)))
    return narrowed(held, who.scopes)


def decide(who: Principal, action: Action, what: Resource) -> Decision:
    """Whether `who` may do `action` to `what`, and on which grounds."""
    if what.trashed or (who.anonymous and action not in READS):
        return Decision(action, ())
    if who.scopes is not WHOLE and action not in actions_of(who.scopes):
        return Decision(action, ())
    made_it = who.account_id is not None and who.account_id == what.created_by
    right = own(action) if made_it else action
    found = []
    for ground in sources(who, what):
        held = rights_through(ground)
        if action in held or right in held:
            found.append(ground)
    return Decision(action, tuple(found))


def sees(who: Principal, what: Resource) -> bool:
    """Whether a denied caller may at least learn that the resource exists."""
    view = VIEW_OF[what.kind]
    return view is None or decide(who, view, what).allowed
