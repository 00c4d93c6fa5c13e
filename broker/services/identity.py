"""Who is calling: tokens to principals, and the one question that every use case asks.

A principal is remembered for at most `principal_seconds`, so a revocation is in force on every
broker within that time; a change made through this broker is in force at once.
"""

import hashlib
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import asyncpg

from broker.domain import access
from broker.domain.access import Action, AppRights, Principal, Resource
from broker.errors import Forbidden, NotFound, Unauthenticated
from broker.protocol.ids import AccountId, AppId, HostId
from broker.protocol.states import AccountState, HostState
from broker.services.group_commit import Group
from broker.storage import identity
from broker.storage.database import Database
from broker.storage.identity import Rights

ACCOUNT_PREFIX, HOST_PREFIX, ENROLLMENT_PREFIX = "flt_", "flh_", "fle_"
REMEMBERED_MAX = 100_000


def new_secret(prefix: str) -> tuple[str, bytes]:
    """A random bearer token with 256 bits, and the hash that is stored in its place."""
    secret = prefix + secrets.token_urlsafe(32)
    return secret, digest(secret)


def digest(secret: str) -> bytes:
    """SHA-256 of a token. Plain, because the token itself is random."""
    # A header may hold bytes that are no UTF-8; aiohttp hands them on as lone surrogates.
    return hashlib.sha256(secret.encode(errors="surrogateescape")).digest()


def bearer(authorization: str | None, *prefixes: str) -> str:
    """The token in an Authorization header.

    Raises:
        Unauthenticated: there is none, or one of another kind.
    """
    wanted = " or ".join(f"{prefix}..." for prefix in prefixes)
    if not authorization:
        raise Unauthenticated(f"this needs a token: send `Authorization: Bearer {wanted}`")
    scheme, _, secret = authorization.partition(" ")
    secret = secret.strip()
    if scheme.lower() != "bearer" or not secret.startswith(prefixes):
        raise Unauthenticated(f"expected `Authorization: Bearer` and a token {wanted}")
    return secret


@dataclass(slots=True)
class Actor:
    """A caller in the middle of one request, bound to the action that its route declares.

    Every use case takes one and calls `require` (or `may`) before it shows or changes anything;
    the route table refuses to answer when nobody asked.
    """

    principal: Principal
    action: Action
    asked: bool = False

    def may(self, what: Resource = access.NOTHING) -> bool:
        """Whether the route's action is allowed on a resource."""
        self.asked = True
        return access.decide(self.principal, self.action, what).allowed

    def could(self, action: Action, what: Resource) -> bool:
        """Whether another action than the route's would be allowed: what decides how much of an
        answer the caller sees. It does not count as asking."""
        return access.decide(self.principal, action, what).allowed

    def require(self, what: Resource = access.NOTHING, *, ids: tuple[str, ...] = ()) -> None:
        """Goes on only when the route's action is allowed.

        Raises:
            NotFound: denied, and the caller may not know that the resource exists.
            Forbidden: denied, and the caller can see it.
        """
        if self.may(what):
            return
        if not access.sees(self.principal, self.action, what):
            raise NotFound(
                f"{' '.join(ids) or 'it'} does not exist, or is not yours to see", ids=ids
            )
        grounds = " or ".join(sorted(access.TABLE[self.action]))
        raise Forbidden(f"{self.action} needs: {grounds}", ids=ids)

    @property
    def account_id(self) -> AccountId:
        """The calling account.

        Raises:
            Forbidden: the caller is a host.
        """
        if self.principal.account_id is None:
            raise Forbidden("a host's token cannot be used here; use an account's")
        return self.principal.account_id

    @property
    def host_id(self) -> HostId:
        """The calling host.

        Raises:
            Forbidden: the caller is an account.
        """
        if self.principal.host_id is None:
            raise Forbidden("only a host's token can be used here")
        return self.principal.host_id

    @property
    def apps_administered(self) -> list[AppId]:
        """Apps whose batches the caller may view as their admin."""
        return [app for app, rights in self.principal.apps.items() if rights.admin]

    @property
    def sees_all(self) -> bool:
        """Whether the caller may view everybody's batches."""
        return self.principal.admin_all_apps


