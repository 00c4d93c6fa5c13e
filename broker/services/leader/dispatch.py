"""The leader's cycle: news in, a plan, and leases out.

    look      what changed in Redis since the last cycle
    plan      pure: who gets which slots (broker.scheduling)
    pop       the granted jobs leave their lanes, remembered under the cycle's name
    claim     one conditional UPDATE in PostgreSQL; what it does not confirm is not a lease
    confirm   the cycle's memory in Redis may go
    deliver   open polls get their leases

A crash between pop and confirm loses nothing: the next leader puts the popped jobs back, and the
claim's condition makes a job that comes back twice harmless.
"""

import math
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import NamedTuple

import numpy as np
import structlog

from broker.protocol.ids import AccountId, HostId, LaneId
from broker.protocol.resources import WHOLE
from broker.queues import asks
from broker.queues import lanes as queue_lanes
from broker.queues.asks import News
from broker.queues.client import Queues
from broker.scheduling import Plan, Snapshot, first_come, plan
from broker.services.hosts import gangs
from broker.services.hosts.lanes import LaneBook
from broker.services.hosts.waiting import WaitingRoom
from broker.services.leader import rebuild
from broker.services.leader.backlog import Backlog
from broker.services.leader.description import describe
from broker.services.leader.fairness import FairnessMeter, fairness_error
from broker.services.leader.fleet import Fleet
from broker.services.leader.recorder import Recorder
from broker.services.plans import board
from broker.services.plans.board import Board
from broker.storage import budgets, decisions, leases
from broker.storage import fleet as fleet_rows
from broker.storage.database import Connection, Database
from broker.storage.leases import LeaseRow, Place

log = structlog.get_logger(__name__)

JOBS_PER_CLAIM_MAX = 2_000
ACCOUNTS_SECONDS = 1.0  # a quota or an account's state counts after at most so long
DUES_SECONDS = 10.0  # so much of what was due is lost at most when another broker leads
RECOUNT_SECONDS = 10.0
EXPIRED_ASKS_SECONDS = 1.0
BOARD_SECONDS = 0.5
BOARD_SECONDS_MAX = 2.0
GRANT_SETTLES_SECONDS = 0.2  # within it comes the report of the job whose slot was granted anew
FALLBACK_LOG_SECONDS = 60.0  # the same error is written out at most so often; it is always counted


class Grant(NamedTuple):
    """So many jobs of a lane for a host, and what each takes of it."""

    lane_id: LaneId
    host_id: HostId
    place: Place
    jobs: int


