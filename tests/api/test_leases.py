"""The pull protocol over HTTP: polls, fencing, renewals, reports, and what they mean for a job."""

import asyncio
from typing import Any

import pytest

from broker.storage.database import Connection
from tests.support.agent import Agent
from tests.support.http import Http
from tests.support.running import Running
from tests.support.until import until


@pytest.fixture
async def ann(broker: Running) -> Http:
    await broker.app()
    return await broker.client("ann", submit_all_apps=True)


@pytest.fixture
async def agent(broker: Running) -> Agent:
    return await broker.agent()


async def submit(client: Http, jobs: int = 1, **more: Any) -> str:
    """Submits no-op jobs; returns the batch."""
    body = {"app": "sleep", "jobs": [{}] * jobs, **more}
    return str((await client.post("/v1/batches", body)).expect(201)["id"])


async def row(broker: Running, table: str, where: str = "true") -> Any:
    async with broker.services.database.connection() as connection:
        return await connection.fetchrow(f"SELECT * FROM {table} WHERE {where}")


async def execute(broker: Running, statement: str) -> None:
    async with broker.services.database.connection() as connection:
        connection_: Connection = connection
        await connection_.execute(statement)


async def test_a_lease_carries_everything_needed_to_run(ann: Http, agent: Agent) -> None:
    await submit(ann, limits={"wall_seconds": 60})
    reply = await agent.poll()
    (lease,) = reply["leases"]
    spec = reply["versions"][lease["version"]]
    assert spec["command"][0] == "{python}"
    assert lease["parameters"] == {"seconds": 0}
    assert lease["limits"]["wall_seconds"] == 60
    assert lease["resources"] == {
        "hosts": 1, "gpus": 0, "gpu_memory_mib": 0, "gpu_model": None,
        "compute_capability": 0.0, "gpu_eighths": 8, "cpus": 1, "memory_mib": 0,
    }  # fmt: skip


async def test_a_lost_answer_is_repeated_by_the_next_poll(ann: Http, agent: Agent) -> None:
    await submit(ann)
    (lease,) = await agent.leases()
    agent.held.clear()  # as if the answer had never arrived
    (again,) = await agent.leases()
    assert again == lease


async def test_a_host_gets_no_more_than_it_has_free(ann: Http, agent: Agent) -> None:
    await submit(ann, 10)
    leases = await agent.leases(4)
    assert len(leases) == 4
    assert (await agent.poll(wait=0.3))["leases"] == []
    await agent.report(leases[:1])
    assert len(await agent.leases(1)) == 1


async def test_a_host_that_leaves_soon_gets_only_jobs_that_end_before(
    ann: Http, agent: Agent
) -> None:
    long = await submit(ann, limits={"wall_seconds": 3_600})
    short = await submit(ann, limits={"wall_seconds": 300})
    (lease,) = await agent.leases(1, wall_seconds_max=500)
    assert lease["batch"] == short
    assert (await agent.poll(wait=0.3, wall_seconds_max=500))["leases"] == []
    (lease,) = await agent.leases(1, wall_seconds_max=3_600)
    assert lease["batch"] == long


async def test_jobs_of_a_lane_run_in_order_and_priority_goes_first(
    ann: Http, broker: Running
) -> None:
    early = await submit(ann, 3)
    urgent = await submit(ann, 2, priority=5)
    agent = await broker.agent(slots=1)
    order = []
    for _ in range(5):
        (lease,) = await agent.leases()
        order.append(lease["batch"])
        await agent.report([lease])
    assert order == [urgent, urgent, early, early, early]


async def test_an_idle_poll_ends_empty_after_its_wait(agent: Agent) -> None:
    reply = await agent.poll(wait=0.2)
    assert reply["leases"] == []
    assert reply["cancel"] == []
    assert reply["lease_seconds"] == 60


async def test_a_waiting_poll_is_answered_by_a_submission(ann: Http, agent: Agent) -> None:
    waiting = asyncio.create_task(agent.poll(wait=30))
    await submit(ann)
    reply = await asyncio.wait_for(waiting, 10)
    assert len(reply["leases"]) == 1


async def test_a_poll_whose_client_left_takes_no_lease(
    ann: Http, agent: Agent, broker: Running
) -> None:
    gone = asyncio.create_task(agent.poll(wait=30))
    await until(lambda: len(broker.services.waiting) == 1)
    gone.cancel()
    await until(lambda: len(broker.services.waiting) == 0)
    other = await broker.agent("other")
    await submit(ann, 4)
    assert len(await other.leases(4)) == 4


