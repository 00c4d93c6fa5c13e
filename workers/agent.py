"""The agent: takes leases, runs what fits, reports what ended, leaves when told to.

    poller --leases--> table --start--> runner --report--> reporter
       ^                                   ^
       +-- free slots                      +-- stop -- heartbeat, poller, signals

Owns the tasks and the rules between them; the table owns the state, the parts own the waiting.
"""

import asyncio
import contextlib
import os
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any

import structlog

from broker.protocol.ids import HostId, show
from broker.protocol.leases import Lease, PollResponse, Report
from broker.protocol.resources import HostFacts
from broker.protocol.states import AnswerStatus, Outcome
from workers.broker_api import BrokerApi
from workers.changes import Changes
from workers.checkpoints import COMES_BACK, Checkpoints
from workers.clock import Clock, boot_clock
from workers.credential import Credential
from workers.executors.base import Executor
from workers.gpus import Gpus
from workers.heartbeat import Heartbeat
from workers.leases import Free, Held, Key, LeaseTable, keys_of
from workers.poller import Poller
from workers.recovery import kill_leftovers, lost_attempts
from workers.reporter import Reporter
from workers.runner import STOP_OUTCOMES, WANTED, Runner, Stop, Surroundings
from workers.settings import WorkerSettings
from workers.spool import Spool
from workers.state_directory import StateDirectory
from workers.tenure import Tenure
from workers.text import one_line

LEAVING = "this host is leaving"
LAST_POLL_SECONDS = 3.0
LAST_REPORTS_SECONDS = 15.0

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Host:
    """What the agent has to work with."""

    id: HostId
    facts: HostFacts
    gpus: Gpus
    executors: Mapping[str, Executor]
    state: StateDirectory


