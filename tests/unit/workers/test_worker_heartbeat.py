"""Keeping leases: when they are renewed, until when they count, what the answers do."""

import asyncio
from collections.abc import Callable

from broker.protocol.apps import VersionSpec
from broker.protocol.leases import Lease, RenewAnswer, RenewRequest, RenewResponse
from broker.protocol.resources import JobLimits, Resources
from broker.protocol.states import AnswerStatus
from workers.heartbeat import Heartbeat
from workers.leases import Held, Key, LeaseTable
from workers.runner import Stop

LEASE_SECONDS = 30.0
LEASE = Lease(
    job=1,
    epoch=1,
    batch=1,
    account=1,
    version=1,
    name="",
    parameters={},
    resources=Resources(),
    limits=JobLimits(),
)


class Desk:
    """A heartbeat with one lease, a clock that goes on at each look, and a scripted broker."""

    def __init__(self, *, call_seconds: float = 0, cancel: bool = False) -> None:
        self.now = 0.0
        self.asked_at: list[float] = []
        self.stopped: list[tuple[Key, Stop]] = []
        self._call_seconds = call_seconds
        self._cancel = cancel
        table = LeaseTable(slots=1, gpus=[])
        held = table.take(
            LEASE, VersionSpec(command=["true"]), now=self.now, lease_seconds=LEASE_SECONDS
        )
        assert held is not None
        self.held: Held = held
        self.heartbeat = Heartbeat(
            self,  # type: ignore[arg-type]
            table,
            lambda key, why, message, grace: self.stopped.append((key, why)),
            self._clock,
            tick_seconds=0.0001,
        )
        self.heartbeat.lease_length(LEASE_SECONDS)

    def _clock(self) -> float:
        self.now += 0.125
        return self.now

    async def renew(self, request: RenewRequest, patience_seconds: float) -> RenewResponse:
        self.asked_at.append(self.now)
        self.now += self._call_seconds
        answers = [
            RenewAnswer(job=item.job, epoch=item.epoch, status=AnswerStatus.OK, cancel=self._cancel)
            for item in request.leases
        ]
        return RenewResponse(answers=answers)

    async def run_until(self, condition: Callable[[], object]) -> None:
        running = asyncio.create_task(self.heartbeat.run())
        try:
            async with asyncio.timeout(10):
                while not condition():
                    await asyncio.sleep(0)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


async def test_leases_are_renewed_at_a_third_of_their_length() -> None:
    desk = Desk()
    await desk.run_until(lambda: len(desk.asked_at) == 4)
    pauses = [later - at for at, later in zip(desk.asked_at, desk.asked_at[1:], strict=False)]
    assert all(LEASE_SECONDS / 3 <= pause < LEASE_SECONDS / 3 + 1 for pause in pauses)
    assert desk.stopped == []


async def test_a_renewed_lease_counts_from_the_question_not_from_the_answer() -> None:
    desk = Desk(call_seconds=7)
    await desk.run_until(lambda: desk.held.expires_at > LEASE_SECONDS)
    assert desk.held.expires_at == desk.asked_at[0] + LEASE_SECONDS


async def test_a_cancellation_in_the_answer_ends_the_job() -> None:
    desk = Desk(cancel=True)
    await desk.run_until(lambda: desk.stopped)
    assert desk.stopped == [(Key(1, 1), Stop.CANCELLED)]
