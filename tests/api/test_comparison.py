"""Who comes first, where a job would start now, and why another one started before."""

from typing import Any

from broker.config import Settings
from broker.services.leader import recorder
from broker.services.operations.upkeep import Upkeep
from tests.api.scene import job_of, scientist, submit
from tests.support.http import Http
from tests.support.running import Running
from tests.support.until import until


async def explain(http: Http, job: str, against: str = "") -> dict[str, Any]:
    query = f"?against={against}" if against else ""
    answer: dict[str, Any] = (await http.get(f"/v1/jobs/{job}/explain{query}")).expect(200)
    return answer


async def records(broker: Running) -> int:
    async with broker.services.database.connection() as connection:
        return int(await connection.fetchval("SELECT count(*) FROM decision"))


async def test_those_ahead_are_told_without_their_jobs(broker: Running) -> None:
    await broker.app()
    await broker.app("secret-app")
    ann, bob = await scientist(broker, quota=1), await scientist(broker, "bob", quota=9)
    agent = await broker.agent(slots=2)
    batch = await submit(ann, 3)
    await agent.leases(2)
    await submit(bob, 3, app="secret-app", name="secret-name")
    seen: dict[str, Any] = {}

    async def told() -> bool:
        seen.update(await explain(ann, job_of(batch, 2)))
        return bool(seen["ahead"])

    await until(told)
    (first,) = seen["ahead"]
    assert (first["account_name"], first["rank"], first["allocated_slots"]) == ("bob", 1, 0)
    assert "secret" not in str(seen)


async def test_a_pool_where_the_job_would_start_now_is_named(broker: Running) -> None:
    await broker.app()
    ann = await scientist(broker)
    busy, idle = await broker.agent("busy", slots=1), await broker.agent("idle", pool="other")
    batch = await submit(ann, 2)
    await busy.leases(1)
    small = job_of(await submit(ann, resources={"cpus": 64}))

    async def told() -> bool:
        await idle.poll(wait=0.3)
        return bool((await explain(ann, job_of(batch, 1)))["pool_now"] == "other")

    await until(told)
    assert (await explain(ann, small))["pool_now"] is None  # no host there has 64 cores
    # a pool that is closed to the job's project is nobody's advice
    (await broker.admin.post("/v1/pools", {"name": "other"})).expect(201)
    assert not any([await told() for _ in range(3)])
    (await broker.admin.patch("/v1/pools/other", {"open": True})).expect(200)
    await until(told)


async def test_why_another_job_started_before_is_answered_afterwards(
    broker: Running, monkeypatch: Any
) -> None:
    monkeypatch.setattr(recorder, "RECORD_SECONDS", 0.0)
    await broker.app()
    ann, bob = await scientist(broker, quota=1), await scientist(broker, "bob", quota=3)
    agent = await broker.agent(slots=1)
    first = await submit(ann, 4)
    leases = await agent.leases(1)
    second = await submit(bob, 2)
    await until(lambda: _recorded(broker, second))
    await agent.report(leases)
    (lease,) = await agent.leases(1)
    assert lease["job"] == job_of(second)
    mine, other = job_of(first, 1), job_of(second)
    answer = await explain(broker.admin, mine, other)
    comparison = answer["comparison"]
    assert (comparison["other"], comparison["reason"]) == (other, "less_of_its_share")
    assert "account bob held 0 slots" in comparison["sentence"]
    assert comparison["numbers"]["other_entitlement_slots"] > 0
    back = (await explain(broker.admin, other, mine))["comparison"]
    assert back["reason"] == "other_not_started"
    same = (await explain(ann, mine, job_of(first)))["comparison"]
    assert same["reason"] == "same_queue"
    # rule B4: a foreign job looks absent, whoever asks about an own one
    reply = await ann.get(f"/v1/jobs/{mine}/explain?against={other}")
    reply.problem(404, "not_found")
    reply = await ann.get(f"/v1/jobs/{mine}/explain?against=batch_1")
    assert reply.problem(422, "invalid_input")
    assert reply.pointers() == ["?against"]


async def _recorded(broker: Running, batch: str) -> bool:
    async with broker.services.database.connection() as connection:
        return bool(
            await connection.fetchval(
                "SELECT EXISTS (SELECT FROM decision JOIN batch USING (lane_id)"
                " WHERE batch.id = $1 AND pending_jobs > 0)",
                int(batch.removeprefix("batch_")),
            )
        )


async def test_decisions_are_written_when_something_changed_and_pruned(broker: Running) -> None:
    await broker.app()
    ann = await scientist(broker)
    await submit(ann, 3)

    async def written() -> bool:
        return await records(broker) > 0

    await until(written)
    cycles = broker.services.dispatch.cycles

    async def cycled() -> bool:
        return broker.services.dispatch.cycles > cycles + 2

    await until(cycled)
    assert await records(broker) == 1  # nothing changed since
    services, settings = broker.services, broker.services.settings
    upkeep = _upkeep(broker, settings)
    await upkeep.prune()
    assert await records(broker) == 1
    async with services.database.connection() as connection:
        await connection.execute(
            "UPDATE decision SET at = now() - $1::float8 * interval '1 hour'",
            settings.decisions_keep_hours,
        )
    await upkeep.prune()
    assert await records(broker) == 0


def _upkeep(broker: Running, settings: Settings) -> Upkeep:
    services = broker.services
    return Upkeep(
        services.database,
        services.dispatch,
        services.leasing,
        services.settling,
        services.files,
        events_keep_hours=settings.events_keep_hours,
        decisions_keep_hours=settings.decisions_keep_hours,
    )