@dataclass(slots=True)
class Identity:
    """Finds the principal of a token.

    Args:
        host_linger: seconds that a host's look-up may wait for others, now. What follows it in a
            poll (leases held, the ask) then comes together with the others' too.
    """

    database: Database
    remember_seconds: float
    host_linger: Callable[[], float] = lambda: 0.0
    clock: Callable[[], float] = time.monotonic
    _remembered: dict[bytes, tuple[float, Principal]] = field(default_factory=dict)
    _looking_up: Group[bytes, Principal] = field(init=False)
    _looking_up_hosts: Group[bytes, Principal] = field(init=False)

    def __post_init__(self) -> None:
        self._looking_up = Group(self._look_up, weight_max=500, writers=2)
        self._looking_up_hosts = Group(self._look_up, weight_max=500, linger=self.host_linger)

    def forget(self) -> None:
        """Call after any change of accounts, tokens or privileges: readers see their writes."""
        self._remembered = {}

    async def authenticate(self, authorization: str | None) -> Principal:
        """The caller behind an Authorization header.

        Raises:
            Unauthenticated: no bearer token, or one that is unknown, expired or revoked, or whose
                account is not active.
        """
        secret = bearer(authorization, ACCOUNT_PREFIX, HOST_PREFIX)
        sha256 = digest(secret)
        remembered = self._remembered
        known = remembered.get(sha256)
        if known and known[0] > self.clock():
            return known[1]
        until = self.clock() + self.remember_seconds
        is_host = secret.startswith(HOST_PREFIX)
        group = self._looking_up_hosts if is_host else self._looking_up
        principal = await group.add(sha256)
        if len(remembered) >= REMEMBERED_MAX:
            remembered.clear()
        # Into the book that was open when we looked: after `forget` nobody reads that one.
        remembered[sha256] = (until, principal)
        return principal

    async def _look_up(self, group: Sequence[bytes]) -> list[Principal | Exception]:
        async with self.database.connection() as connection:
            holders = await identity.by_tokens(connection, group)
            accounts = {h["account_id"] for h in holders.values() if h["account_id"] is not None}
            rights = await identity.app_rights(connection, sorted(accounts)) if accounts else {}
        return [_principal(holders.get(sha256), rights) for sha256 in group]


def _principal(holder: asyncpg.Record | None, rights: Rights) -> Principal | Unauthenticated:
    """The principal of a token's holder, or why it is none."""
    if holder is None:
        return Unauthenticated("the token is unknown")
    if holder["revoked"]:
        return Unauthenticated("the token was revoked")
    if holder["expired"]:
        return Unauthenticated("the token has expired")
    if holder["host_id"] is not None:
        return _host(holder["host_id"], holder["host_state"], holder["host_account_state"])
    if holder["account_state"] != AccountState.ACTIVE:
        return Unauthenticated(f"the account is {holder['account_state']}")
    mine = rights.get(holder["account_id"], {})
    return Principal(
        account_id=holder["account_id"],
        account_name=holder["name"],
        submit_all_apps=holder["submit_all_apps"],
        admin_all_apps=holder["admin_all_apps"],
        apps={app: AppRights(submit, admin) for app, (submit, admin) in mine.items()},
    )


def _host(host: int, state: str, owner_state: str) -> Principal | Unauthenticated:
    if state == HostState.BANNED:
        return Unauthenticated("the host is banned")
    if owner_state != AccountState.ACTIVE:
        return Unauthenticated(f"the host's owner is {owner_state}")
    return Principal(host_id=HostId(host), host_draining=state == HostState.DRAINING)