async def test_a_report_closes_attempt_ledger_usage_credit_and_batch(
    ann: Http, agent: Agent, broker: Running
) -> None:
    batch = await submit(ann, 2)
    leases = await agent.leases(2)
    await agent.renew(leases)
    await execute(broker, "UPDATE job SET leased_at = leased_at - interval '10 seconds'")
    await agent.report(leases[:1], exit_code=0, usage={"wall_seconds": 4, "cpu_seconds": 3})

    job = leases[0]["job"].removeprefix("job_")
    attempt = await row(broker, "attempt", f"job_id = {job}")
    assert (attempt["outcome"], attempt["debited_gpu_seconds"]) == ("succeeded", 4)
    assert (await row(broker, "ledger", f"job_id = {job} AND kind = 'debit'"))["amount"] == 4
    credit = await row(broker, "ledger", f"job_id = {job} AND kind = 'credit'")
    assert credit["amount"] == pytest.approx(4 * 200 / 86_400)
    ann_id = "(SELECT id FROM account WHERE name = 'ann')"
    usage = await row(broker, "account_usage", f"account_id = {ann_id}")
    assert usage["usage_gpu_seconds"] == pytest.approx(4, rel=1e-4)  # it fades while it is used
    assert usage["jobs_open"] == 1
    assert (await row(broker, "host_credit"))["credit_total"] == pytest.approx(4 * 200 / 86_400)
    stored = await row(broker, "batch", f"id = {batch.removeprefix('batch_')}")
    assert (stored["succeeded"], stored["finished_at"]) == (1, None)
    await agent.report(leases[1:], "failed", exit_code=3)
    stored = await row(broker, "batch")
    assert (stored["succeeded"], stored["failed"]) == (1, 1)
    assert stored["finished_at"] is not None


async def test_time_beyond_the_lease_is_not_charged(
    ann: Http, agent: Agent, broker: Running
) -> None:
    await submit(ann)
    (lease,) = await agent.leases()
    await agent.report([lease], usage={"wall_seconds": 1e6})
    assert (await row(broker, "ledger", "kind = 'debit'"))["amount"] < 60


async def test_reports_are_answered_one_by_one(ann: Http, agent: Agent) -> None:
    await submit(ann, 2)
    first, second = await agent.leases(2)
    assert await agent.report([first]) == ["ok"]
    stale = {**second, "epoch": 7}
    unknown = {"job": "job_999999", "epoch": 1}
    assert await agent.report([first, stale, unknown, second]) == [
        "stored", "fenced", "fenced", "ok",
    ]  # fmt: skip


async def test_another_hosts_lease_is_fenced(ann: Http, agent: Agent, broker: Running) -> None:
    await submit(ann)
    (lease,) = await agent.leases()
    thief = await broker.agent("thief")
    assert await thief.report([lease]) == ["fenced"]
    assert (await thief.renew([lease]))[0]["status"] == "fenced"
    assert await agent.report([lease]) == ["ok"]


async def test_a_lapsed_lease_returns_the_job_and_fences_the_old_host(
    ann: Http, agent: Agent, broker: Running
) -> None:
    await submit(ann)
    (lease,) = await agent.leases()
    await execute(broker, "UPDATE job SET lease_expires_at = now() - interval '1 second'")
    other = await broker.agent("other")
    waiting = asyncio.create_task(other.leases(1, wait=20))
    (again,) = await asyncio.wait_for(waiting, 20)
    assert (again["job"], again["epoch"]) == (lease["job"], 2)
    assert await agent.report([lease]) == ["fenced"]
    assert (await row(broker, "attempt"))["outcome"] == "lost"
    assert await row(broker, "ledger") is None
    assert await other.report([again]) == ["ok"]


async def test_a_job_that_hosts_keep_losing_is_quarantined(
    ann: Http, agent: Agent, broker: Running
) -> None:
    await submit(ann, limits={"attempts": 2})
    for _ in range(2):
        await execute(broker, "UPDATE outbox SET available_at = now()")
        (lease,) = await agent.leases(wait=10)
        await agent.report([lease], "host_error", message="no space left on device")
    job = await row(broker, "job")
    assert (job["state"], job["failures"]) == ("quarantined", 2)
    assert (await row(broker, "batch"))["quarantined"] == 1


async def test_a_preempted_attempt_does_not_count_towards_quarantine(
    ann: Http, agent: Agent, broker: Running
) -> None:
    await submit(ann, limits={"attempts": 1})
    for _ in range(3):
        (lease,) = await agent.leases()
        await agent.report([lease], "preempted")
    assert (await row(broker, "job"))["failures"] == 0
    (lease,) = await agent.leases()
    assert lease["epoch"] == 4


