"""Jobs on several hosts: leased together, ended as one, debited once."""

import asyncio
from typing import Any

import orjson
import pytest

from tests.api.scene import submit
from tests.support.agent import Agent
from tests.support.gangs import lease_gang
from tests.support.http import Http
from tests.support.running import Running
from tests.support.until import until

THREE = {"hosts": 3}


@pytest.fixture
async def ann(broker: Running) -> Http:
    await broker.app()
    return await broker.client("ann", submit_all_apps=True)


@pytest.fixture
async def agents(broker: Running) -> list[Agent]:
    return [await broker.agent(f"node-{k}", address=f"10.0.0.{k}") for k in range(3)]


async def rows(broker: Running, statement: str) -> list[dict[str, Any]]:
    async with broker.services.database.connection() as connection:
        return [dict(row) for row in await connection.fetch(statement)]


async def execute(broker: Running, statement: str) -> None:
    async with broker.services.database.connection() as connection:
        await connection.execute(statement)


async def leased(broker: Running, ann: Http, agents: list[Agent], **more: Any) -> list[Any]:
    """The lease of each member of a new gang."""
    await submit(ann, resources=THREE, **more)
    await lease_gang(broker, agents)
    return [(await agent.leases())[0] for agent in agents]


async def state(broker: Running) -> str:
    (job,) = await rows(broker, "SELECT state FROM job")
    return str(job["state"])


async def test_every_member_gets_its_rank_the_size_and_the_peers(
    broker: Running, ann: Http, agents: list[Agent]
) -> None:
    leases = await leased(broker, ann, agents)
    peers = ["10.0.0.0", "10.0.0.1", "10.0.0.2"]
    assert [lease["gang"] for lease in leases] == [
        {"rank": rank, "size": 3, "peers": peers} for rank in range(3)
    ]
    assert {(lease["job"], lease["epoch"]) for lease in leases} == {(leases[0]["job"], 1)}
    agents[1].held.clear()  # as if the answer had never arrived
    (again,) = await agents[1].leases()
    assert again == leases[1]


async def test_a_gang_is_leased_to_all_its_hosts_or_to_none(
    broker: Running, ann: Http, agents: list[Agent]
) -> None:
    batch = await submit(ann, resources=THREE)
    (await ann.post(f"/v1/batches/{batch}:cancel")).expect(200)
    await execute(broker, "UPDATE leader SET term = term + 1")
    other = await submit(ann, resources=THREE)
    waiting = asyncio.create_task(lease_gang(broker, agents))
    await asyncio.wait({waiting}, timeout=0.3)
    waiting.cancel()
    assert await rows(broker, "SELECT FROM member") == []
    found = await rows(broker, f"SELECT state FROM job WHERE batch_id = {other[6:]}")
    assert [row["state"] for row in found] == ["queued"]


async def test_a_gang_succeeds_with_its_last_member_and_is_debited_once(
    broker: Running, ann: Http, agents: list[Agent]
) -> None:
    leases = await leased(broker, ann, agents)
    await execute(broker, "UPDATE job SET leased_at = leased_at - interval '60 seconds'")
    for seconds, agent, lease in zip((4, 10, 6), agents, leases, strict=True):
        assert await state(broker) in ("leased", "running")
        usage = {"wall_seconds": seconds, "cpu_seconds": 3}
        assert await agent.report([lease], exit_code=0, usage=usage) == ["ok"]
    assert await state(broker) == "succeeded"
    debits = await rows(broker, "SELECT amount FROM ledger WHERE kind = 'debit'")
    assert debits == [{"amount": 30}]  # three hosts, held until the slowest was done
    credits = await rows(
        broker, "SELECT rank, host_id, amount FROM ledger WHERE kind = 'credit' ORDER BY rank"
    )
    each = pytest.approx(10 * 200 / 86_400)
    assert [(c["rank"], c["amount"]) for c in credits] == [(0, each), (1, each), (2, each)]
    assert len({c["host_id"] for c in credits}) == 3
    totals = await rows(broker, "SELECT credit_total FROM host_credit")
    assert [t["credit_total"] for t in totals] == [each] * 3
    (attempt,) = await rows(broker, "SELECT * FROM attempt")
    assert attempt["debited_gpu_seconds"] == 30
    job = (await ann.get(f"/v1/jobs/{leases[0]['job']}")).expect(200)
    assert job["attempts"][0]["usage"]["cpu_seconds"] == 9
    assert job["attempts"][0]["host_name"] == "node-0"
    assert [(m["rank"], m["host_name"], m["outcome"]) for m in job["members"]] == [
        (k, f"node-{k}", "succeeded") for k in range(3)
    ]
    (usage,) = await rows(broker, "SELECT jobs_open FROM account_usage WHERE jobs_open <> 0") or [
        {"jobs_open": 0}
    ]
    assert usage["jobs_open"] == 0


