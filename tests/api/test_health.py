"""Health over HTTP: up, ready, and what is away."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from broker.errors import Unavailable
from broker.storage.database import Database
from tests.api.test_explain import dead
from tests.support.running import Running


async def test_process_is_up_without_a_token(broker: Running) -> None:
    assert (await broker.anonymous.get("/healthz")).expect(200) == {"status": "ok"}


async def test_broker_is_ready_when_both_servers_answer(broker: Running) -> None:
    assert (await broker.anonymous.get("/readyz")).expect(200) == {"status": "ok"}


async def test_absent_redis_is_named_and_the_process_stays_up(broker: Running) -> None:
    living = broker.services.queues
    broker.services.queues = await dead(living)
    try:
        reply = await broker.anonymous.get("/readyz")
        assert reply.problem(503, "unavailable")["detail"] == "Redis does not answer"
        assert reply.headers["Retry-After"] == "2"
        (await broker.anonymous.get("/healthz")).expect(200)
    finally:
        await broker.services.queues.close()
        broker.services.queues = living


async def test_lost_queues_are_not_ready(broker: Running) -> None:
    queues = broker.services.queues
    await queues.redis.delete(queues.key("generation"))
    reply = await broker.anonymous.get("/readyz")
    if reply.status != 200:  # the leader may have been quicker
        assert reply.problem(503, "unavailable")["detail"].startswith("the queues in Redis")


async def test_tables_of_another_version_are_not_ready(broker: Running) -> None:
    async with broker.services.database.connection() as connection:
        await connection.execute("UPDATE deployment SET schema_digest = 'other'")
    reply = await broker.anonymous.get("/readyz")
    assert "another version" in reply.problem(503, "unavailable")["detail"]


async def test_absent_postgresql_is_named(broker: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    @asynccontextmanager
    async def away() -> AsyncIterator[None]:
        raise Unavailable("PostgreSQL is away")
        yield

    monkeypatch.setattr(Database, "connection", lambda self: away())
    reply = await broker.anonymous.get("/readyz")
    assert reply.problem(503, "unavailable")["detail"] == "PostgreSQL does not answer"
