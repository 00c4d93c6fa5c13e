"""Preemption over HTTP: which pools allow it, how a host hears of it, what becomes of the job."""

import asyncio
import math
from typing import Any

import pytest

from broker.protocol.ids import JobId, LaneId, parse
from broker.queues import asks
from broker.services.hosts import preemption
from broker.services.hosts.preemption import Pace
from tests.api.scene import submit
from tests.support.agent import Agent
from tests.support.http import Http
from tests.support.running import Running
from tests.support.until import until

RULES = {"minimum_run_seconds": 0, "grace_seconds": 7, "jobs_per_minute_max": 5}
POOL = "/v1/pools/default/preemption"


@pytest.fixture
async def ann(broker: Running) -> Http:
    await broker.app()
    return await broker.client("ann", submit_all_apps=True)


@pytest.fixture
async def agent(broker: Running) -> Agent:
    return await broker.agent(slots=1)


async def rows(broker: Running, statement: str) -> list[dict[str, Any]]:
    async with broker.services.database.connection() as connection:
        return [dict(row) for row in await connection.fetch(statement)]


async def preempt(broker: Running, *leases: Any) -> list[JobId]:
    """Asks for leases as the leader does."""
    s = broker.services
    keys = [(JobId(parse("job", lease["job"], "")), lease["epoch"]) for lease in leases]
    return await preemption.request(s.database, s.queues, s.waiting, keys)


async def test_a_preempted_job_goes_on_first_in_its_lane_and_is_not_debited(
    broker: Running, ann: Http, agent: Agent
) -> None:
    (await broker.admin.put(POOL, RULES)).expect(200)
    await submit(ann, 3)
    (lease,) = await agent.leases()
    waiting = asyncio.create_task(agent.poll(0, wait=30))
    await until(lambda: len(broker.services.waiting) == 1)
    assert await preempt(broker, lease) == [parse("job", lease["job"], "")]
    told = await asyncio.wait_for(waiting, 10)
    assert told["preempt"] == [{"job": lease["job"], "epoch": 1, "grace_seconds": 7}]
    assert told["cancel"] == []
    assert (await agent.renew([lease]))[0]["preempt_grace_seconds"] == 7
    assert (await agent.poll(0, wait=0.2))["preempt"] != []  # told anew, but that woke nobody
    usage = {"wall_seconds": 9}
    assert await agent.report([lease], "preempted", usage=usage) == ["ok"]
    assert await rows(broker, "SELECT FROM ledger") == []
    (job,) = await rows(broker, f"SELECT * FROM job WHERE id = {lease['job'][4:]}")
    assert (job["state"], job["failures"]) == ("queued", 0)
    assert job["preempt_grace_seconds"] is None
    await until(lambda: _outbox_is_empty(broker))
    (again,) = await agent.leases()
    assert (again["job"], again["epoch"]) == (lease["job"], 2)
    assert "preempt_grace_seconds" not in (await agent.renew([again]))[0]


async def _outbox_is_empty(broker: Running) -> bool:
    return await rows(broker, "SELECT FROM outbox") == []


async def test_only_pools_that_allow_it_are_touched_and_not_before_the_shortest_run(
    broker: Running, ann: Http, agent: Agent
) -> None:
    await submit(ann)
    (lease,) = await agent.leases()
    assert await preempt(broker, lease) == []
    (await broker.admin.put(POOL, {**RULES, "minimum_run_seconds": 600})).expect(200)
    assert await preempt(broker, lease) == []
    async with broker.services.database.connection() as connection:
        await connection.execute("UPDATE job SET leased_at = leased_at - interval '601 seconds'")
    assert await preempt(broker, {**lease, "epoch": 2}) == []
    assert len(await preempt(broker, lease)) == 1
    assert await preempt(broker, lease) == []  # once is enough


async def test_a_job_that_ends_by_itself_after_all_has_ended(
    broker: Running, ann: Http, agent: Agent
) -> None:
    (await broker.admin.put(POOL, RULES)).expect(200)
    await submit(ann)
    (lease,) = await agent.leases()
    await preempt(broker, lease)
    assert await agent.report([lease], exit_code=0) == ["ok"]
    assert (await rows(broker, "SELECT state FROM job")) == [{"state": "succeeded"}]


async def test_a_cancellation_outweighs_a_preemption(
    broker: Running, ann: Http, agent: Agent
) -> None:
    (await broker.admin.put(POOL, RULES)).expect(200)
    batch = await submit(ann)
    (lease,) = await agent.leases()
    await preempt(broker, lease)
    (await ann.post(f"/v1/batches/{batch}:cancel")).expect(200)
    told = await agent.poll(0, wait=0.2)
    assert [key["job"] for key in told["cancel"]] == [lease["job"]]
    assert told["preempt"] == []