async def test_a_renewal_marks_the_job_as_running_once(
    ann: Http, agent: Agent, broker: Running
) -> None:
    await submit(ann)
    (lease,) = await agent.leases()
    assert (await agent.renew([lease], running=False))[0]["status"] == "ok"
    assert (await row(broker, "job"))["state"] == "leased"
    for _ in range(2):
        await agent.renew([lease])
    assert (await row(broker, "job"))["state"] == "running"
    async with broker.services.database.connection() as connection:
        count = await connection.fetchval("SELECT count(*) FROM event WHERE kind = 'running'")
    assert count == 1


async def test_a_running_job_is_cancelled_through_the_open_poll(
    ann: Http, agent: Agent, broker: Running
) -> None:
    batch = await submit(ann, 2)
    leases = await agent.leases(2)
    waiting = asyncio.create_task(agent.poll(0, wait=30))
    await until(lambda: len(broker.services.waiting) == 1)
    (await ann.post(f"/v1/batches/{batch}:cancel")).expect(200)
    told = await asyncio.wait_for(waiting, 10)
    assert {key["job"] for key in told["cancel"]} == {lease["job"] for lease in leases}
    # told once: the next poll waits although the job has not been reported yet
    assert (await agent.renew(leases))[0]["cancel"] is True
    await agent.poll(0, wait=0.2)
    await agent.report(leases, "cancelled", usage={"wall_seconds": 0.001})
    assert (await row(broker, "job"))["state"] == "cancelled"
    assert (await row(broker, "batch"))["cancelled"] == 2


async def test_a_lost_attempt_of_a_cancelled_job_ends_it(
    ann: Http, agent: Agent, broker: Running
) -> None:
    batch = await submit(ann)
    (lease,) = await agent.leases()
    (await ann.post(f"/v1/batches/{batch}:cancel")).expect(200)
    await agent.report([lease], "host_error")
    assert (await row(broker, "job"))["state"] == "cancelled"


async def test_a_host_may_only_poll_for_itself(agent: Agent, broker: Running) -> None:
    other = await broker.agent("other")
    body = {"free_slots": 1, "wait_seconds": 0}
    reply = await agent.http.post(f"/v1/hosts/{other.host}:poll", body)
    reply.problem(404, "not_found")
    (await agent.http.post("/v1/hosts/job_1:poll", body)).problem(422, "invalid_input")
    (await broker.admin.post(f"/v1/hosts/{other.host}:poll", body)).problem(403, "forbidden")


async def test_bad_messages_name_the_field(agent: Agent) -> None:
    path = f"/v1/hosts/{agent.host}:poll"
    reply = await agent.http.post(path, {"free_slots": -1, "holding": [{"job": "batch_1"}]})
    reply.problem(422, "invalid_input")
    assert {"/free_slots", "/holding/0/job", "/holding/0/epoch"} <= set(reply.pointers())
    reply = await agent.http.post("/v1/leases:report", {"reports": []})
    assert reply.pointers() == ["/reports"]
    bad = {"job": "job_1", "epoch": 1, "outcome": "great"}
    reply = await agent.http.post("/v1/leases:report", {"reports": [bad]})
    assert reply.pointers() == ["/reports/0/outcome"]
    bad = {"job": "job_1", "epoch": 1, "outcome": "failed", "usage": {"wall_seconds": -1}}
    reply = await agent.http.post("/v1/leases:report", {"reports": [bad]})
    assert reply.pointers() == ["/reports/0/usage/wall_seconds"]


async def test_a_draining_host_gets_nothing_new(ann: Http, agent: Agent, broker: Running) -> None:
    (await broker.admin.post(f"/v1/hosts/{agent.host}:drain")).expect(200)
    await submit(ann)
    reply = await agent.poll(wait=5)
    assert reply["drain"] is True
    assert reply["leases"] == []
    (await broker.admin.post(f"/v1/hosts/{agent.host}:resume")).expect(200)
    assert len(await agent.leases()) == 1


async def test_jobs_with_gpus_go_to_hosts_that_suit(ann: Http, broker: Running) -> None:
    gpu = {"uuid": "GPU-1", "model": "NVIDIA H100", "memory_mib": 80_000, "compute_capability": 9}
    small = {"uuid": "GPU-2", "model": "NVIDIA T4", "memory_mib": 16_000, "compute_capability": 7.5}
    big = await broker.agent("big", slots=0, gpus=[gpu, {**gpu, "uuid": "GPU-3"}])
    old = await broker.agent("old", slots=0, gpus=[small])
    cpu = await broker.agent("cpu")
    batch = await submit(ann, resources={"gpus": 2, "gpu_memory_mib": 40_000, "gpu_model": "h100"})
    nothing = asyncio.gather(old.poll(0, free_gpus=1, wait=0.5), cpu.poll(wait=0.5))
    (lease,) = await big.leases(free=0, free_gpus=2)
    assert lease["batch"] == batch
    assert [reply["leases"] for reply in await nothing] == [[], []]


