"""From a plan's grants to leases in agents' hands.

    pop       the granted jobs leave their lanes, remembered under the cycle's name
    claim     one conditional UPDATE in PostgreSQL; what it does not confirm is not a lease
    confirm   the cycle's memory in Redis may go
    deliver   open polls get their leases

A crash between pop and confirm loses nothing: the next leader puts the popped jobs back, and the
claim's condition makes a job that comes back twice harmless.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

import numpy as np
import structlog

from broker.protocol.ids import HostId, LaneId
from broker.queues import asks, lanes
from broker.queues.client import Queues
from broker.scheduling import Plan, Snapshot
from broker.services.hosts import gangs
from broker.services.hosts.waiting import WaitingRoom
from broker.services.leader.memory import Memory
from broker.services.leader.recorder import Recorder
from broker.services.leader.shared_hosts import SharedHosts
from broker.storage import leases
from broker.storage.database import Database
from broker.storage.leases import LeaseRow, Place

log = structlog.get_logger(__name__)

JOBS_PER_CLAIM_MAX = 2_000


class Grant(NamedTuple):
    """So many jobs of a lane for a host, and what each takes of it."""

    lane_id: LaneId
    host_id: HostId
    place: Place
    jobs: int


@dataclass(slots=True)
class Granting:
    """Makes leases, and remembers that it did."""

    database: Database
    queues: Queues
    waiting: WaitingRoom
    memory: Memory
    recorder: Recorder
    lease_seconds: float
    leases_granted: int = 0
    _cycle: int = 0

    async def lease(
        self, snapshot: Snapshot, decided: Plan, lane_ids: Sequence[LaneId], now: float, term: int
    ) -> bool:
        """Leases what the plan of a snapshot grants; whether it grants anything.

        Args:
            lane_ids: of each row of the snapshot's lanes.
        """
        fleet = self.memory.fleet
        shared = SharedHosts(snapshot, fleet)
        gang_grants = [
            gangs.Grant(
                lane_ids[lane],
                tuple(fleet.host_of(host) for host in hosts),
                tuple(fleet.place_of(host) for host in hosts),
            )
            for lane, hosts in together(decided)
            if shared.take_all(lane, hosts)
        ]
        grants = [
            Grant(lane_ids[lane], fleet.host_of(host), fleet.place_of(host), fitting)
            for lane, host, jobs in merged(decided)
            if (fitting := shared.take(lane, host, jobs))
        ]
        if gang_grants:
            await self._lease_gangs(gang_grants, now, term)
        for part in portions(grants):
            await self._lease(part, now, term)
        return bool(grants or gang_grants)

    async def _lease_gangs(self, grants: Sequence[gangs.Grant], now: float, term: int) -> None:
        leased = await gangs.lease(
            self.database,
            self.queues,
            grants,
            cycle=self._next_cycle(term),
            lease_seconds=self.lease_seconds,
            term=term,
        )
        for lane, wanted in Counter(grant.lane_id for grant in grants).items():
            state = self.memory.backlog.lanes[lane]
            jobs = sum(grant.lane_id == lane for _, grant in leased)
            state.pending = max(0, state.pending - jobs) if jobs == wanted else 0
            state.leased(jobs, now)
            state.last_served = now
        self.leases_granted += len(leased)
        hosts = sorted({host for _, grant in leased for host in grant.hosts})
        for host in hosts:
            self.memory.fleet.ask(host, None)
        for _, grant in leased:
            self.recorder.granted(grant.lane_id)
        self.waiting.wake(hosts)  # each looks for itself: what it gets depends on its rank
        await asks.granted(self.queues, hosts, hosts)

    async def _lease(self, grants: Sequence[Grant], now: float, term: int) -> None:
        wanted: dict[LaneId, int] = defaultdict(int)
        for grant in grants:
            wanted[grant.lane_id] += grant.jobs
        cycle = self._next_cycle(term)
        popped = await lanes.pop(self.queues, cycle, list(wanted.items()))
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
        await lanes.confirm(self.queues, cycle)
        for lane, ids in zip(wanted, popped, strict=True):
            state = self.memory.backlog.lanes[lane]
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
            self.recorder.granted(lease.lane_id)
            if state := self.memory.backlog.lanes.get(lease.lane_id):
                state.leased(1, now)
        remote = []
        for host, rows in by_host.items():
            self.memory.fleet.ask(host, None)
            if not self.waiting.deliver(host, rows):
                remote.append(host)
        await asks.granted(self.queues, list(by_host), remote)

    def _next_cycle(self, term: int) -> str:
        """A name that no other cycle has."""
        self._cycle += 1
        return f"{term}.{self._cycle}"


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
