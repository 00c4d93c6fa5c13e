"""Who is calling: a credential names its holder, `access` says what the holder may do.

The holder of a token is remembered for at most `principal_seconds`, so a revoked token stops on
every broker within that time; a change made through this broker is in force at once.
"""

import hashlib
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import asyncpg

from broker.domain.access import ANONYMOUS, Action, Principal, rights_of_role
from broker.errors import Unauthenticated
from broker.protocol.ids import AccountId, HostId
from broker.protocol.nodes import EVERYONE, Role
from broker.protocol.states import AccountState, HostState
from broker.services.access import Access
from broker.services.group_commit import Group
from broker.storage import identity
from broker.storage.database import Database

ACCOUNT_PREFIX, HOST_PREFIX, ENROLLMENT_PREFIX = "flt_", "flh_", "fle_"
REMEMBERED_MAX = 100_000
TOKEN_NEEDED = "this needs a token: send `Authorization: Bearer flt_...`"  # noqa: S105
# What may be asked without a token: what everyone may be given.
WITHOUT_TOKEN = rights_of_role(Role.READER)


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
        raise Unauthenticated(TOKEN_NEEDED.replace("flt_...", wanted))
    scheme, _, secret = authorization.partition(" ")
    secret = secret.strip()
    if scheme.lower() != "bearer" or not secret.startswith(prefixes):
        raise Unauthenticated(f"expected `Authorization: Bearer` and a token {wanted}")
    return secret


@dataclass(frozen=True, slots=True)
class Holder:
    """Whom a credential stands for: an account, or a host. What either may do is another question.

    Whatever else can prove an account one day (OpenID Connect, LDAP) ends in one of these.
    """

    account_id: AccountId | None = None
    host_id: HostId | None = None
    host_draining: bool = False


@dataclass(slots=True)
class Identity:
    """Finds the principal of a token.

    Args:
        host_linger: seconds that a host's look-up may wait for others, now. What follows it in a
            poll (leases held, the ask) then comes together with the others' too.
    """

    database: Database
    access: Access
    remember_seconds: float
    host_linger: Callable[[], float] = lambda: 0.0
    clock: Callable[[], float] = time.monotonic
    _remembered: dict[bytes, tuple[float, Holder]] = field(default_factory=dict)
    _looking_up: Group[bytes, Holder] = field(init=False)
    _looking_up_hosts: Group[bytes, Holder] = field(init=False)

    def __post_init__(self) -> None:
        self._looking_up = Group(self._look_up, weight_max=500, writers=2)
        self._looking_up_hosts = Group(self._look_up, weight_max=500, linger=self.host_linger)

    def forget(self) -> None:
        """Call after any change of tokens or hosts: readers see their writes."""
        self._remembered = {}

    async def authenticate(
        self, authorization: str | None, action: Action | None = None
    ) -> Principal:
        """The caller behind an Authorization header.

        Args:
            action: what will be asked; without a token, what everyone may be given can be.

        Raises:
            Unauthenticated: no bearer token, or one that is unknown, expired or revoked, or whose
                account is not active.
        """
        if authorization is None and action in WITHOUT_TOKEN:
            return ANONYMOUS
        holder = await self._holder(bearer(authorization, ACCOUNT_PREFIX, HOST_PREFIX))
        if holder.account_id is not None:
            return await self.access.principal(holder.account_id)
        return Principal(
            host_id=holder.host_id,
            host_draining=holder.host_draining,
            principals=frozenset({EVERYONE}),
        )

    async def _holder(self, secret: str) -> Holder:
        sha256 = digest(secret)
        remembered = self._remembered
        known = remembered.get(sha256)
        if known and known[0] > self.clock():
            return known[1]
        until = self.clock() + self.remember_seconds
        is_host = secret.startswith(HOST_PREFIX)
        group = self._looking_up_hosts if is_host else self._looking_up
        holder = await group.add(sha256)
        if len(remembered) >= REMEMBERED_MAX:
            remembered.clear()
        # Into the book that was open when we looked: after `forget` nobody reads that one.
        remembered[sha256] = (until, holder)
        return holder

    async def _look_up(self, group: Sequence[bytes]) -> list[Holder | Exception]:
        async with self.database.connection() as connection:
            rows = await identity.by_tokens(connection, group)
        return [_holder_of(rows.get(sha256)) for sha256 in group]


def _holder_of(row: asyncpg.Record | None) -> Holder | Unauthenticated:
    """A token's holder, or why it is none."""
    if row is None:
        return Unauthenticated("the token is unknown")
    if row["revoked"]:
        return Unauthenticated("the token was revoked")
    if row["expired"]:
        return Unauthenticated("the token has expired")
    if row["host_state"] == HostState.BANNED:
        return Unauthenticated("the host is banned")
    if row["owner_state"] not in (None, AccountState.ACTIVE):
        return Unauthenticated(f"the host's owner is {row['owner_state']}")
    return Holder(
        row["account_id"], row["host_id"], host_draining=row["host_state"] == HostState.DRAINING
    )
