"""Explanations over HTTP: each reason in the situation that it speaks of."""

import asyncio
from typing import Any

from broker.queues.client import Queues
from tests.api.scene import job_of, scientist, submit
from tests.support.http import Http
from tests.support.running import Running
from tests.support.until import until


async def explained(http: Http, job: str, reason: str, seconds: float = 10) -> dict[str, Any]:
    """The explanation once it gives this reason; plans take a moment to show."""
    answer: dict[str, Any] = {}

    async def given() -> bool:
        answer.update((await http.get(f"/v1/jobs/{job}/explain")).expect(200))
        return bool(answer["reason"] == reason)

    await until(given, seconds, told=lambda: f"expected {reason}, got {answer}")
    assert answer["job"] == job
    assert answer["sentence"].endswith(".") or answer["sentence"].endswith('".')
    return answer


async def test_pool_without_hosts_is_named(broker: Running) -> None:
    await broker.app()
    ann = await scientist(broker)
    job = job_of(await submit(ann, pool="cluster-b"))
    answer = await explained(ann, job, "no_hosts")
    assert "cluster-b" in answer["sentence"]
    assert answer["numbers"]["hosts_in_pool"] == 0
    assert answer["state"] == "queued"


async def test_need_that_no_host_meets_is_told_with_the_nearest_host(broker: Running) -> None:
    await broker.app()
    ann = await scientist(broker)
    await broker.agent("small", cpus=4)
    await broker.agent("big", cpus=32)
    job = job_of(await submit(ann, resources={"cpus": 64}))
    answer = await explained(ann, job, "no_suitable_host")
    assert "64 CPU cores (the nearest host has 32)" in answer["sentence"]
    assert answer["numbers"]["hosts_in_pool"] == 2
    assert answer["numbers"]["hosts_suitable"] == 0


async def test_host_that_fell_silent_is_told(broker: Running) -> None:
    await broker.app()
    ann = await scientist(broker)
    agent = await broker.agent()
    await agent.poll(wait=0)
    async with broker.services.database.connection() as connection:
        await connection.execute("UPDATE host SET last_seen_at = now() - interval '1 hour'")
    job = job_of(await submit(ann))
    answer = await explained(ann, job, "hosts_silent")
    assert answer["numbers"]["hosts_suitable"] == 1


async def test_full_fleet_shows_share_position_and_those_ahead(broker: Running) -> None:
    await broker.app()
    ann, agent = await scientist(broker, quota=2.0), await broker.agent(slots=2)
    batch = await submit(ann, 12)
    leases = await agent.leases(2)
    last = job_of(batch, 11)
    answer = await explained(ann, last, "share_reached")
    numbers = answer["numbers"]
    assert (numbers["position"], numbers["jobs_ahead_own"]) == (10, 9)
    assert numbers["quota"] == 2
    assert (numbers["allocated_slots"], numbers["capacity_slots"]) == (2, 2)
    assert numbers["free_slots"] == 0
    assert numbers["entitlement_slots"] == 2
    assert numbers["jobs_running_in_lane"] == 2
    assert "holds all 2 slots" in answer["sentence"]
    assert "Before this one come 9 jobs of the same account" in answer["sentence"]
    assert leases


async def test_account_below_its_share_is_first_in_line(broker: Running) -> None:
    await broker.app()
    ann, bob = await scientist(broker), await scientist(broker, "bob")
    agent = await broker.agent(slots=2)
    await submit(ann, 4)
    await agent.leases(2)
    job = job_of(await submit(bob))
    answer = await explained(bob, job, "no_free_slot")
    assert answer["numbers"]["account_rank"] == 1
    assert answer["numbers"]["allocated_slots"] == 0
    assert "CPU slots, pool default" in answer["sentence"]
    assert "ann" not in answer["sentence"]


async def test_account_without_quota_is_told_so(broker: Running) -> None:
    await broker.app()
    ann, bob = await scientist(broker), await scientist(broker, "bob", quota=0)
    agent = await broker.agent(slots=1)
    await submit(ann, 3)
    await agent.leases(1)
    answer = await explained(bob, job_of(await submit(bob)), "no_quota")
    assert "quota of 0" in answer["sentence"]


async def test_fragments_on_many_hosts_are_told(broker: Running) -> None:
    gpu = {"uuid": "u", "model": "H100", "memory_mib": 80_000, "compute_capability": 9.0}
    await broker.app()
    ann = await scientist(broker)
    agent = await broker.agent(gpus=[gpu] * 2, slots=0)
    waiting = asyncio.create_task(agent.poll(0, free_gpus=1, wait=15))
    job = job_of(await submit(ann, resources={"gpus": 2}))
    answer = await explained(ann, job, "no_host_with_enough")
    assert "2 GPUs" in answer["sentence"]
    assert "H100" in answer["sentence"]
    waiting.cancel()