async def test_a_pool_keeps_its_jobs(ann: Http, broker: Running) -> None:
    fast = await broker.agent("fast", pool="fast")
    slow = await broker.agent("slow")
    batch = await submit(ann, pool="fast")
    assert (await slow.poll(wait=0.5))["leases"] == []
    (lease,) = await fast.leases()
    assert lease["batch"] == batch


async def test_outputs_and_logs_are_bound_to_the_live_lease(broker: Running) -> None:
    spec = {"command": ["true"], "outputs": {"result.json": {"maximum_bytes": 100}}}
    await broker.app("writer", spec)
    ann = await broker.client("bea", submit_all_apps=True)
    agent = await broker.agent()
    (await ann.post("/v1/batches", {"app": "writer", "jobs": [{}]})).expect(201)
    (lease,) = await agent.leases()
    base = f"/v1/leases/{lease['job']}/1"

    stored = (await agent.http.put(f"{base}/outputs/result.json", b'{"m": 1}')).expect(200)
    assert stored["size_bytes"] == 8
    reply = await agent.http.put(f"{base}/outputs/result.json", b"x" * 101)
    reply.problem(413, "body_too_large")
    (await agent.http.put(f"{base}/outputs/other", b"x")).problem(422, "invalid_input")
    (await agent.http.put(f"/v1/leases/{lease['job']}/2/outputs/result.json", b"x")).problem(
        409, "fenced"
    )
    log = f"{base}/logs?stream=stdout&offset="
    assert (await agent.http.post(log + "0", b"hello ")).expect(200) == {"offset": 6}
    assert (await agent.http.post(log + "6", b"world")).expect(200) == {"offset": 11}
    assert (await agent.http.post(log + "6", b"world")).expect(200) == {"offset": 11}
    assert (await agent.http.post(log + "50", b"gap")).expect(200) == {"offset": 11}
    bad = await agent.http.post(f"{base}/logs?stream=stdin&offset=0", b"x")
    assert bad.pointers() == ["?stream"]

    output = {"name": "result.json", "size_bytes": 8, "sha256": stored["sha256"]}
    assert await agent.report([lease], outputs=[output]) == ["ok"]
    (await agent.http.post(log + "11", b"late")).problem(409, "fenced")


async def test_a_reported_output_that_never_arrived_sends_the_job_back(broker: Running) -> None:
    await broker.app("writer", {"command": ["true"], "outputs": {"result.json": {}}})
    ann = await broker.client("bea", submit_all_apps=True)
    agent = await broker.agent()
    (await ann.post("/v1/batches", {"app": "writer", "jobs": [{}]})).expect(201)
    (lease,) = await agent.leases()
    output = {"name": "result.json", "size_bytes": 8, "sha256": "0" * 64}
    await agent.report([lease], outputs=[output])
    job = await row(broker, "job")
    assert (job["state"], job["failures"]) == ("queued", 1)


async def test_cores_and_memory_that_jobs_claim_are_not_given_twice(
    ann: Http, broker: Running
) -> None:
    agent = await broker.agent(slots=8, cpus=8, memory_mib=10_000)
    await submit(ann, 4, resources={"cpus": 2, "memory_mib": 4_000})
    # the host says that another job claims half of its memory already
    leases = (await agent.poll(8, free_cpus=6, free_memory_mib=5_000))["leases"]
    assert len(leases) == 1
    leases = (await agent.poll(7, free_cpus=1, free_memory_mib=10_000, wait=0.5))["leases"]
    assert leases == []
    leases = (await agent.poll(7, free_cpus=6, free_memory_mib=8_000))["leases"]
    assert len(leases) == 2


async def test_an_older_epoch_of_the_same_host_neither_renews_nor_closes_the_newer_lease(
    ann: Http, agent: Agent, broker: Running
) -> None:
    await submit(ann)
    (old,) = await agent.leases()
    await execute(broker, "UPDATE job SET lease_expires_at = now() - interval '1 second'")
    agent.held.clear()
    await until(lambda: _epoch_closed(broker, 1))
    (new,) = await agent.leases(wait=20)
    assert (new["job"], new["epoch"]) == (old["job"], 2)

    assert (await agent.renew([old]))[0]["status"] == "fenced"
    assert (await row(broker, "job"))["state"] == "leased"
    assert await agent.report([old], "failed", exit_code=1) == ["fenced"]
    assert (await row(broker, "job"))["state"] == "leased"
    assert await row(broker, "ledger") is None
    assert await agent.report([new]) == ["ok"]


async def _epoch_closed(broker: Running, epoch: int) -> bool:
    return await row(broker, "attempt", f"epoch = {epoch}") is not None
