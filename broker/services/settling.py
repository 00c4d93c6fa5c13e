"""How leases end: by a report of their host, or because it fell silent.

Reports of many hosts share one statement, which draws every consequence.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from broker.domain.credit import COBBLESTONES_PER_GFLOPS_SECOND
from broker.domain.jobs import COUNTS_AS_FAILURE, DEBITED, EVENT_OF_OUTCOME, JobEvent
from broker.errors import Unavailable
from broker.protocol.ids import HostId, JobId, LaneId
from broker.protocol.leases import Report
from broker.protocol.states import AnswerStatus, JobState, Outcome
from broker.queues import asks
from broker.queues.asks import Freed
from broker.queues.client import GenerationLost, Queues
from broker.services.group_commit import Group
from broker.services.leasing import Answered, answered
from broker.services.waiting import WaitingRoom
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
    Rule(outcome, TARGET[event], outcome in DEBITED, outcome in COUNTS_AS_FAILURE)
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
        return [answered(r, status) for r, status in zip(reports, statuses, strict=True)]

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
        distinct = {(s.job_id, s.epoch): s for part in group for s in reversed(part)}
        ordered = sorted(distinct.values(), key=lambda s: s.job_id)
        async with self.database.connection() as connection:
            closed = await leases.settle(
                connection,
                ordered,
                RULES,
                half_life_seconds=self.half_life_seconds,
                cobblestones_per_gflops_second=COBBLESTONES_PER_GFLOPS_SECOND,
            )
            done = {(s.job_id, s.epoch) for s in closed}
            self.attempts_settled.update(distinct[lease].outcome for lease in done)
            left = [s for s in ordered if (s.job_id, s.epoch) not in done]
            before = (
                await leases.closed_before(
                    connection, [(s.job_id, s.epoch, s.host_id) for s in left]
                )
                if left
                else set()
            )
        await self._after(closed)
        return [
            [
                AnswerStatus.OK
                if (s.job_id, s.epoch) in done
                else AnswerStatus.STORED
                if (s.job_id, s.epoch) in before
                else AnswerStatus.FENCED
                for s in part
            ]
            for part in group
        ]

    async def _after(self, closed: Sequence[Settled]) -> None:
        if any(s.state == JobState.QUEUED for s in closed):
            self.requeued()
        try:
            await asks.freed(self.queues, freed_by_lane(closed))
        except (Unavailable, GenerationLost):
            return  # the leader re-counts from PostgreSQL every few seconds


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
    """The news for the scheduler: what left its hosts, by lane."""
    jobs: dict[LaneId, int] = defaultdict(int)
    seconds: dict[LaneId, float] = defaultdict(float)
    for lease in closed:
        jobs[lease.lane_id] += 1
        seconds[lease.lane_id] += lease.debit_gpu_seconds
    return [Freed(lane, count, seconds[lane]) for lane, count in jobs.items()]
