"""Another broker leads: what was due to accounts goes on, but for a few seconds of it (ADR 9)."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from broker.services.leader.memory import DUES_SECONDS, Memory
from tests.api.scene import job_of, scientist, submit
from tests.support.running import Running
from tests.support.until import until

EACH_SLOTS = 2.0  # of four, to two accounts with the same quota


@dataclass
class Clock:
    """The time of all leaders: the real one, and what the test has moved it on."""

    ahead_seconds: float = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead_seconds


async def due(broker: Running) -> dict[str, float]:
    """GPU-seconds that were written down as due, by handle."""
    query = "SELECT name, gpu_seconds FROM account_due JOIN account ON id = account_id"
    async with broker.services.database.connection() as connection:
        return {name: float(seconds) for name, seconds in await connection.fetch(query)}


async def moved(leader: Running, clock: Clock, seconds: float) -> None:
    """Moves the clock on, and waits until the leader has counted that."""
    clock.ahead_seconds += seconds
    before = leader.services.dispatch.cycles
    await until(lambda: leader.services.dispatch.cycles > before + 1)


async def both_are_due_half(broker: Running) -> None:
    async def halves() -> bool:
        reply = await broker.admin.get("/v1/shares")
        rows = reply.json["items"] if reply.status == 200 else []
        # without history both are due the same, and history moves neither by as much as a slot
        return len(rows) == 2 and all(abs(row["entitlement_slots"] - 2) < 1 for row in rows)

    await until(halves)


@pytest.mark.slow
async def test_dues_and_shares_go_on_when_another_broker_leads(
    start_broker: Callable[..., Any],
) -> None:
    clock = Clock()

    async def started() -> Running:
        broker: Running = await start_broker(leader_seconds=1)
        broker.services.dispatch.memory.clock = clock
        return broker

    first = await started()
    await first.app()
    ann, bob = await scientist(first), await scientist(first, "bob")
    agent = await first.agent(slots=4)
    await submit(ann, 8)
    held = await agent.leases(4)
    waiting = job_of(await submit(bob, 8))
    await both_are_due_half(first)

    assert DUES_SECONDS <= 10
    await moved(first, clock, 6 * DUES_SECONDS)
    await moved(first, clock, 1.2 * DUES_SECONDS)
    written = await due(first)
    assert written["bob"] >= EACH_SLOTS * 7.2 * DUES_SECONDS
    # what became due just before the leader dies is the most that can be lost
    await moved(first, clock, 0.8 * DUES_SECONDS)
    second = await started()
    last_plan = clock()
    for task in first.broker._tasks:
        task.cancel()  # without a word: the row of the leader must run out
    await until(lambda: second.services.dispatch.term is not None)
    await moved(second, clock, 0)
    between = clock() - last_plan
    assert (await due(second))["bob"] >= written["bob"]  # not a second of what was written

    await moved(second, clock, 6 * DUES_SECONDS)
    after = await due(second)
    passed = 14 * DUES_SECONDS  # at least so much time went by under both leaders
    for name in ("ann", "bob"):
        lost = EACH_SLOTS * passed - after[name]
        assert lost <= EACH_SLOTS * DUES_SECONDS, (name, after)
        assert after[name] <= written[name] + EACH_SLOTS * (8 * DUES_SECONDS + between + 20)

    # shares and reasons go on, and so does the work
    await both_are_due_half(second)
    told = (await bob.get(f"/v1/jobs/{waiting}/explain")).expect(200)
    assert told["reason"] == "no_free_slot"
    assert await agent.report(held) == ["ok"] * 4
    assert await agent.leases(4)


async def test_an_office_begins_only_once_a_cycle_that_is_under_way_has_ended(
    broker: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the cycle would go on after an await with another memory than it planned with."""
    dispatch, refresh = broker.services.dispatch, Memory.refresh
    await until(lambda: dispatch.cycles > 0)
    halfway, goes_on = asyncio.Event(), asyncio.Event()

    async def held(memory: Memory, term: int) -> None:
        halfway.set()
        await goes_on.wait()
        await refresh(memory, term)

    monkeypatch.setattr(Memory, "refresh", held)
    await asyncio.wait_for(halfway.wait(), 10)
    before = dispatch.memory.backlog
    office = asyncio.create_task(dispatch.take_office(dispatch.term or 0))
    await asyncio.wait({office}, timeout=0.3)
    assert dispatch.memory.backlog is before
    goes_on.set()
    await asyncio.wait_for(office, 10)
    assert dispatch.memory.backlog is not before