@dataclass(slots=True)
class Dispatch:
    """The scheduler of the broker that leads; idle in the others.

    Args:
        clock: seconds since the epoch.
    """

    database: Database
    queues: Queues
    book: LaneBook
    waiting: WaitingRoom
    lease_seconds: float
    half_life_seconds: float
    history_strength: float
    host_silent_seconds: float
    clock: Callable[[], float] = time.time
    term: int | None = None
    cycles: int = 0
    cycle_seconds: float = 0.0
    leases_granted: int = 0
    fallbacks: int = 0  # plans that failed
    fairness: FairnessMeter = field(default_factory=FairnessMeter)
    _fleet: Fleet = field(default_factory=Fleet)
    _backlog: Backlog = field(default_factory=Backlog)
    _accounts_at: float = 0.0
    _dues_at: float = 0.0
    _recount_at: float = 0.0
    _expired_at: float = 0.0
    _board_at: float = 0.0
    _granted_at: float = -math.inf
    _recorder: Recorder = field(default_factory=Recorder)
    _fallback_logged_at: float = -math.inf
    _cycle: int = 0

    # -- office -----------------------------------------------------------------------------

    async def take_office(self, term: int) -> None:
        """Becomes the leader: reads everything, puts back what a dead leader had popped."""
        await rebuild.ensure(self.database, self.queues)
        self._fleet, self._backlog = Fleet(), Backlog()
        restored = await queue_lanes.restore(self.queues)
        await queue_lanes.mark_all_dirty(self.queues)
        await self._load_hosts()
        for host, ask in (await asks.standing(self.queues)).items():
            self._fleet.ask(host, ask)
        await self._load_accounts()
        await self._recount()
        self.term = term
        log.info("scheduler took office", term=term, jobs_restored=restored)

    def leave_office(self) -> None:
        """Another broker leads, or this one stops."""
        if self.term is not None:
            log.info("scheduler left office", term=self.term)
        self.term = None

    def held_back(self) -> dict[AccountId, float]:
        """GPU-seconds that budgets hold back for what runs, by account."""
        return self._backlog.held_back()

    async def refresh_hosts(self) -> None:
        """Hosts came, went, or fell silent."""
        if self.term is not None:
            await self._load_hosts()

    # -- cycle ------------------------------------------------------------------------------

    async def cycle(self) -> bool:
        """One scheduling cycle; True when there is more to do at once.

        Raises:
            Unavailable, GenerationLost: a server is away; nothing is lost, try again.
        """
        term = self.term  # for the whole cycle: the office may be lost between two awaits
        if term is None:
            return False
        started = time.perf_counter()
        news = await asks.look(self.queues)
        await self._absorb(news)
        await self._refresh()
        granted = await self._plan_and_lease(term) if self._can_grant() else False
        if granted:
            self._granted_at = self.clock()
        await self._publish(term)
        self.cycles += 1
        self.cycle_seconds += time.perf_counter() - started
        return news.more or granted

    @property
    def has_work(self) -> bool:
        """Whether jobs wait, so that an ask is worth a cycle at once."""
        return self.term is not None and self._backlog.pending_jobs > 0

    def _can_grant(self) -> bool:
        return bool(self._fleet.asks) and self._backlog.pending_jobs > 0

    async def _absorb(self, news: News) -> None:
        now = self.clock()
        self._backlog.lags.advance(now, self._backlog.job_seconds())
        self._backlog.dues.advance(now)
        lanes = await self.book.rows({*news.lane_lengths, *(f.lane_id for f in news.freed)})
        self._backlog.know(lanes)
        for lane_id, length in news.lane_lengths.items():
            if state := self._backlog.lanes.get(lane_id):
                state.pending = length
        for freed in news.freed:
            self._backlog.ended(freed)
        if any(not self._fleet.knows(host) for host, ask in news.asks.items() if ask):
            await self._load_hosts()
        for host, ask in news.asks.items():
            self._fleet.ask(host, ask)

    async def _refresh(self) -> None:
        now = self.clock()
        if now - self._expired_at > EXPIRED_ASKS_SECONDS:
            self._fleet.drop_expired(now)
            self._expired_at = now
        if self._backlog.of_unknown_accounts() or now - self._accounts_at > ACCOUNTS_SECONDS:
            await self._load_accounts()
            for state in self._backlog.of_unknown_accounts():
                state.pending = 0  # left over in Redis: the account has no open jobs
        if now - self._recount_at > RECOUNT_SECONDS:
            await self._recount()

    async def _plan_and_lease(self, term: int) -> bool:
        snapshot, lane_ids = self._snapshot()
        now = self.clock()
        decided = self._decide(snapshot, now, explain=False)
        wide = np.flatnonzero(snapshot.wide()).tolist()
        self._remember(decided, [(row, lane_ids[row]) for row in wide], now)
        gang_grants = [
            gangs.Grant(
                lane_ids[lane],
                tuple(self._fleet.host_of(host) for host in hosts),
                tuple(self._fleet.place_of(host) for host in hosts),
            )
            for lane, hosts in together(decided)
        ]
        grants = [
            Grant(lane_ids[lane], self._fleet.host_of(host), self._fleet.place_of(host), jobs)
            for lane, host, jobs in merged(decided)
        ]
        if gang_grants:
            await self._lease_gangs(gang_grants, now, term)
        for part in portions(grants):
            await self._lease(part, now, term)
        return bool(grants or gang_grants)

    def _remember(self, decided: Plan, wide: Sequence[tuple[int, LaneId]], now: float) -> None:
        """Keeps for the next cycle which wide jobs were passed over, and for whom hosts are held.

        Args:
            wide: (row, lane) of those whose jobs take several slots.
        """
        for row, lane_id in wide:
            klass = int(decided.lane_reserved_class[row])
            reserved = self._fleet.class_keys[klass] if klass >= 0 else None
            state = self._backlog.lanes[lane_id]
            state.passed_over(int(decided.lane_skipped[row]), reserved, now)

    async def _lease_gangs(self, grants: Sequence[gangs.Grant], now: float, term: int) -> None:
        self._cycle += 1
        leased = await gangs.lease(
            self.database,
            self.queues,
            grants,
            cycle=f"{term}.{self._cycle}",
            lease_seconds=self.lease_seconds,
            term=term,
        )
        for lane, wanted in Counter(grant.lane_id for grant in grants).items():
            state = self._backlog.lanes[lane]
            jobs = sum(grant.lane_id == lane for _, grant in leased)
            state.pending = max(0, state.pending - jobs) if jobs == wanted else 0
            state.leased(jobs, now)
            state.last_served = now
        self.leases_granted += len(leased)
        hosts = sorted({host for _, grant in leased for host in grant.hosts})
        for host in hosts:
            self._fleet.ask(host, None)
        for _, grant in leased:
            self._recorder.granted(grant.lane_id)
        self.waiting.wake(hosts)  # each looks for itself: what it gets depends on its rank
        await asks.granted(self.queues, hosts, hosts)

    async def _lease(self, grants: Sequence[Grant], now: float, term: int) -> None:
        wanted: dict[LaneId, int] = defaultdict(int)
        for grant in grants:
            wanted[grant.lane_id] += grant.jobs
        self._cycle += 1
        cycle = f"{term}.{self._cycle}"
        popped = await queue_lanes.pop(self.queues, cycle, list(wanted.items()))
        supply = {lane: iter(jobs.tolist()) for lane, jobs in zip(wanted, popped, strict=True)}
        jobs: list[int] = []
        hosts: list[int] = []
        places: list[Place] = []
        for grant in grants:
            jobs.extend(islice(supply[grant.lane_id], grant.jobs))
            hosts.extend([grant.host_id] * (len(jobs) - len(hosts)))
            places.extend([grant.place] * (len(jobs) - len(places)))
        async with self.database.connection() as connection:
            claimed = await leases.claim(
                connection, jobs, hosts, places, lease_seconds=self.lease_seconds, term=term
            )
        if jobs and not claimed:
            log.warning("no claim was confirmed", jobs=len(jobs), term=term)
        await queue_lanes.confirm(self.queues, cycle)
        for lane, ids in zip(wanted, popped, strict=True):
            state = self._backlog.lanes[lane]
            state.pending = max(0, state.pending - len(ids))
            if len(ids) < wanted[lane]:
                state.pending = 0
            state.last_served = now
        self.leases_granted += len(claimed)
        await self._deliver(claimed, now)

    async def _deliver(self, claimed: Sequence[LeaseRow], now: float) -> None:
        by_host: dict[HostId, list[LeaseRow]] = defaultdict(list)
        for lease in claimed:
            by_host[lease.host_id].append(lease)
            self._recorder.granted(lease.lane_id)
            if state := self._backlog.lanes.get(lease.lane_id):
                state.leased(1, now)
        remote = []
        for host, rows in by_host.items():
            self._fleet.ask(host, None)
            if not self.waiting.deliver(host, rows):
                remote.append(host)
        await asks.granted(self.queues, list(by_host), remote)

    async def _publish(self, term: int) -> None:
        """Plans once more without granting, so that the board shows how things stand now.

        Not right after a grant: an agent offers a slot again before its report of the ended job is
        counted, and for that moment the slot would be shown as held twice.
        """
        now = self.clock()
        unsettled = now - self._granted_at < GRANT_SETTLES_SECONDS
        if now - self._board_at < (BOARD_SECONDS_MAX if unsettled else BOARD_SECONDS):
            return
        self._board_at = now
        snapshot, lane_ids = self._snapshot()
        decided = self._decide(snapshot, now)
        self.fairness.observe(fairness_error(snapshot, decided), now)
        described = describe(snapshot, decided, lane_ids, self._backlog, self._fleet)
        await board.write(self.queues, described)
        await self._record(described, term)

    async def _record(self, now: Board, term: int) -> None:
        """Writes down what changed, for explanations afterwards."""
        changed = self._recorder.changes(now, self._backlog, term=term, cycle=self.cycles)
        if changed:
            async with self.database.connection() as connection:
                await decisions.insert(connection, changed)

    def _decide(self, snapshot: Snapshot, now: float, *, explain: bool = True) -> Plan:
        """The plan; should it fail, plain first come first served, so that the fleet works on."""
        try:
            decided = plan(snapshot, now, explain=explain)
            self._backlog.lags.planned(snapshot, decided)
            self._backlog.dues.planned(snapshot, decided)
        except Exception:
            self.fallbacks += 1
            if now - self._fallback_logged_at > FALLBACK_LOG_SECONDS:
                self._fallback_logged_at = now
                log.exception("plan failed; jobs are granted first come, first served")
            return first_come(snapshot, now)
        return decided

    # -- memory -----------------------------------------------------------------------------

    def _snapshot(self) -> tuple[Snapshot, list[LaneId]]:
        columns = self._backlog.columns(self._fleet, self.clock(), self.half_life_seconds)
        accounts, groups, lanes, lane_ids = columns
        snapshot = Snapshot(
            accounts=accounts,
            lanes=lanes,
            hosts=self._fleet.columns(),
            class_capacity=self._fleet.class_capacity,
            half_life_seconds=self.half_life_seconds,
            groups=groups,
            history_strength=self.history_strength,
            slot_units=WHOLE,
        )
        return snapshot, lane_ids

    async def _load_hosts(self) -> None:
        async with self.database.connection() as connection:
            rows = await fleet_rows.hosts(connection, silent_seconds=self.host_silent_seconds)
        self._fleet.load(rows)

    async def _load_accounts(self) -> None:
        async with self.database.connection() as connection:
            await self._write_dues(connection)
            rows = await fleet_rows.accounts(connection, half_life_seconds=self.half_life_seconds)
            groups = await fleet_rows.groups(connection, half_life_seconds=self.half_life_seconds)
            drawn = await budgets.drawn(connection)
        self._backlog.load(rows, groups, drawn)
        self._accounts_at = self.clock()

    async def _write_dues(self, connection: Connection) -> None:
        """Writes down what was due, seldom enough to cost nothing."""
        now = self.clock()
        if self.term is None or now - self._dues_at < DUES_SECONDS:
            return
        if due := self._backlog.dues.unwritten():
            seconds = self.half_life_seconds
            await fleet_rows.add_due(connection, due, half_life_seconds=seconds, term=self.term)
        self._backlog.dues.written()
        self._dues_at = now

    async def _recount(self) -> None:
        async with self.database.connection() as connection:
            running, seen = await leases.active_by_lane(connection)
        self._backlog.know(await self.book.rows(running))
        self._backlog.recount(running, seen, self.clock())
        self._recount_at = self.clock()