class Agent:
    """One run of the agent, from recovery to its last report.

    Args:
        clock: seconds that count while the machine sleeps.
    """

    def __init__(
        self, settings: WorkerSettings, host: Host, api: BrokerApi, clock: Clock = boot_clock
    ) -> None:
        self._state = host.state
        self._clock = clock
        self._changes = Changes()
        self._runners: dict[Key, Runner] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._leaving: str | None = None
        self._hurry = asyncio.Event()
        self._drain_seconds = settings.drain_seconds
        self._tenure = Tenure(
            clock(),
            idle_exit_seconds=settings.idle_exit_seconds,
            wall_seconds_max=settings.wall_seconds_max,
            drain_seconds=settings.drain_seconds,
        )
        self._table = LeaseTable(
            slots=host.facts.slots,
            gpus=host.facts.gpus,
            prefetch=settings.prefetch,
            cpus=host.facts.cpus,
            memory_mib=host.facts.memory_mib,
        )
        self._around = Surroundings(
            api=api,
            state=host.state,
            executors=host.executors,
            gpus=host.gpus,
            environment=dict(os.environ),
            data_roots_allowed=settings.data_roots == "allow",
            command_started=self._command_started,
            command_ended=self._command_ended,
        )
        self._poller = Poller(
            api,
            host.id,
            host.facts,
            self._table,
            self._free,
            self._hear,
            self._changes,
            settings.prefetch,
        )
        self._heartbeat = Heartbeat(api, self._table, self._stop, clock)
        self._checkpoints = Checkpoints(
            api, host.state, self._table.jobs, settings.checkpoint_bytes_max
        )
        self._credential = Credential(api, host.id, host.state, settings.token_days_max)
        self._spool = Spool(host.state.spool)
        self._reporter = Reporter(api, self._spool, self._kept, self._answered)

    # Life

    async def run(self) -> None:
        """Work until told to leave.

        Raises:
            Unauthenticated, Forbidden, NotFound: the broker refuses this host.
        """
        await self._recover()
        parts = [
            asyncio.create_task(self._poller.run()),
            asyncio.create_task(self._heartbeat.run()),
            asyncio.create_task(self._reporter.run()),
            asyncio.create_task(self._checkpoints.run()),
            asyncio.create_task(self._credential.run()),
            asyncio.create_task(self._until_left()),
        ]
        try:
            done, _ = await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
            for part in done:
                part.result()
        finally:
            self._leaving = self._leaving or "stopped"  # or a freed slot would start a job now
            tasks = [*parts, *self._tasks]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _recover(self) -> None:
        """End what an earlier process of this agent left, and say so."""
        killed = await asyncio.to_thread(kill_leftovers, self._state)
        groups = await asyncio.to_thread(self._spool.load)
        unsent = [Key(r.job, r.epoch) for group in groups for r in group.reports]
        lost = lost_attempts(self._state, unsent)
        for group in groups:
            self._reporter.restore(group)
        for report in lost:
            self._reporter.add(report)
        for key in [*unsent, *(Key(r.job, r.epoch) for r in lost)]:
            self._table.restore(key)
        await asyncio.to_thread(self._state.remove_attempts_except, lost)
        if killed or lost or unsent:
            log.info("recovered", killed=killed, lost=len(lost), unsent=len(unsent))

    # Leaving

    def leave(self, reason: str, drain_seconds: float | None) -> None:
        """Take nothing more; hand back what has not started; let the rest finish.

        Args:
            drain_seconds: how long running jobs may go on; null for as long as they need.
        """
        if self._leaving is not None:
            return
        self._leaving = reason
        log.info("leaving", reason=reason, running=len(self._runners))
        self._spawn(self._give_back_pending())
        self._spawn(self._preempt_after(drain_seconds))
        self._changes.notify()

    def drain(self) -> None:
        """Leave within the grace that the operator set; told twice, leave at once."""
        if self._leaving is None:
            self.leave("signal", self._drain_seconds)
        else:
            self._hurry.set()

    async def _give_back_pending(self) -> None:
        # First withdraw what the open poll asks for, or the same jobs would be leased here again.
        await self._poll_once_more()
        for key in self._table.pending():
            self._give_back(key, Outcome.PREEMPTED, LEAVING)

    async def _preempt_after(self, seconds: float | None) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._hurry.wait()
        for runner in list(self._runners.values()):
            runner.stop(Stop.PREEMPTED, LEAVING)
        await self._hurry.wait()
        for runner in list(self._runners.values()):
            runner.stop(Stop.PREEMPTED, LEAVING, 0)

    async def _until_left(self) -> None:
        """Stay as long as there is no reason to leave, then until nothing is left to do."""
        while self._leaving is None:
            now = self._clock()
            self._tenure.note(now, busy=len(self._table) > 0)
            if reason := self._tenure.reason_to_leave(now):
                self.leave(reason, self._drain_seconds)
            elif not await self._changes.wait(self._tenure.seconds_to_next(now)):
                self._changes.notify()  # time alone may have made the poller ask for more
        while self._runners:
            await self._changes.wait()
        # What the broker leased to us while we decided to leave comes with one more poll, and
        # goes back at once; otherwise it would lie here until the lease lapses.
        await self._poll_once_more()
        await self._wait_until(lambda: len(self._table) == 0, LAST_REPORTS_SECONDS)
        if len(self._table):
            log.warning("reports stay in the spool until the next start", count=len(self._table))

    async def _poll_once_more(self) -> None:
        answers = self._poller.answers
        self._poller.ask_now()
        await self._wait_until(lambda: self._poller.answers > answers, LAST_POLL_SECONDS)

    async def _wait_until(self, condition: Callable[[], bool], seconds: float) -> None:
        give_up = self._clock() + seconds
        while not condition() and (left := give_up - self._clock()) > 0:
            await self._changes.wait(left)

    # Leases

    def _free(self) -> Free:
        if self._leaving is not None or not self._tenure.asking(self._clock()):
            return Free(0)
        return self._table.free()._replace(wall_seconds_max=self._tenure.left(self._clock()))

    def _hear(self, response: PollResponse) -> bool:
        """Take in an answer to a poll; whether it brought anything new."""
        self._heartbeat.lease_length(response.lease_seconds)
        taken = [self._take(lease, response) for lease in response.leases]
        stopped = [self._stop(k, Stop.CANCELLED, "cancelled") for k in keys_of(response.cancel)]
        stopped += [
            self._stop(Key(each.job, each.epoch), Stop.PREEMPTED, WANTED, each.grace_seconds)
            for each in response.preempt
        ]
        if response.drain:
            self.leave("the broker drains this host", None)
        self._launch()
        return any(taken) or any(stopped)

    def _take(self, lease: Lease, response: PollResponse) -> bool:
        spec = response.versions.get(show("version", lease.version))
        if spec is None:
            log.error("lease without its version", lease=f"{show('job', lease.job)}/{lease.epoch}")
            return False  # it lapses; a broker that does this cannot be helped
        now = self._clock()
        held = self._table.take(lease, spec, now=now, lease_seconds=response.lease_seconds)
        if held is None:
            return False
        for older in self._table.older_epochs(lease):
            self._stop(older, Stop.FENCED, "")
        if self._leaving is not None:
            self._give_back(held.key, Outcome.PREEMPTED, LEAVING)
        elif misfit := self._tenure.misfit(lease.limits.wall_seconds, now):
            self._give_back(held.key, Outcome.PREEMPTED, misfit)
        elif refusal := self._table.refusal(lease.resources):
            self._give_back(held.key, Outcome.HOST_ERROR, refusal)
        return True

    def _launch(self) -> None:
        """Start whatever fits now."""
        while self._leaving is None and (held := self._table.start_next()):
            self._spawn(self._run(held))

    async def _run(self, held: Held) -> None:
        runner = Runner(held, self._around)
        self._runners[held.key] = runner
        try:
            report = await runner.run()
        finally:
            del self._runners[held.key]
        self._table.end(held.key)
        if report is None:
            log.info("job dropped, its lease is gone", lease=str(held.key))
            self._table.forget(held.key)
            await asyncio.to_thread(self._state.remove_attempt, held.key)
        else:
            if report.outcome in COMES_BACK:
                await asyncio.to_thread(self._checkpoints.trim, held.key.job)
            log.info("job ended", lease=str(held.key), outcome=report.outcome, why=report.message)
            self._reporter.add(report)
        self._launch()
        self._changes.notify()

    def _command_started(self, key: Key) -> None:
        self._table.started(key, self._clock())

    def _command_ended(self, key: Key) -> None:
        self._table.end(key)
        self._launch()
        self._changes.notify()

    def _stop(self, key: Key, why: Stop, message: str, grace_seconds: float | None = None) -> bool:
        """End a lease's job, unless its command has ended; whether that was news."""
        if runner := self._runners.get(key):
            return runner.stop(why, message, grace_seconds)
        if key not in self._table.pending():
            return False
        if outcome := STOP_OUTCOMES[why]:
            self._give_back(key, outcome, message)
        else:
            self._table.forget(key)
        return True

    def _give_back(self, key: Key, outcome: Outcome, message: str) -> None:
        """Report a lease whose command was never started."""
        log.info("job not started", lease=str(key), why=message)
        self._table.end(key)
        self._reporter.add(
            Report(job=key.job, epoch=key.epoch, outcome=outcome, message=one_line(message))
        )

    # Reports

    def _kept(self, report: Report) -> None:
        """A report would survive a crash: its files are no longer needed."""
        self._spawn(asyncio.to_thread(self._clean, report))

    def _clean(self, report: Report) -> None:
        self._state.remove_attempt(Key(report.job, report.epoch))
        self._checkpoints.ended(report)

    def _answered(self, key: Key, status: AnswerStatus | None) -> None:
        if status is AnswerStatus.FENCED:
            log.warning("report came too late, the lease was gone", lease=str(key))
        self._table.forget(key)
        self._changes.notify()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            log.error("task failed inside the agent", exc_info=error)