async def test_one_member_that_fails_stops_the_others_and_fails_the_job(
    broker: Running, ann: Http, agents: list[Agent]
) -> None:
    leases = await leased(broker, ann, agents)
    waiting = asyncio.create_task(agents[0].poll(0, wait=30))
    await until(lambda: len(broker.services.waiting) == 1)
    await agents[2].report([leases[2]], "failed", exit_code=3, message="no such file")
    told = await asyncio.wait_for(waiting, 10)
    assert [(p["job"], p["grace_seconds"]) for p in told["preempt"]] == [(leases[0]["job"], 10)]
    assert told["cancel"] == []
    (kept,) = await agents[1].renew([leases[1]])
    assert (kept["status"], kept["preempt_grace_seconds"]) == ("ok", 10)
    for agent, lease in zip(agents[:2], leases, strict=False):
        assert await state(broker) != "failed"
        assert await agent.report([lease], "preempted") == ["ok"]
    (job,) = await rows(broker, "SELECT * FROM job")
    assert (job["state"], job["exit_code"]) == ("failed", 3)
    (attempt,) = await rows(broker, "SELECT * FROM attempt")
    assert (attempt["outcome"], attempt["message"]) == ("failed", "rank 2: no such file")


async def test_a_host_that_vanishes_outweighs_the_exit_codes_of_the_others(
    broker: Running, ann: Http, agents: list[Agent]
) -> None:
    leases = await leased(broker, ann, agents)
    await agents[0].report([leases[0]], "failed", exit_code=1, message="connection reset")
    await agents[1].report([leases[1]], "failed", exit_code=1, message="connection reset")
    assert await state(broker) == "leased"  # the third still has a lease
    await execute(broker, "UPDATE member SET lease_expires_at = now() - interval '1 second' "
                          "WHERE lease_expires_at IS NOT NULL")  # fmt: skip
    await until(lambda: _is(broker, "queued"))
    (attempt,) = await rows(broker, "SELECT outcome FROM attempt")
    assert attempt["outcome"] == "lost"
    (job,) = await rows(broker, "SELECT * FROM job")
    assert job["failures"] == 1
    assert await agents[2].report([leases[2]]) == ["fenced"]
    assert await rows(broker, "SELECT FROM ledger") == []


async def _is(broker: Running, wanted: str) -> bool:
    return await state(broker) == wanted


async def test_the_next_attempt_of_a_gang_fences_the_members_of_the_last(
    broker: Running, ann: Http, agents: list[Agent]
) -> None:
    leases = await leased(broker, ann, agents)
    await agents[0].report([leases[0]], "host_error")
    await agents[1].report([leases[1]], "preempted")
    assert (await agents[2].report([leases[2]], "preempted")) == ["ok"]
    await until(lambda: _is(broker, "queued"))
    await execute(broker, "UPDATE outbox SET available_at = now()")
    await lease_gang(broker, agents[::-1])
    again = [(await agent.leases())[0] for agent in agents]
    assert [(lease["epoch"], lease["gang"]["rank"]) for lease in again] == [(2, 2), (2, 1), (2, 0)]
    assert (await agents[1].renew([leases[1]]))[0]["status"] == "fenced"
    assert await agents[0].report([leases[0]], "host_error") == ["stored"]
    thief = await broker.agent("thief")
    assert await thief.report([again[0]]) == ["fenced"]
    expiries = "SELECT lease_expires_at FROM member WHERE epoch = 2 ORDER BY rank"
    before = await rows(broker, expiries)
    assert (await thief.renew([again[0]]))[0]["status"] == "fenced"
    assert await rows(broker, expiries) == before  # nor does it keep another host's lease alive


async def test_a_cancelled_gang_ends_when_all_its_hosts_have_stopped(
    broker: Running, ann: Http, agents: list[Agent]
) -> None:
    leases = await leased(broker, ann, agents)
    waiting = [asyncio.create_task(agent.poll(0, wait=30)) for agent in agents]
    await until(lambda: len(broker.services.waiting) == 3)
    reply = await ann.post(f"/v1/jobs/{leases[0]['job']}:cancel")
    assert reply.expect(200) == {"count": 1}
    for told in await asyncio.wait_for(asyncio.gather(*waiting), 10):
        assert [key["job"] for key in told["cancel"]] == [leases[0]["job"]]
    for agent, lease in zip(agents, leases, strict=True):
        assert await state(broker) != "cancelled"
        await agent.report([lease], "cancelled", usage={"wall_seconds": 0.001})
    assert await state(broker) == "cancelled"
    assert len(await rows(broker, "SELECT FROM ledger")) == 1


