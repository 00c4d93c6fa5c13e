"""Keeps in memory what decisions need to know, and says how current it is.

The whole is read once; then only what changed. Every change of rights counts an epoch up in its own
transaction (see schema.sql), so "the same epoch" means "nothing was changed": a use case that
changes something calls `confirm` inside its transaction, and a decision after that is one about the
database's state, not about a memory of it.
"""

import asyncio
import gc
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import structlog

from broker.domain.access import Principal, World
from broker.errors import Unauthenticated
from broker.protocol.ids import AccountId, NodeId
from broker.protocol.states import AccountState
from broker.storage import access
from broker.storage.database import Connection, Database

log = structlog.get_logger(__name__)

AGE_SECONDS_MAX = 2.0  # a revocation is in force after at most so long, or nothing is decided


@dataclass(slots=True)
class Access:
    """The world of rights as this broker knows it.

    Args:
        database: connections of its own, so that rights are current when all others are busy.
    """

    database: Database
    clock: Callable[[], float] = time.monotonic
    world: World = field(default_factory=World)
    _confirmed_at: float = float("-inf")
    _reading: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def catch_up(self) -> None:
        """Learns of everything that was committed until now.

        Raises:
            Unavailable: PostgreSQL is away.
        """
        async with self._reading:
            asked_at = self.clock()
            async with self.database.connection() as connection:
                if await access.epoch(connection) != self.world.epoch:
                    snapshot = connection.transaction(isolation="repeatable_read", readonly=True)
                    async with snapshot:
                        with _uncollected():
                            await self._read(connection)
            self._confirmed_at = asked_at

    async def confirm(self, connection: Connection) -> None:
        """Goes on once the world is the database's as the caller's transaction sees it.

        Raises:
            Unavailable: the changes cannot be read; nothing may be changed on old knowledge.
        """
        if await access.epoch(connection) > self.world.epoch:
            await self.catch_up()

    async def principal(self, account: AccountId) -> Principal:
        """An active account with everything that it holds.

        Raises:
            Unauthenticated: it is suspended or deleted.
            Unavailable: what is known is too old, and PostgreSQL is away.
        """
        too_old = self.clock() - self._confirmed_at > AGE_SECONDS_MAX
        if too_old or account not in self.world.accounts:
            await self.catch_up()
        facts = self.world.accounts.get(account)
        if facts is None or facts.state is not AccountState.ACTIVE:
            raise Unauthenticated(f"the account is {facts.state if facts else 'unknown'}")
        return self.world.principal(account)

    async def _read(self, connection: Connection) -> None:
        """Whole, the first time and after a long absence; else what changed. One moment's state."""
        epoch = await access.epoch(connection)
        oldest = await access.oldest(connection)
        known = self.world.epoch
        if known < 0 or known > epoch or oldest is None or known < oldest - 1:
            world = World()
            await _fill(connection, world)
            world.epoch = epoch
            self.world = world
            log.debug("rights read", epoch=epoch, nodes=len(world.nodes))
            return
        changed = await access.changes(connection, known)
        await _fill(connection, self.world, changed)
        self.world.epoch = epoch


@contextmanager
def _uncollected() -> Iterator[None]:
    """Without the garbage collector: it would go through a hundred thousand new objects again and
    again and find no garbage, which makes reading them take three times as long."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


async def _fill(
    connection: Connection, world: World, changed: dict[str, list[int]] | None = None
) -> None:
    """Reads everything (None), or what changed, and puts all of it into the world at once."""

    def wanted(kind: str) -> Sequence[int] | None:
        return None if changed is None else changed.get(kind, ())

    at = wanted("node")
    nodes = await access.nodes(connection, at)
    closed = await access.projects_without_import(connection, at)
    roots = await access.data_roots(connection, at)
    pools = await access.open_pools(connection, at)
    acls = await access.acls(connection, wanted("acl"))
    accounts = await access.accounts(connection, wanted("account"))
    teams = await access.memberships(connection, wanted("member"))
    bindings = await access.bindings(connection, wanted("binding"))
    # From here on nothing waits: nobody decides on half of a change.
    world.put_nodes(map(NodeId, at or ()), nodes)
    world.put_facts(map(NodeId, at or ()), roots, open_pools=pools, imports_off=closed)
    world.put_acls(map(NodeId, wanted("acl") or ()), acls)
    world.put_accounts(accounts)
    world.put_teams(map(AccountId, wanted("member") or ()), teams)
    world.put_bindings(map(NodeId, wanted("binding") or ()), bindings)
