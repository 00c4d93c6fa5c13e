"""Keeps leases, and kills what could not be kept.

All leases are renewed in one call at a third of their length. A job that has run for half a
second is announced early, so that its owner sees it running; shorter jobs are not worth a call.
Expiry is watched even while a call hangs: a job whose lease has lapsed may already run elsewhere.
"""

import asyncio
from collections.abc import Callable, Sequence

import structlog

from broker.errors import FairleadError, Forbidden, Unauthenticated
from broker.protocol.leases import RenewAnswer, RenewItem, RenewRequest
from broker.protocol.limits import ELEMENTS_PER_CALL_MAX
from broker.protocol.states import AnswerStatus
from workers.backoff import Backoff
from workers.broker_api import BrokerApi
from workers.clock import Clock
from workers.leases import Key, LeaseTable
from workers.runner import WANTED, Stop

TICK_SECONDS = 0.25
ANNOUNCE_SECONDS = 0.5

log = structlog.get_logger()


class Heartbeat:
    """See the module's text.

    Args:
        stop: ends the job of a lease: why, in words, and how long it may take.
    """

    def __init__(
        self,
        api: BrokerApi,
        table: LeaseTable,
        stop: Callable[[Key, Stop, str, float | None], object],
        clock: Clock,
        tick_seconds: float = TICK_SECONDS,
    ) -> None:
        self._api = api
        self._table = table
        self._stop = stop
        self._clock = clock
        self._tick_seconds = tick_seconds
        self._lease_seconds = 60.0
        self._due_at = clock()
        self._backoff = Backoff(0.5, 10)

    def lease_length(self, seconds: float) -> None:
        """The broker said how long leases are."""
        if seconds != self._lease_seconds:
            self._lease_seconds = seconds
            self._due_at = min(self._due_at, self._clock() + seconds / 3)

    async def run(self) -> None:
        """Renew for ever.

        Raises:
            Unauthenticated, Forbidden: the broker refuses this host.
        """
        call: asyncio.Task[None] | None = None
        try:
            while True:
                self._stop_lapsed()
                if call and call.done():
                    call.result()
                    call = None
                if call is None and (items := self._due()):
                    call = asyncio.create_task(self._renew(items))
                waiting = {call} if call else set()
                pause = min(self._tick_seconds, self._lease_seconds / 20)
                if waiting:
                    await asyncio.wait(waiting, timeout=pause)
                else:
                    await asyncio.sleep(pause)
        finally:
            if call:
                call.cancel()
                await asyncio.gather(call, return_exceptions=True)

    def _stop_lapsed(self) -> None:
        for key in self._table.lapsed(self._clock()):
            message = f"lease could not be renewed for {self._lease_seconds:.0f} s"
            self._stop(key, Stop.LAPSED, message, None)

    def _due(self) -> Sequence[RenewItem]:
        """What to send now: everything when a third has passed, else only new starts."""
        now = self._clock()
        if now < self._due_at:
            if self._failing:
                return ()
            return self._table.unannounced(now - ANNOUNCE_SECONDS)
        self._due_at = now + self._lease_seconds / 3
        return self._table.renewals()

    @property
    def _failing(self) -> bool:
        return self._backoff.failures > 0

    async def _renew(self, items: Sequence[RenewItem]) -> None:
        for first in range(0, len(items), ELEMENTS_PER_CALL_MAX):
            part = list(items[first : first + ELEMENTS_PER_CALL_MAX])
            asked_at = self._clock()
            try:
                answer = await self._api.renew(RenewRequest(leases=part), self._patience_seconds)
            except (Unauthenticated, Forbidden):
                raise
            except FairleadError as error:
                delay = self._backoff.after(error)
                self._due_at = self._clock() + delay
                log.warning("leases not renewed", count=len(part), error=error.message)
                return
            self._backoff.reset()
            running = {Key(item.job, item.epoch) for item in part if item.running}
            for each in answer.answers:
                self._hear(each, asked_at, running)

    @property
    def _patience_seconds(self) -> float:
        return min(10.0, max(1.0, self._lease_seconds / 6))

    def _hear(self, answer: RenewAnswer, asked_at: float, running: set[Key]) -> None:
        key = Key(answer.job, answer.epoch)
        if answer.status is AnswerStatus.FENCED:
            self._stop(key, Stop.FENCED, "", None)
            return
        # Counted from the question, so that the broker never believes in less time than we do.
        self._table.renewed(key, asked_at + self._lease_seconds, running=key in running)
        if answer.cancel:
            self._stop(key, Stop.CANCELLED, "cancelled", None)
        elif answer.preempt_grace_seconds is not None:
            self._stop(key, Stop.PREEMPTED, WANTED, answer.preempt_grace_seconds)
