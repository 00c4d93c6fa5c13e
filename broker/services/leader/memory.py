"""The leader's memory from one cycle to the next, and how it learns what it knows.

load       everything anew, when an office begins
absorb     news of the queues: lanes that grew, slots that came free, hosts that ask
refresh    what PostgreSQL knows better, each part at its own pace
locate     what runs where, when somebody needs to know
snapshot   all of it as the planner's columns
"""

import time
from collections.abc import Callable, Set
from dataclasses import dataclass, field

from broker.protocol.ids import LaneId
from broker.protocol.pools import Preemption
from broker.protocol.resources import WHOLE
from broker.queues import asks
from broker.queues.asks import News
from broker.queues.client import Queues
from broker.scheduling import Running, Snapshot
from broker.services.hosts.lanes import LaneBook
from broker.services.leader.backlog import Backlog
from broker.services.leader.fleet import Fleet
from broker.services.leader.occupancy import Occupancy
from broker.storage import budgets, leases, preemption, running
from broker.storage import fleet as fleet_rows
from broker.storage.database import Connection, Database

ACCOUNTS_SECONDS = 1.0  # a quota or an account's state counts after at most so long
DUES_SECONDS = 10.0  # so much of what was due is lost at most when another broker leads
RECOUNT_SECONDS = 10.0
EXPIRED_ASKS_SECONDS = 1.0


@dataclass(slots=True)
class Memory:
    """What the leader knows of hosts and work.

    Attributes:
        preemptible: the rules of the pools that allow preemption, by pool.

    Args:
        clock: seconds since the epoch.
    """

    database: Database
    queues: Queues
    book: LaneBook
    half_life_seconds: float
    history_strength: float
    host_silent_seconds: float
    clock: Callable[[], float] = time.time
    fleet: Fleet = field(default_factory=Fleet)
    backlog: Backlog = field(default_factory=Backlog)
    occupancy: Occupancy = field(default_factory=Occupancy)
    preemptible: dict[str, Preemption] = field(default_factory=dict)
    _accounts_at: float = 0.0
    _dues_at: float = 0.0
    _recount_at: float = 0.0
    _expired_at: float = 0.0

    async def load(self) -> None:
        """Forgets everything, and reads it anew."""
        self.fleet, self.backlog, self.occupancy = Fleet(), Backlog(), Occupancy()
        await self.load_hosts()
        for host, ask in (await asks.standing(self.queues)).items():
            self.fleet.ask(host, ask)
        await self._load_accounts(term=None)
        await self._recount()

    async def absorb(self, news: News) -> None:
        """Takes in what the queues tell."""
        now = self.clock()
        self.backlog.lags.advance(now, self.backlog.job_seconds())
        self.backlog.dues.advance(now)
        lanes = await self.book.rows({*news.lane_lengths, *(f.lane_id for f in news.freed)})
        self.backlog.know(lanes)
        for lane_id, length in news.lane_lengths.items():
            if state := self.backlog.lanes.get(lane_id):
                state.pending = length
        for freed in news.freed:
            self.backlog.ended(freed)
        if any(not self.fleet.knows(host) for host, ask in news.asks.items() if ask):
            await self.load_hosts()
        for host, ask in news.asks.items():
            self.fleet.ask(host, ask)

    async def refresh(self, term: int) -> None:
        """Reads again what is too old; writes down what was due meanwhile, in this term."""
        now = self.clock()
        if now - self._expired_at > EXPIRED_ASKS_SECONDS:
            self.fleet.drop_expired(now)
            self._expired_at = now
        if self.backlog.of_unknown_accounts() or now - self._accounts_at > ACCOUNTS_SECONDS:
            await self._load_accounts(term)
            for state in self.backlog.of_unknown_accounts():
                state.pending = 0  # left over in Redis: the account has no open jobs
        if now - self._recount_at > RECOUNT_SECONDS:
            await self._recount()
        pools = self.backlog.pools_passed_over()
        if pools and self.occupancy.is_stale(pools, now):
            await self.locate(pools)

    async def locate(self, pools: Set[str]) -> None:
        """Reads what runs where in these pools; the counts of what runs are then of the same
        moment."""
        began = time.perf_counter()
        async with (
            self.database.connection() as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            rows = await running.in_pools(connection, pools)
            read_at = self.clock()
            await self._recount_by(connection)
        took_seconds = time.perf_counter() - began
        self.occupancy.load(rows, pools, read_at, took_seconds=took_seconds)

    def snapshot(self, *, located: bool = False) -> tuple[Snapshot, list[LaneId]]:
        """(what the planner looks at, slots in eighths; lane of each row of its lanes).

        Args:
            located: whether to say what runs where, by the last read, even if no reservation asks.
        """
        now = self.clock()
        accounts, groups, lanes, lane_ids = self.backlog.columns(
            self.fleet, now, self.half_life_seconds
        )
        located = located or bool(self.backlog.pools_passed_over())
        snapshot = Snapshot(
            accounts=accounts,
            lanes=lanes,
            hosts=self.fleet.columns(),
            class_capacity=self.fleet.class_capacity,
            half_life_seconds=self.half_life_seconds,
            groups=groups,
            running=self.occupancy.columns(lanes, self.fleet, now) if located else Running(),
            history_strength=self.history_strength,
            slot_units=WHOLE,
        )
        return snapshot, lane_ids

    async def load_hosts(self) -> None:
        """Reads the hosts: they came, went, or fell silent."""
        async with self.database.connection() as connection:
            rows = await fleet_rows.hosts(connection, silent_seconds=self.host_silent_seconds)
        self.fleet.load(rows)

    async def _load_accounts(self, term: int | None) -> None:
        seconds = self.half_life_seconds
        async with self.database.connection() as connection:
            if term is not None:
                await self._write_dues(connection, term)
            rows = await fleet_rows.accounts(connection, half_life_seconds=seconds)
            groups = await fleet_rows.groups(connection, half_life_seconds=seconds)
            drawn = await budgets.drawn(connection)
            self.preemptible = {rules.pool: rules for rules in await preemption.every(connection)}
        self.backlog.load(rows, groups, drawn)
        self._accounts_at = self.clock()

    async def _write_dues(self, connection: Connection, term: int) -> None:
        """Writes down what was due, seldom enough to cost nothing."""
        now = self.clock()
        if now - self._dues_at < DUES_SECONDS:
            return
        if due := self.backlog.dues.unwritten():
            seconds = self.half_life_seconds
            await fleet_rows.add_due(connection, due, half_life_seconds=seconds, term=term)
        self.backlog.dues.written()
        self._dues_at = now

    async def _recount(self) -> None:
        async with self.database.connection() as connection:
            await self._recount_by(connection)

    async def _recount_by(self, connection: Connection) -> None:
        counted, seen = await leases.active_by_lane(connection)
        self.backlog.know(await self.book.rows(counted))
        self.backlog.recount(counted, seen, self.clock())
        self._recount_at = self.clock()
