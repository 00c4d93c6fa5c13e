"""The leader's cycle: news in, a plan, and leases out.

    look      what changed in Redis since the last cycle (`memory`)
    plan      pure: who gets which slots (broker.scheduling)
    lease     the grants become leases in agents' hands (`granting`)
    publish   how things stand now, for everybody to read, and for the record
    reclaim   running jobs are asked back, where pools allow it (`reclaiming`)

Every broker has one; only that of the broker which leads does anything.
"""

import asyncio
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import structlog

from broker.protocol.ids import AccountId, LaneId
from broker.queues import asks, lanes
from broker.queues.client import Queues
from broker.scheduling import Plan, Snapshot, first_come, plan
from broker.services.hosts.waiting import WaitingRoom
from broker.services.leader import rebuild
from broker.services.leader.description import describe
from broker.services.leader.fairness import FairnessMeter, fairness_error
from broker.services.leader.granting import Granting
from broker.services.leader.memory import Memory
from broker.services.leader.reclaiming import Reclaiming
from broker.services.leader.recorder import Recorder
from broker.services.plans import board
from broker.services.plans.board import Board
from broker.storage import decisions
from broker.storage.database import Database

log = structlog.get_logger(__name__)

BOARD_SECONDS = 0.5
BOARD_SECONDS_MAX = 2.0
GRANT_SETTLES_SECONDS = 0.2  # within it comes the report of the job whose slot was granted anew
FALLBACK_LOG_SECONDS = 60.0  # the same error is written out at most so often; it is always counted


@dataclass(slots=True)
class Dispatch:
    """The scheduler of the broker that leads; idle in the others."""

    database: Database
    queues: Queues
    memory: Memory
    waiting: WaitingRoom
    lease_seconds: float
    term: int | None = None
    cycles: int = 0
    cycle_seconds: float = 0.0
    fallbacks: int = 0  # plans that failed
    fairness: FairnessMeter = field(default_factory=FairnessMeter)
    _granting: Granting = field(init=False)
    reclaiming: Reclaiming = field(init=False)
    _recorder: Recorder = field(default_factory=Recorder)
    # An office begins between two cycles: one under way would find another memory after an await.
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    _board_at: float = 0.0
    _granted_at: float = -math.inf
    _fallback_logged_at: float = -math.inf

    def __post_init__(self) -> None:
        self._granting = Granting(
            self.database,
            self.queues,
            self.waiting,
            self.memory,
            self._recorder,
            self.lease_seconds,
        )
        self.reclaiming = Reclaiming(self.database, self.queues, self.waiting, self.memory)

    # -- office -----------------------------------------------------------------------------

    async def take_office(self, term: int) -> None:
        """Becomes the leader: reads everything, puts back what a dead leader had popped."""
        async with self._turn:
            await rebuild.ensure(self.database, self.queues)
            restored = await lanes.restore(self.queues)
            await lanes.mark_all_dirty(self.queues)
            await self.memory.load()
            self.reclaiming.forget()
            self.term = term
        log.info("scheduler took office", term=term, jobs_restored=restored)

    def leave_office(self) -> None:
        """Another broker leads, or this one stops."""
        if self.term is not None:
            log.info("scheduler left office", term=self.term)
        self.term = None

    def held_back(self) -> dict[AccountId, float]:
        """GPU-seconds that budgets hold back for what runs, by account."""
        return self.memory.backlog.held_back()

    async def refresh_hosts(self) -> None:
        """Hosts came, went, or fell silent."""
        if self.term is not None:
            await self.memory.load_hosts()

    # -- cycle ------------------------------------------------------------------------------

    async def cycle(self) -> bool:
        """One scheduling cycle; True when there is more to do at once.

        Raises:
            Unavailable, GenerationLost: a server is away; nothing is lost, try again.
        """
        async with self._turn:
            term = self.term  # for the whole cycle: the office may be lost between two awaits
            return await self._cycle(term) if term is not None else False

    async def _cycle(self, term: int) -> bool:
        started = time.perf_counter()
        news = await asks.look(self.queues)
        await self.memory.absorb(news)
        await self.memory.refresh(term)
        granted = await self._plan_and_lease(term) if self._can_grant() else False
        if granted:
            self._granted_at = self.memory.clock()
        await self._publish(term)
        self.cycles += 1
        self.cycle_seconds += time.perf_counter() - started
        return news.more or granted

    @property
    def leases_granted(self) -> int:
        """Leases that this broker made, ever."""
        return self._granting.leases_granted

    @property
    def has_work(self) -> bool:
        """Whether jobs wait, so that an ask is worth a cycle at once."""
        return self.term is not None and self.memory.backlog.pending_jobs > 0

    def _can_grant(self) -> bool:
        return bool(self.memory.fleet.asks) and self.memory.backlog.pending_jobs > 0

    async def _plan_and_lease(self, term: int) -> bool:
        snapshot, lane_ids = self.memory.snapshot()
        now = self.memory.clock()
        decided = self._decide(snapshot, now, explain=False)
        wide = np.flatnonzero(snapshot.wide()).tolist()
        self._remember(decided, [(row, lane_ids[row]) for row in wide], now)
        return await self._granting.lease(snapshot, decided, lane_ids, now, term)

    def _remember(self, decided: Plan, wide: Sequence[tuple[int, LaneId]], now: float) -> None:
        """Keeps for the next cycle which wide jobs were passed over, and for whom hosts are held.

        Args:
            wide: (row, lane) of those whose jobs take several slots.
        """
        for row, lane_id in wide:
            klass = int(decided.lane_reserved_class[row])
            reserved = self.memory.fleet.class_keys[klass] if klass >= 0 else None
            state = self.memory.backlog.lanes[lane_id]
            state.passed_over(int(decided.lane_skipped[row]), reserved, now)

    async def _publish(self, term: int) -> None:
        """Plans once more without granting, so that the board shows how things stand now.

        Not right after a grant: an agent offers a slot again before its report of the ended job is
        counted, and for that moment the slot would be shown as held twice.
        """
        now = self.memory.clock()
        unsettled = now - self._granted_at < GRANT_SETTLES_SECONDS
        if now - self._board_at < (BOARD_SECONDS_MAX if unsettled else BOARD_SECONDS):
            return
        self._board_at = now
        snapshot, lane_ids = self.memory.snapshot()
        decided = self._decide(snapshot, now)
        self.fairness.observe(fairness_error(snapshot, decided), now)
        described = describe(snapshot, decided, lane_ids, self.memory.backlog, self.memory.fleet)
        await board.write(self.queues, described)
        await self._record(described, term)
        await self.reclaiming.look(snapshot, decided, lane_ids)

    async def _record(self, now: Board, term: int) -> None:
        """Writes down what changed, for explanations afterwards."""
        changed = self._recorder.changes(now, self.memory.backlog, term=term, cycle=self.cycles)
        if changed:
            async with self.database.connection() as connection:
                await decisions.insert(connection, changed)

    def _decide(self, snapshot: Snapshot, now: float, *, explain: bool = True) -> Plan:
        """The plan; should it fail, plain first come first served, so that the fleet works on."""
        try:
            decided = plan(snapshot, now, explain=explain)
            self.memory.backlog.lags.planned(snapshot, decided)
            self.memory.backlog.dues.planned(snapshot, decided)
        except Exception:
            self.fallbacks += 1
            if now - self._fallback_logged_at > FALLBACK_LOG_SECONDS:
                self._fallback_logged_at = now
                log.exception("plan failed; jobs are granted first come, first served")
            return first_come(snapshot, now)
        return decided