async def test_job_that_came_back_from_a_host_backs_off(broker: Running) -> None:
    await broker.app()
    ann, agent = await scientist(broker), await broker.agent()
    job = job_of(await submit(ann))
    (lease,) = await agent.leases()
    await agent.report([lease], "host_error", message="no disk")
    answer = await explained(ann, job, "backing_off", seconds=1.5)
    assert 0 < answer["numbers"]["backoff_seconds"] <= 2.5
    assert answer["numbers"]["failures"] == 1


async def test_suspended_accounts_job_waits_for_an_admin(broker: Running) -> None:
    await broker.app()
    ann = await scientist(broker)
    job = job_of(await submit(ann))
    (await broker.admin.post("/v1/accounts/ann:suspend")).expect(200)
    answer = await explained(broker.admin, job, "account_suspended")
    assert "ann" in answer["sentence"]


async def test_job_on_a_host_tells_where_and_how_long(broker: Running) -> None:
    await broker.app()
    ann, agent = await scientist(broker), await broker.agent("gpu-7")
    job = job_of(await submit(ann, limits={"wall_seconds": 7_200}))
    (lease,) = await agent.leases()
    answer = await explained(ann, job, "leased")
    assert answer["state"] == "leased"
    await agent.renew([lease])
    answer = await explained(ann, job, "running")
    assert "gpu-7" in answer["sentence"]
    assert "120 min" in answer["sentence"] or "2 h" in answer["sentence"]
    assert answer["numbers"]["host"] == "gpu-7"
    assert 50 < answer["numbers"]["lease_seconds_left"] <= 60
    (await ann.post(f"/v1/jobs/{job}:cancel")).expect(200)
    await explained(ann, job, "cancelling")
    async with broker.services.database.connection() as connection:
        await connection.execute("UPDATE job SET lease_expires_at = now() - interval '1 s'")
        # before the reaper looks again
        reply = await ann.get(f"/v1/jobs/{job}/explain")
    assert reply.expect(200)["reason"] in ("lease_expired", "cancelled")


async def test_ended_jobs_tell_how_and_what_to_do(broker: Running) -> None:
    await broker.app()
    ann, agent = await scientist(broker), await broker.agent(slots=8)
    batch = await submit(ann, 5, resources={"memory_mib": 512}, limits={"attempts": 1})
    leases = sorted(await agent.leases(5), key=lambda lease: int(lease["job"][4:]))
    usage = {"wall_seconds": 3.5, "memory_peak_mib": 600}
    await agent.report(leases[:1], exit_code=0, usage=usage)
    await agent.report(leases[1:2], "failed", exit_code=-9, usage=usage)
    await agent.report(leases[2:3], "timed_out")
    await agent.report(leases[3:4], "out_of_memory", usage=usage)
    await agent.report(leases[4:5], "host_error", message="no disk")
    jobs = [job_of(batch, index) for index in range(5)]

    answer = await explained(ann, jobs[0], "succeeded")
    assert (answer["numbers"]["attempts"], answer["numbers"]["exit_code"]) == (1, 0)
    answer = await explained(ann, jobs[1], "failed")
    assert "signal 9 (SIGKILL)" in answer["sentence"]
    answer = await explained(ann, jobs[2], "timed_out")
    assert "limits.wall_seconds" in answer["sentence"]
    answer = await explained(ann, jobs[3], "out_of_memory")
    assert "512 MiB" in answer["sentence"]
    assert "600 MiB" in answer["sentence"]
    answer = await explained(ann, jobs[4], "quarantined")
    assert "no disk" in answer["sentence"]
    cancelled = job_of(await submit(ann))
    (await ann.post(f"/v1/jobs/{cancelled}:cancel")).expect(200)
    await explained(ann, cancelled, "cancelled")


async def test_absent_queue_server_is_told_instead_of_guessed(broker: Running) -> None:
    await broker.app()
    ann = await scientist(broker)
    agent = await broker.agent()
    await agent.poll(wait=0)
    job = job_of(await submit(ann, resources={"cpus": 8}))
    living = broker.services.queues
    broker.services.queues = await dead(living)
    try:
        answer = await explained(ann, job, "queue_unavailable")
        assert answer["numbers"]["position"] is None
    finally:
        await broker.services.queues.close()
        broker.services.queues = living


async def dead(like: Queues) -> Queues:
    """Queues in a server that is not there."""
    from redis.asyncio import Redis

    return Queues(Redis(host="127.0.0.1", port=1, retry=None), like.prefix)