def together(decided: Plan) -> list[tuple[int, list[int]]]:
    """(lane row, host rows) of each job on several hosts, in the order granted."""
    found: dict[int, tuple[int, list[int]]] = {}
    for row in np.flatnonzero(decided.grant_gang >= 0):
        lane, hosts = int(decided.grant_lane[row]), [int(decided.grant_host[row])]
        found.setdefault(int(decided.grant_gang[row]), (lane, []))[1].extend(hosts)
    return list(found.values())


def merged(decided: Plan) -> list[tuple[int, int, int]]:
    """(lane row, host row, jobs) once for each pair of lane and host, in the order first granted;
    of jobs on one host.

    The plan grants one job after the other; which of a lane's jobs go to which host is all one.
    """
    single = decided.grant_gang < 0
    lane, host = decided.grant_lane[single], decided.grant_host[single]
    hosts = int(host.max(initial=0)) + 1
    pairs = lane.astype(np.int64) * hosts + host
    pair, first, place = np.unique(pairs, return_index=True, return_inverse=True)
    jobs = np.bincount(place, weights=decided.grant_count[single]).astype(np.int64)
    order = np.argsort(first)
    lanes, at = np.divmod(pair[order], hosts)
    return list(zip(lanes.tolist(), at.tolist(), jobs[order].tolist(), strict=True))


def portions(grants: Sequence[Grant]) -> Iterator[list[Grant]]:
    """Grants in transactions of at most JOBS_PER_CLAIM_MAX jobs each, in order."""
    part: list[Grant] = []
    room = JOBS_PER_CLAIM_MAX
    for grant in grants:
        left = grant.jobs
        while left:
            jobs = min(left, room)
            part.append(grant._replace(jobs=jobs))
            left, room = left - jobs, room - jobs
            if room == 0:
                yield part
                part, room = [], JOBS_PER_CLAIM_MAX
    if part:
        yield part