async def test_a_banned_host_ends_the_attempt_of_its_gang(
    broker: Running, ann: Http, agents: list[Agent]
) -> None:
    leases = await leased(broker, ann, agents)
    (await broker.admin.post(f"/v1/hosts/{agents[1].host}:ban")).expect(200)
    for k in (0, 2):
        await until(lambda k=k: _told_to_stop(agents[k], leases[k]))  # type: ignore[misc]
        await agents[k].report([leases[k]], "preempted")
    await until(lambda: _is(broker, "queued"))


async def _told_to_stop(agent: Agent, lease: Any) -> bool:
    return "preempt_grace_seconds" in (await agent.renew([lease]))[0]


async def test_a_gang_that_the_pool_cannot_hold_is_refused_with_the_largest_that_it_could(
    broker: Running, ann: Http
) -> None:
    gang = {"app": "sleep", "jobs": [{}], "resources": {"hosts": 4}}
    (await ann.post("/v1/batches", gang)).expect(201)  # no hosts yet: nobody knows
    gpu = {"model": "NVIDIA H100", "memory_mib": 80_000, "compute_capability": 9}
    for k, count in enumerate((4, 4, 2)):
        gpus = [{**gpu, "uuid": f"GPU-{k}-{n}"} for n in range(count)]
        await broker.agent(f"node-{k}", slots=1, gpus=gpus)
    for resources, field, largest in (
        ({"hosts": 4}, "hosts", "the largest gang has 3 hosts"),
        ({"hosts": 3, "gpus": 4}, "hosts", "the largest gang has 2 hosts"),
        ({"hosts": 2, "gpus": 8}, "hosts", "the largest gang has 4 GPUs on each of 2 hosts"),
        ({"gpus": 5}, "gpus", "the largest gang has 4 GPUs on one host"),
        ({"hosts": 2, "gpus": 1, "gpu_model": "A100"}, "hosts", "missing: a GPU model like 'A100'"),
        ({"hosts": 2, "memory_mib": 10**6}, "hosts", "missing: 1,000,000 MiB of memory"),
        ({"gpus": 2, "gpu_memory_mib": 10**6}, "gpus", "missing: 1,000,000 MiB of memory on each"),
    ):
        asked = {**gang, "resources": resources}
        lines = orjson.dumps({"app": "sleep", "resources": resources}) + b"\n{}\n"
        ndjson = {"Content-Type": "application/x-ndjson"}
        for reply in (
            await ann.post("/v1/batches", asked),
            await ann.post("/v1/batches?dry_run=true", asked),
            await ann.post("/v1/batches", lines, headers=ndjson),
        ):
            reply.problem(422, "invalid_input")
            assert reply.pointers() == [f"/resources/{field}"]
            assert largest in reply.json["errors"][0]["detail"]
    assert len((await ann.get("/v1/batches")).expect(200)["items"]) == 1  # none but the first
    for resources in ({"hosts": 2, "gpus": 4}, {"hosts": 3, "gpus": 2}, {"gpus": 4}):
        (await ann.post("/v1/batches", {**gang, "resources": resources})).expect(201)


async def test_logs_are_kept_for_each_rank_and_outputs_come_from_rank_0(
    broker: Running, agents: list[Agent]
) -> None:
    await broker.app("writer", {"command": ["true"], "outputs": {"r.json": {}}})
    bea = await broker.client("bea", submit_all_apps=True)
    body = {"app": "writer", "jobs": [{}], "resources": THREE}
    (await bea.post("/v1/batches", body)).expect(201)
    job = await lease_gang(broker, agents)
    leases = [(await agent.leases())[0] for agent in agents]
    for k, agent in enumerate(agents):
        path = f"/v1/leases/{job}/1/logs?stream=stdout&offset=0"
        (await agent.http.post(path, f"rank {k}".encode())).expect(200)
    for k in range(3):
        reply = await bea.get(f"/v1/jobs/{job}/logs/stdout?rank={k}")
        assert reply.content == f"rank {k}".encode()
    assert (await bea.get(f"/v1/jobs/{job}/logs/stdout")).content == b"rank 0"
    assert (await bea.get(f"/v1/jobs/{job}/logs/stdout?rank=3")).pointers() == ["?rank"]
    refused = await agents[1].http.put(f"/v1/leases/{job}/1/outputs/r.json", b"{}")
    assert refused.pointers() == ["{name}"]
    stored = (await agents[0].http.put(f"/v1/leases/{job}/1/outputs/r.json", b"{}")).expect(200)
    output = {"name": "r.json", "size_bytes": 2, "sha256": stored["sha256"]}
    await agents[0].report([leases[0]], outputs=[output])
    for agent, lease in zip(agents[1:], leases[1:], strict=True):
        await agent.report([lease])
    assert (await bea.get(f"/v1/jobs/{job}/outputs/r.json")).content == b"{}"
