"""Bearer tokens: how accounts and hosts prove who they are.

The holder of a token is remembered for at most `principal_seconds`, so a revoked token stops on
every broker within that time; a change made through this broker is in force at once.
"""

import hashlib
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import asyncpg

from broker.errors import Unauthenticated
from broker.protocol.scopes import TokenScope
from broker.protocol.states import AccountState, HostState
from broker.services.infrastructure.group_commit import Group
from broker.services.requests.identity import TOKEN_NEEDED, Holder
from broker.storage import identity
from broker.storage.database import Database

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
        raise Unauthenticated(TOKEN_NEEDED.replace("flt_...", wanted))
    scheme, _, secret = authorization.partition(" ")
    secret = secret.strip()
    if scheme.lower() != "bearer" or not secret.startswith(prefixes):
        raise Unauthenticated(f"expected `Authorization: Bearer` and a token {wanted}")
    return secret


@dataclass(slots=True)
class BearerTokens:
    """An identity provider: tokens that the broker itself made.

    Args:
        host_linger: seconds that a host's look-up may wait for others, now. What follows it in a
            poll (leases held, the ask) then comes together with the others' too.
    """

    database: Database
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

    def recognises(self, authorization: str) -> bool:
        """Whether it is a bearer token with a prefix of ours."""
        scheme, _, secret = authorization.partition(" ")
        ours = secret.strip().startswith((ACCOUNT_PREFIX, HOST_PREFIX))
        return scheme.lower() == "bearer" and ours

    async def holder(self, authorization: str) -> Holder:
        """The account or host that a token stands for.

        Raises:
            Unauthenticated: the token is unknown, expired or revoked, or its host shut out.
            Unavailable: PostgreSQL is away.
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
    if row["host_id"] is not None:
        draining = row["host_state"] == HostState.DRAINING
        return Holder(host_id=row["host_id"], host_draining=draining)
    return Holder(
        row["account_id"], scopes=frozenset(map(TokenScope, row["scopes"])), token_id=row["id"]
    )
