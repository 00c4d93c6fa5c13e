"""Real agents run jobs of several accounts in groups: what each gets follows what it is due, while
quotas change and accounts come and go.

Slot-seconds are read from the leases in the database, and a phase lasts until enough of them came
together, so a slow machine makes the test longer and not less exact.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import datetime
from pathlib import Path

import pytest

from tests.api.scene import scientist
from tests.faults.test_plan_fails import metric
from tests.support.http import Http
from tests.support.real_agents import real_agent
from tests.support.running import Running
from tests.support.until import until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

SLEEP = {
    "command": ["sleep", "{seconds}"],
    "parameters": {"seconds": {"type": "number", "default": 0.5, "minimum": 0}},
}
SLOTS = 8
JOBS = 2_000  # more than anybody can finish
PHASE_SLOT_SECONDS = 120.0
SECONDS_MAX = 60.0
# Slot-seconds under lease since a moment, by account; and leases from before it.
HELD = """
    SELECT account.name,
        sum(extract(epoch FROM coalesce(till, now()) - greatest(since, $1)))::float8
    FROM (
        SELECT job_id, leased_at AS since, finished_at AS till FROM attempt
        UNION ALL
        SELECT id, leased_at, NULL FROM job WHERE state IN ('leased', 'running')
    ) AS lease
    JOIN job ON job.id = lease.job_id
    JOIN lane ON lane.id = job.lane_id
    JOIN account ON account.id = lane.account_id
    WHERE coalesce(till, now()) > $1
    GROUP BY account.name
"""
OLDER = """
    SELECT count(*) FROM job WHERE state IN ('leased', 'running') AND leased_at < $1
"""


@pytest.fixture
async def shared(broker: Running, tmp_path: Path) -> AsyncIterator[Running]:
    """A broker with two agents of four slots each, and groups with different weights."""
    await broker.app("sleep", SLEEP)
    for name, weight in (("physics", 3), ("chemistry", 1)):
        (await broker.admin.post("/v1/groups", {"name": name, "weight": weight})).expect(201)
    async with AsyncExitStack() as stack:
        for name in ("left", "right"):
            await stack.enter_async_context(real_agent(broker, tmp_path, name, slots=SLOTS // 2))
        yield broker


async def member(broker: Running, name: str, group: str, quota: float) -> Http:
    http = await scientist(broker, name, quota=quota)
    (await broker.admin.put(f"/v1/groups/{group}/accounts/{name}")).expect(200)
    return http


async def work(http: Http) -> str:
    """A batch that outlasts the test."""
    body = {"app": "sleep", "jobs": [{}] * JOBS}
    receipt = (await http.post("/v1/batches", body)).expect(201)
    return str(receipt["id"])


async def due(broker: Running) -> dict[str, float]:
    """Parts of the fleet that accounts are entitled to, as the broker tells it."""
    table = (await broker.admin.get("/v1/shares")).expect(200)
    return {
        row["account_name"]: row["entitlement_slots"] / SLOTS
        for row in table["items"]
        if row["entitlement_slots"] > 0
    }


async def measured(broker: Running) -> dict[str, float]:
    """Parts of the slot-seconds of a phase that begins when nothing from before runs any more."""
    async with broker.services.database.connection() as connection:
        changed: datetime = await connection.fetchval("SELECT now()")

        async def settled() -> bool:
            return await connection.fetchval(OLDER, changed) == 0

        await until(settled, SECONDS_MAX)
        start = await connection.fetchval("SELECT now()")
        held: dict[str, float] = {}

        async def enough() -> bool:
            held.clear()
            held.update(await connection.fetch(HELD, start))
            return sum(held.values()) >= PHASE_SLOT_SECONDS

        await until(enough, SECONDS_MAX)
    return {name: seconds / sum(held.values()) for name, seconds in held.items()}


async def follows(broker: Running, expected: dict[str, float]) -> None:
    """Holds a phase against what the quotas say, and what the broker says against that."""

    async def told() -> bool:
        return await due(broker) == pytest.approx(expected, abs=0.01)

    await until(told, SECONDS_MAX, told=lambda: expected)
    assert await measured(broker) == pytest.approx(expected, abs=0.02)


async def test_slot_seconds_follow_entitlements_through_changes(shared: Running) -> None:
    broker, admin = shared, shared.admin
    ann = await member(broker, "ann", "physics", 2)
    bob = await member(broker, "bob", "physics", 1)
    cleo = await member(broker, "cleo", "chemistry", 1)
    await work(ann)
    of_bob = await work(bob)
    await work(cleo)
    await follows(broker, {"ann": 0.5, "bob": 0.25, "cleo": 0.25})

    (await admin.patch("/v1/groups/chemistry", {"weight": 3})).expect(200)
    (await admin.patch("/v1/accounts/ann/quota", {"quota": 1})).expect(200)
    await follows(broker, {"ann": 0.25, "bob": 0.25, "cleo": 0.5})

    dan = await member(broker, "dan", "chemistry", 3)
    await work(dan)
    (await bob.post(f"/v1/batches/{of_bob}:cancel", {})).expect(200)
    await follows(broker, {"ann": 0.5, "cleo": 0.125, "dan": 0.375})

    assert 0 <= await metric(broker, "fairlead_fairness_error") < 0.5
    assert 0 < await metric(broker, "fairlead_fairness_error_average") < 0.25
