"""Estimates over HTTP: when a batch may end, and when a submission would start."""

import asyncio
from typing import Any

from tests.api.scene import scientist, submit
from tests.support.agent import Agent
from tests.support.http import Http
from tests.support.running import Running
from tests.support.until import until

BODY = {"app": "sleep", "jobs": [{}] * 3}


async def some_ended(broker: Running) -> tuple[Http, Agent, str]:
    """Ann with a batch of ten jobs, of which two have ended and two run."""
    await broker.app()
    ann, agent = await scientist(broker), await broker.agent(slots=2)
    batch = await submit(ann, 10)
    await agent.report(await agent.leases(2), usage={"wall_seconds": 30})
    await agent.leases(2)
    return ann, agent, batch


async def dry_run(http: Http) -> Any:
    return (await http.post("/v1/batches?dry_run=true", BODY)).expect(200)


async def test_a_batch_tells_when_it_may_end(broker: Running) -> None:
    ann, _, batch = await some_ended(broker)
    shown: dict[str, Any] = {}

    async def told() -> bool:
        shown.update((await ann.get(f"/v1/batches/{batch}")).expect(200))
        return shown["end"] is not None

    await until(told, told=lambda: shown)
    assert 0 < shown["end"]["seconds_low"] < shown["end"]["seconds_high"]
    assert shown["end"]["basis"].startswith("8 open jobs")
    listed = (await ann.get("/v1/batches")).expect(200)["items"][0]
    assert listed["end"] == shown["end"]


async def test_a_finished_batch_has_no_end_ahead(broker: Running) -> None:
    await broker.app()
    ann, agent = await scientist(broker), await broker.agent()
    batch = await submit(ann)
    await agent.report(await agent.leases(1))
    assert (await ann.get(f"/v1/batches/{batch}")).expect(200)["end"] is None


async def test_a_dry_run_tells_rank_and_start_behind_own_jobs(broker: Running) -> None:
    ann, _, _ = await some_ended(broker)
    answer: dict[str, Any] = {}

    async def told() -> bool:
        answer.update(await dry_run(ann))
        return answer["start"] is not None

    await until(told, told=lambda: answer)
    assert (answer["jobs_ahead"], answer["account_rank"]) == (6, 1)
    assert answer["start"]["basis"].startswith("6 jobs of the account before it")


async def test_a_dry_run_tells_of_slots_that_nobody_can_use(broker: Running) -> None:
    await broker.app()
    ann, agent = await scientist(broker), await broker.agent()
    idle = asyncio.create_task(agent.poll(wait=30))
    answer: dict[str, Any] = {}

    async def told() -> bool:
        answer.update(await dry_run(ann))
        return answer["start"] is not None

    await until(told, told=lambda: answer)
    assert answer["start"]["seconds_low"] == 0
    assert answer["start"]["basis"] == "slots are free that no waiting job can use"
    idle.cancel()
