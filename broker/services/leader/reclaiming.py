"""Reclaim: running jobs are asked back for accounts below their share, in pools that allow it.

    look      is somebody short, and for a while, whose job waits in such a pool?
    choose    pure, on what runs at this moment (`broker.scheduling.reclaims`)
    ask       the hosts of those jobs, within each pool's pace

What happens to a job that is asked back stands in `hosts.preemption`.
"""

import math
from dataclasses import dataclass, field

import numpy as np
import structlog

from broker.protocol.ids import AccountId, JobId, LaneId
from broker.queues.client import Queues
from broker.scheduling import Plan, Reclaim, Snapshot, plan, reclaims
from broker.services.hosts import preemption
from broker.services.hosts.preemption import Pace
from broker.services.hosts.waiting import WaitingRoom
from broker.services.leader.memory import Memory
from broker.storage.database import Database

log = structlog.get_logger(__name__)

# A slot that came free is not offered again at once, and jobs end by themselves: who is short for
# less than this gets its slots without anybody's loss.
SHORT_SECONDS_MIN = 5.0


@dataclass(slots=True)
class Reclaiming:
    """The leader's memory of who is short, and of how much was taken back lately."""

    database: Database
    queues: Queues
    waiting: WaitingRoom
    memory: Memory
    jobs_reclaimed: int = 0
    failures: int = 0  # choices that raised an exception
    _pace: Pace = field(default_factory=Pace)
    _chosen_at: float = -math.inf
    _short_since: dict[AccountId, float] = field(default_factory=dict)

    def forget(self) -> None:
        """An office begins: nobody has been short for long, as far as is known."""
        self._short_since.clear()

    async def look(self, snapshot: Snapshot, decided: Plan, lane_ids: list[LaneId]) -> None:
        """Has jobs handed back where that is due.

        Args:
            decided: the plan of this snapshot, whose grants are not carried out.
            lane_ids: of each row of the snapshot's lanes.
        """
        now, pools = self.memory.clock(), self.memory.preemptible.keys()
        short = self._short(snapshot, decided, lane_ids) if pools else set()
        self._short_since = {each: self._short_since.get(each, now) for each in short}
        long = any(now - since >= SHORT_SECONDS_MIN for since in self._short_since.values())
        if long and now - self._chosen_at >= self.memory.occupancy.serves_seconds:
            self._chosen_at = now
            await self.memory.locate(set(pools))
            await self._ask_back(self._choose(now))

    def _short(self, snapshot: Snapshot, decided: Plan, lane_ids: list[LaneId]) -> set[AccountId]:
        """Accounts below their share with a job that waits in a pool that allows preemption."""
        below = decided.allocated_slots < decided.entitlement_slots
        waits = snapshot.lanes.pending > decided.lane_granted
        lanes = self.memory.backlog.lanes
        found = (
            lanes[lane_ids[row]]
            for row in np.flatnonzero(waits & below[snapshot.lanes.account]).tolist()
        )
        return {lane.account for lane in found if lane.lane.row.pool in self.memory.preemptible}

    def _choose(self, now: float) -> dict[tuple[JobId, int], str]:
        """The pool of each lease to end, by job and epoch, of what runs by the read just made."""
        snapshot, _ = self.memory.snapshot(located=True)
        try:
            rows = reclaims(snapshot, plan(snapshot, now), self._rules(), now)
        except Exception:
            self.failures += 1
            log.exception("nothing is taken back: the choice failed")
            return {}
        lanes = self.memory.backlog.lanes
        return {
            lease: lanes[lane].lane.row.pool
            for lease, lane in self.memory.occupancy.leases(rows).items()
        }

    def _rules(self) -> Reclaim:
        """What may be taken back now, by host and pool."""
        rules = list(self.memory.preemptible.values())
        row_of = {each.pool: row for row, each in enumerate(rules)}
        pools = self.memory.fleet.pools()
        return Reclaim(
            pool=np.array([row_of.get(pool, -1) for pool in pools], np.int32),
            minimum_run_seconds=np.array([each.minimum_run_seconds for each in rules], np.float64),
            jobs_max=np.array(
                [self._pace.room(each.pool, each.jobs_per_minute_max) for each in rules], np.int64
            ),
        )

    async def _ask_back(self, chosen: dict[tuple[JobId, int], str]) -> None:
        if not chosen:
            return
        asked = set(await preemption.request(self.database, self.queues, self.waiting, [*chosen]))
        for (job, _), pool in chosen.items():
            if job in asked:
                self._pace.took(pool, 1)
        self.jobs_reclaimed += len(asked)
        self.memory.occupancy.asked(asked)
        log.info("running jobs were asked back", jobs=len(asked))