async def test_what_went_back_to_the_queue_says_nothing_of_the_length_of_such_jobs(
    broker: Running, ann: Http, agent: Agent
) -> None:
    (await broker.admin.put(POOL, RULES)).expect(200)
    await submit(ann)
    (lease,) = await agent.leases()
    (lane,) = [LaneId(row["lane_id"]) for row in await rows(broker, "SELECT lane_id FROM job")]
    dispatch = broker.services.dispatch
    before = dispatch.memory.backlog.lanes[lane].job_seconds
    await agent.report([lease], "preempted")
    await until(lambda: dispatch.memory.backlog.lanes[lane].running == 0)
    assert dispatch.memory.backlog.lanes[lane].job_seconds == before
    packed = asks._freed(asks._FREED.pack(1, 2, math.nan, 7))
    assert math.isnan(packed.slot_seconds)


async def test_slots_that_a_preempted_job_held_count_as_usage_and_not_against_budgets(
    broker: Running, ann: Http, agent: Agent
) -> None:
    """Else a job that writes checkpoints would compute for nothing, whoever waits meanwhile."""
    (await broker.admin.put(POOL, RULES)).expect(200)
    await submit(ann)
    (lease,) = await agent.leases()
    async with broker.services.database.connection() as connection:
        await connection.execute("UPDATE job SET leased_at = leased_at - interval '60 seconds'")
    assert await agent.report([lease], "preempted", usage={"wall_seconds": 50}) == ["ok"]
    (used,) = await rows(broker, "SELECT * FROM account_usage WHERE usage_gpu_seconds > 0")
    assert used["usage_gpu_seconds"] == pytest.approx(50, rel=1e-3)
    assert used["debited_gpu_seconds"] == 0
    assert await rows(broker, "SELECT FROM ledger") == []


@pytest.mark.parametrize("outcome", ["lost", "host_error"])
async def test_what_a_host_broke_is_no_usage(
    broker: Running, ann: Http, agent: Agent, outcome: str
) -> None:
    await submit(ann)
    (lease,) = await agent.leases()
    assert await agent.report([lease], outcome, usage={"wall_seconds": 50}) == ["ok"]
    assert await rows(broker, "SELECT FROM account_usage WHERE usage_gpu_seconds > 0") == []


async def test_admins_say_which_pools_allow_it(broker: Running, ann: Http, agent: Agent) -> None:
    (await ann.put(POOL, RULES)).problem(403, "forbidden")
    made = (await broker.admin.put(POOL, {"grace_seconds": 5})).expect(200)
    assert made == {
        "pool": "default",
        "minimum_run_seconds": 600,
        "grace_seconds": 5,
        "jobs_per_minute_max": 10,
    }
    assert (await ann.get("/v1/preemptions")).expect(200)["items"] == [made]
    bad = await broker.admin.put(POOL, {"grace_seconds": -1, "jobs_per_minute_max": 0})
    assert set(bad.pointers()) == {"/grace_seconds", "/jobs_per_minute_max"}
    assert (await broker.admin.put("/v1/pools/Not_A_Pool/preemption", {})).pointers() == ["{pool}"]
    (await broker.admin.put("/v1/pools/nowhere/preemption", {})).problem(404, "not_found")
    (await broker.admin.delete(POOL)).expect(204)
    (await broker.admin.delete(POOL)).problem(404, "not_found")
    assert (await ann.get("/v1/preemptions")).expect(200)["items"] == []


async def test_a_host_learns_which_checkpoints_may_go(
    broker: Running, ann: Http, agent: Agent
) -> None:
    await submit(ann, 2)
    (first,) = await agent.leases()
    await agent.report([first], "preempted")
    (first,) = await agent.leases()
    await agent.report([first])
    (second,) = await agent.leases()
    await agent.report([second], "preempted")
    jobs = [first["job"], second["job"], "job_999999"]
    body = {"jobs": jobs}
    reply = await agent.http.post("/v1/leases:checkpoints", body)
    assert reply.expect(200) == {"ended": [first["job"]]}
    other = await broker.agent("other")
    reply = await other.http.post("/v1/leases:checkpoints", body)
    assert reply.expect(200) == {"ended": []}


def test_the_pace_counts_the_last_minute_of_each_pool() -> None:
    now = [100.0]
    pace = Pace(clock=lambda: now[0])
    pace.took("a", 3)
    assert (pace.room("a", 5), pace.room("a", 2), pace.room("b", 5)) == (2, 0, 5)
    now[0] += 59
    assert pace.room("a", 5) == 2
    now[0] += 1
    assert pace.room("a", 5) == 5
