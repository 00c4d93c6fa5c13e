"""Redis forgets, stops, or goes away: nothing is lost, and work goes on without a restart."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from broker.queues.client import Queues
from tests.support.agent import Agent
from tests.support.http import Http
from tests.support.running import Running
from tests.support.servers import Servers, running_servers
from tests.support.until import until

WITHIN_SECONDS = 12  # twice a statement's five, and a little for a busy machine


@pytest.fixture
def servers(monkeypatch: pytest.MonkeyPatch) -> Iterator[Servers]:
    """Servers of this test alone, always embedded ones: it kills them."""
    monkeypatch.delenv("FAIRLEAD_TEST_DATABASE_URL", raising=False)
    with running_servers(durable=True) as own:
        yield own


async def prepared(broker: Running) -> tuple[Http, Agent]:
    await broker.app()
    return await broker.client("ann", submit_all_apps=True), await broker.agent()


async def submit(client: Http, jobs: int) -> None:
    (await client.post("/v1/batches", {"app": "sleep", "jobs": [{}] * jobs})).expect(201)


async def poll(agent: Agent) -> int:
    """One poll and the report of what came; returns how many jobs ended."""
    body = {"free_slots": 4, "wait_seconds": 1}
    reply = await agent.http.post(f"/v1/hosts/{agent.host}:poll", body)
    if reply.status == 503:
        reply.problem(503, "unavailable")
        assert int(reply.headers["Retry-After"]) > 0
        return 0
    leases = reply.expect(200)["leases"]
    statuses = await agent.report(leases) if leases else []
    assert set(statuses) <= {"ok"}
    return len(leases)


async def finish_all(broker: Running, agent: Agent) -> None:
    """Polls and reports until no job is open, whatever happens to the servers meanwhile."""

    async def nothing_open() -> bool:
        await poll(agent)
        async with broker.services.database.connection() as connection:
            query = "SELECT NOT EXISTS (SELECT FROM job WHERE finished_at IS NULL)"
            return bool(await connection.fetchval(query))

    await until(nothing_open, 60)
    async with broker.services.database.connection() as connection:
        counts = await connection.fetchrow(
            "SELECT (SELECT count(*) FROM job WHERE state <> 'succeeded') AS lost,"
            " (SELECT count(*) FROM ledger WHERE kind = 'debit')"
            " - (SELECT count(*) FROM job) AS debits_beside,"
            " (SELECT sum(jobs_open) FROM account_usage) AS open,"
            " (SELECT count(*) FROM batch WHERE finished_at IS NULL) AS batches"
        )
    assert dict(counts) == {"lost": 0, "debits_beside": 0, "open": 0, "batches": 0}


async def flush(broker: Running) -> None:
    queues: Queues = broker.services.queues
    keys = [key async for key in queues.redis.scan_iter(match="*")]
    await queues.redis.delete(*keys)


async def test_flushall_loses_nothing(broker: Running) -> None:
    ann, agent = await prepared(broker)
    await submit(ann, 30)
    await until(lambda: poll(agent))
    await flush(broker)
    await finish_all(broker, agent)


async def test_a_flush_between_two_submissions_loses_neither(broker: Running) -> None:
    ann, agent = await prepared(broker)
    await submit(ann, 5)
    await flush(broker)
    await submit(ann, 5)
    await finish_all(broker, agent)


async def test_popped_jobs_of_a_dead_leader_come_back(
    start_broker: Callable[..., Any],
) -> None:
    broker = await start_broker()
    ann, agent = await prepared(broker)
    services = broker.services
    await submit(ann, 6)
    lane_length = services.queues.key("lane:1")
    await until(lambda: _holds(services.queues, lane_length, 6))
    # a leader that dies between pop and claim leaves this behind
    await services.queues.run("pop", "0.0", 1, 6)
    await broker.broker._elector.resign()
    await finish_all(broker, agent)


async def _holds(queues: Queues, key: str, members: int) -> bool:
    return int(await queues.redis.zcard(key)) == members


async def test_redis_killed_and_back_goes_on_without_a_restart(
    servers: Servers, start_broker: Callable[..., Any]
) -> None:
    broker = await start_broker()
    ann, agent = await prepared(broker)
    await submit(ann, 10)
    await until(lambda: poll(agent))

    servers.kill("Valkey")
    # a submission is accepted: the outbox keeps it
    await submit(ann, 5)
    await poll(agent)
    # what only the last plan knows is left out, the rest is told
    dry = {"app": "sleep", "jobs": [{}]}
    assert (await ann.post("/v1/batches?dry_run=true", dry)).expect(200)["start"] is None
    assert {b["end"] for b in (await ann.get("/v1/batches")).expect(200)["items"]} == {None}
    told = [("GET", "/v1/shares"), ("POST", "/v1/quotas:preview")]
    for method, path in told:
        refused = await broker.admin.call(method, path, {} if method == "POST" else None)
        refused.problem(503, "unavailable")
        assert int(refused.headers["Retry-After"]) > 0
    await servers.restart("Valkey")

    async def told_again() -> bool:
        return (await broker.admin.get("/v1/shares")).status == 200

    await until(told_again)
    await finish_all(broker, agent)


async def test_postgresql_away_is_503_and_comes_back(
    servers: Servers, start_broker: Callable[..., Any]
) -> None:
    broker = await start_broker()
    ann, agent = await prepared(broker)
    servers.kill("PostgreSQL")
    body = {"app": "sleep", "jobs": [{}]}
    refused = await ann.post("/v1/batches", body)
    refused.problem(503, "unavailable")
    assert int(refused.headers["Retry-After"]) > 0
    await servers.restart("PostgreSQL")

    async def accepted() -> bool:
        return (await ann.post("/v1/batches", body)).status == 201

    await until(accepted)
    await finish_all(broker, agent)
    async with broker.services.database.connection() as connection:
        assert await connection.fetchval("SELECT count(*) FROM job") == 1  # none of the refused


async def test_a_postgresql_that_hangs_is_503_within_ten_seconds(
    servers: Servers, start_broker: Callable[..., Any]
) -> None:
    broker = await start_broker()
    ann, agent = await prepared(broker)
    await submit(ann, 4)
    leases = await agent.leases(1)
    report = {"job": leases[0]["job"], "epoch": leases[0]["epoch"], "outcome": "succeeded"}
    calls: list[tuple[Http, str, Any]] = [
        (ann, "/v1/batches", {"app": "sleep", "jobs": [{}]}),
        (agent.http, f"/v1/hosts/{agent.host}:poll", {"free_slots": 4}),
        (agent.http, "/v1/leases:renew", {"leases": [{k: report[k] for k in ("job", "epoch")}]}),
        (agent.http, "/v1/leases:report", {"reports": [report]}),
    ]
    with servers.frozen("PostgreSQL"):
        async with asyncio.timeout(WITHIN_SECONDS):
            replies = await asyncio.gather(
                *(http.post(path, body) for http, path, body in calls for _ in range(10))
            )
    for reply in replies:
        reply.problem(503, "unavailable")
        assert int(reply.headers["Retry-After"]) > 0
    await finish_all(broker, agent)


async def test_a_standby_takes_over(start_broker: Callable[..., Any]) -> None:
    first = await start_broker(leader_seconds=1)
    ann, agent = await prepared(first)
    await until(lambda: first.services.dispatch.term is not None)
    second = await start_broker(leader_seconds=1)
    # poll at the standby, submit at the leader
    moved = Agent(Http(second.url, agent.http.session, agent.http.token), agent.host, agent.facts)
    await submit(ann, 4)
    await finish_all(first, moved)
    # the leader stops without a word: its row must run out
    for task in first.broker._tasks:
        task.cancel()
    await until(lambda: second.services.dispatch.term is not None)
    await submit(ann, 4)
    await finish_all(first, moved)
