"""How leases end: by a report of their host, or because it fell silent.

Reports of many hosts share one statement, which draws every consequence.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from broker.domain.credit import COBBLESTONES_PER_GFLOPS_SECOND
from broker.domain.jobs import COUNTS_AS_FAILURE, DEBITED, EVENT_OF_OUTCOME, USED, JobEvent
from broker.errors import Unavailable
from broker.protocol.ids import HostId, JobId, LaneId
from broker.protocol.leases import Report
from broker.protocol.states import AnswerStatus, JobState, Outcome
from broker.queues import asks
from broker.queues.asks import Freed
from broker.queues.client import GenerationLost, Queues
from broker.services.hosts import gangs
from broker.services.hosts.leasing import Answered, Lease, key_json
from broker.services.hosts.waiting import WaitingRoom
from broker.services.infrastructure.group_commit import Group
from broker.storage import leases, outputs
from broker.storage.database import Database
from broker.storage.leases import Rule, Settled, Settlement

TARGET: dict[JobEvent, JobState] = {
    JobEvent.SUCCEED: JobState.SUCCEEDED,
    JobEvent.FAIL: JobState.FAILED,
    JobEvent.CANCEL: JobState.CANCELLED,
    JobEvent.REQUEUE: JobState.QUEUED,
}
RULES = [
    Rule(outcome, TARGET[event], outcome in DEBITED, outcome in USED, outcome in COUNTS_AS_FAILURE)
    for outcome, event in EVENT_OF_OUTCOME.items()
]


@dataclass(slots=True)
class Settling:
    """Closes leases.

    Args:
        requeued: called when jobs went back to the queue.
    """

    database: Database
    queues: Queues
    waiting: WaitingRoom
    half_life_seconds: float
    requeued: Callable[[], None]
    attempts_settled: Counter[Outcome] = field(default_factory=Counter)
    _reporting: Group[Sequence[Settlement], list[AnswerStatus]] = field(init=False)

    def __post_init__(self) -> None:
        self._reporting = Group(self._write_reports, weight_max=1_000, writers=2)

    async def report(self, host: HostId, reports: Sequence[Report]) -> list[Answered]:
        """Closes leases; one answer for each report, in order."""
        missing = await self._missing_outputs(reports)
        settlements = [settlement(host, report, report.job in missing) for report in reports]
        statuses = await self._reporting.add(settlements, weight=len(settlements))
        return [{**key_json(r), "status": s} for r, s in zip(reports, statuses, strict=True)]

    async def expire(self, *, jobs_max: int) -> int:
        """Closes leases whose hosts fell silent, as lost; returns how many."""
        async with self.database.connection() as connection:
            gone = await leases.expired(connection, jobs_max=jobs_max)
        lost = [
            settlement(
                host,
                Report(job=job, epoch=epoch, outcome=Outcome.LOST, message="the lease lapsed"),
            )
            for job, epoch, host, _ in gone
        ]
        if lost:
            await self._reporting.add(lost, weight=len(lost))
            self.waiting.wake({host for _, _, host, _ in gone})
        return len(lost)

    async def _missing_outputs(self, reports: Sequence[Report]) -> set[JobId]:
        """Jobs whose report names an output that never arrived here."""
        named = [r for r in reports if r.outputs and r.outcome is Outcome.SUCCEEDED]
        if not named:
            return set()
        async with self.database.connection() as connection:
            stored = await outputs.stored(connection, [(r.job, r.epoch) for r in named])
        return {
            r.job
            for r in named
            if not {(o.name, o.sha256) for o in r.outputs} <= stored.get((r.job, r.epoch), set())
        }

    async def _write_reports(
        self, group: Sequence[Sequence[Settlement]]
    ) -> list[list[AnswerStatus] | Exception]:
        # A report may come twice in one group; the first one counts.
        distinct = {lease_of(s): s for part in group for s in reversed(part)}
        ordered = sorted(distinct.values(), key=lambda s: s.job_id)
        async with self.database.connection() as connection:
            closed = await leases.settle(
                connection,
                ordered,
                RULES,
                half_life_seconds=self.half_life_seconds,
                cobblestones_per_gflops_second=COBBLESTONES_PER_GFLOPS_SECOND,
            )
        done = {lease_of(s) for s in closed}
        stored: set[Lease] = set()
        if left := [s for s in ordered if lease_of(s) not in done]:
            of_gangs = await gangs.settle(
                self.database, left, RULES, half_life_seconds=self.half_life_seconds
            )
            done |= of_gangs.ended
            closed += of_gangs.closed
            await self._tell(of_gangs.stop)
            async with self.database.connection() as connection:
                stored = await leases.closed_before(connection, [lease_of(s) for s in left])
        await self._after(closed)
        return [[status(lease_of(s), done, stored) for s in part] for part in group]

    async def _after(self, closed: Sequence[Settled]) -> None:
        self.attempts_settled.update(Outcome(s.outcome) for s in closed)
        if any(s.state == JobState.QUEUED for s in closed):
            self.requeued()
        try:
            await asks.freed(self.queues, freed_by_lane(closed))
        except (Unavailable, GenerationLost):
            return  # the leader re-counts from PostgreSQL every few seconds

    async def _tell(self, hosts: set[HostId]) -> None:
        """Has the polls of hosts look at once, wherever they are held."""
        if not hosts:
            return
        self.waiting.wake(hosts)
        try:
            await asks.wake_hosts(self.queues, sorted(hosts))
        except (Unavailable, GenerationLost):
            return  # they hear of it when they renew


def lease_of(settled: Settlement | Settled) -> Lease:
    """Names the lease: a member of a gang shares job and epoch with the others."""
    return settled.job_id, settled.epoch, settled.host_id


def status(lease: Lease, done: set[Lease], stored: set[Lease]) -> AnswerStatus:
    """What a report of this lease is answered."""
    if lease in done:
        return AnswerStatus.OK
    return AnswerStatus.STORED if lease in stored else AnswerStatus.FENCED


def settlement(host: HostId, report: Report, output_missing: bool = False) -> Settlement:
    """How a report is settled; an output that never arrived is the host's fault."""
    outcome, message = report.outcome, report.message
    if output_missing:
        outcome, message = Outcome.HOST_ERROR, "a reported output never arrived at the broker"
    return Settlement(
        report.job,
        report.epoch,
        host,
        outcome,
        report.exit_code,
        message,
        report.usage.wall_seconds,
        report.usage.model_dump_json(exclude_unset=True),
    )


def freed_by_lane(closed: Iterable[Settled]) -> list[Freed]:
    """The news for the scheduler: what left its hosts, by lane and transaction.

    Jobs that go back to the queue are told apart: how long they ran says nothing of their length.
    """
    jobs: dict[tuple[LaneId, int, bool], int] = defaultdict(int)
    seconds: dict[tuple[LaneId, int, bool], float] = defaultdict(float)
    for lease in closed:
        key = lease.lane_id, lease.xact, lease.state == JobState.QUEUED
        jobs[key] += 1
        seconds[key] += lease.debit_gpu_seconds
    return [
        Freed(lane, count, math.nan if back else seconds[lane, xact, back], xact)
        for (lane, xact, back), count in jobs.items()
    ]
