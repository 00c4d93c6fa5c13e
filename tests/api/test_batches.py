"""Batches over HTTP: lists, counts, cancellation, reruns, and what others see of them."""

import asyncio
from functools import partial
from typing import Any

import pytest

from broker.services.jobs import batches
from tests.api.scene import job_of, scientist, submit
from tests.support.http import Http
from tests.support.running import Running
from tests.support.until import until

COUNTS = ("queued", "leased", "running", "succeeded", "failed", "cancelled", "quarantined")


async def counts_of(http: Http, batch: str) -> dict[str, int]:
    """The counts of a batch that are not zero."""
    shown = (await http.get(f"/v1/batches/{batch}")).expect(200)
    assert sum(shown["counts"].values()) == shown["jobs"]
    return {state: n for state, n in shown["counts"].items() if n}


async def ids(http: Http, path: str) -> list[str]:
    return [item["id"] for item in (await http.get(path)).expect(200)["items"]]


async def test_batch_shows_its_jobs_by_state_while_they_move(broker: Running) -> None:
    await broker.app()
    ann, agent = await scientist(broker), await broker.agent()
    batch = await submit(ann, 4, name="sweep", priority=7)

    shown = (await ann.get(f"/v1/batches/{batch}")).expect(200)
    assert (shown["name"], shown["priority"], shown["app_name"]) == ("sweep", 7, "sleep")
    assert (shown["account_name"], shown["version_number"], shown["pool"]) == ("ann", 1, "default")
    assert shown["limits"]["wall_seconds"] == 3_600
    assert shown["fraction_done"] == 0
    assert await counts_of(ann, batch) == {"queued": 4}

    leases = await agent.leases(3, free=3)
    await agent.renew(leases[:1])
    assert await counts_of(ann, batch) == {"queued": 1, "leased": 2, "running": 1}

    await agent.report(leases[:1], usage={"wall_seconds": 0.01})
    await agent.report(leases[1:2], "failed", exit_code=3)
    assert await counts_of(ann, batch) == {"queued": 1, "leased": 1, "succeeded": 1, "failed": 1}
    shown = (await ann.get(f"/v1/batches/{batch}")).expect(200)
    assert shown["fraction_done"] == 0.5
    assert shown["usage_gpu_seconds"] == pytest.approx(0.01)
    assert shown["finished_at"] is None

    rest = [*leases[2:], *await agent.leases(1)]
    await agent.report(rest)
    shown = (await ann.get(f"/v1/batches/{batch}")).expect(200)
    assert shown["fraction_done"] == 1
    assert shown["finished_at"] is not None


async def test_list_holds_only_what_the_caller_may_see(broker: Running) -> None:
    await broker.app()
    await broker.app("other")
    ann, bob = await scientist(broker), await scientist(broker, "bob")
    keeper = await broker.client("keeper", apps={"other": {"admin": True}})
    of_ann, of_bob = await submit(ann), await submit(bob, app="other")

    assert await ids(ann, "/v1/batches") == [of_ann]
    assert await ids(bob, "/v1/batches") == [of_bob]
    assert await ids(keeper, "/v1/batches") == [of_bob]
    assert await ids(broker.admin, "/v1/batches") == [of_bob, of_ann]
    assert await ids(bob, "/v1/batches?account=ann") == []
    assert await ids(keeper, "/v1/batches?app=sleep") == []
    assert await ids(broker.admin, "/v1/batches?account=ann") == [of_ann]
    assert await ids(broker.admin, "/v1/batches?app=other&account=bob") == [of_bob]
    assert await ids(broker.admin, "/v1/batches?app=sleep&account=bob") == []


async def test_list_filters_by_lifetime_and_goes_on_at_its_cursor(broker: Running) -> None:
    await broker.app()
    ann, agent = await scientist(broker), await broker.agent()
    batches_of_ann = [await submit(ann) for _ in range(5)]
    (lease,) = await agent.leases(1, free=1)
    await agent.report([lease])
    done = batches_of_ann[0]

    assert await ids(ann, "/v1/batches?state=finished") == [done]
    assert await ids(ann, "/v1/batches?state=open") == batches_of_ann[:0:-1]
    seen, cursor = [], ""
    while cursor is not None:
        page = (await ann.get(f"/v1/batches?limit=2{cursor}")).expect(200)
        seen += [item["id"] for item in page["items"]]
        cursor = f"&cursor={page['next_cursor']}" if page["next_cursor"] else None
    assert seen == batches_of_ann[::-1]


@pytest.mark.parametrize(
    ("query", "status", "code", "pointer"),
    [
        ("state=done", 422, "invalid_input", "?state"),
        ("cursor=nonsense", 422, "invalid_input", "?cursor"),
        ("cursor=before_99999999999999999999", 422, "invalid_input", "?cursor"),
        ("cursor=job_7", 422, "invalid_input", "?cursor"),
        ("limit=0", 422, "invalid_input", "?limit"),
        ("limit=1001", 422, "invalid_input", "?limit"),
        ("sate=open", 422, "invalid_input", "?sate"),
        ("app=job_3", 422, "invalid_input", "?app"),
        ("app=nowhere", 404, "not_found", None),
        ("app=app_4000000000", 404, "not_found", None),
        ("account=account_9999999999", 404, "not_found", None),
        ("account=%00", 404, "not_found", None),
    ],
)
async def test_bad_queries_are_refused_by_name(
    broker: Running, query: str, status: int, code: str, pointer: str | None
) -> None:
    reply = await broker.admin.get(f"/v1/batches?{query}")
    reply.problem(status, code)
    if pointer:
        assert reply.pointers() == [pointer]


async def test_foreign_batch_looks_exactly_like_an_absent_one(broker: Running) -> None:
    await broker.app()
    ann, bob = await scientist(broker), await scientist(broker, "bob")
    batch = await submit(ann)
    bodies: list[tuple[str, str, Any]] = [
        ("GET", "", None),
        ("POST", ":cancel", None),
        ("POST", ":rerun", {"only": "all"}),
    ]
    for method, verb, body in bodies:
        foreign = (await bob.call(method, f"/v1/batches/{batch}{verb}", body)).problem(
            404, "not_found"
        )
        absent = (await bob.call(method, f"/v1/batches/batch_999{verb}", body)).problem(
            404, "not_found"
        )
        text = str(absent).replace("batch_999", batch)
        assert str(foreign) == text
    assert await counts_of(ann, batch) == {"queued": 1}


@pytest.mark.parametrize(
    "reference", ["job_1", "batch_", "batch_-1", "1", "batch_1e3", "batch_%00"]
)
async def test_id_of_another_kind_is_refused(broker: Running, reference: str) -> None:
    for verb in ("GET", ""), ("POST", ":cancel"):
        reply = await broker.admin.call(verb[0], f"/v1/batches/{reference}{verb[1]}")
        reply.problem(422, "invalid_input")
        assert reply.pointers() == ["{batch}"]


async def test_cancel_ends_queued_jobs_and_has_hosts_stop_the_others(broker: Running) -> None:
    await broker.app()
    ann, agent = await scientist(broker), await broker.agent()
    batch = await submit(ann, 5)
    (lease,) = await agent.leases(1, free=1)
    waiting = asyncio.create_task(agent.poll(0, wait=20))
    await until(lambda: len(broker.services.waiting))

    assert (await ann.post(f"/v1/batches/{batch}:cancel")).expect(200) == {"count": 5}
    reply = await asyncio.wait_for(waiting, 10)  # told at once, not when the poll is over
    assert reply["cancel"] == [{"job": lease["job"], "epoch": lease["epoch"]}]
    assert await counts_of(ann, batch) == {"leased": 1, "cancelled": 4}
    shown = (await ann.get(f"/v1/jobs/{lease['job']}")).expect(200)
    assert shown["cancelling"] is True

    assert await agent.report([lease], "cancelled") == ["ok"]
    assert await counts_of(ann, batch) == {"cancelled": 5}
    assert (await ann.post(f"/v1/batches/{batch}:cancel")).expect(200) == {"count": 0}


async def test_cancel_frees_the_account_and_empties_the_queue(broker: Running) -> None:
    await broker.app()
    ann, queues = await scientist(broker), broker.services.queues

    async def queued(jobs: int) -> bool:
        return await queues.redis.zcard(queues.key("lane:1")) == jobs

    batch = await submit(ann, 3)
    await until(partial(queued, 3))
    (await ann.post(f"/v1/batches/{batch}:cancel")).expect(200)
    quota = (await ann.get("/v1/accounts/ann/quota")).expect(200)
    assert quota["jobs_in_progress"] == 0
    await until(partial(queued, 0))


async def test_cancel_goes_through_a_great_batch_in_portions(
    broker: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "JOBS_PER_CANCEL_MAX", 40)
    await broker.app()
    ann = await scientist(broker)
    batch = await submit(ann, 101)
    assert (await ann.post(f"/v1/batches/{batch}:cancel")).expect(200) == {"count": 101}
    assert await counts_of(ann, batch) == {"cancelled": 101}


async def test_cancel_with_a_key_gives_the_same_answer_again(broker: Running) -> None:
    await broker.app()
    ann = await scientist(broker)
    batch, other = await submit(ann, 3), await submit(ann, 1)
    for _ in range(2):
        reply = await ann.post(f"/v1/batches/{batch}:cancel", key="once")
        assert reply.expect(200) == {"count": 3}
    assert reply.headers["Idempotent-Replayed"] == "true"
    reply = await ann.post(f"/v1/batches/{other}:cancel", key="once")
    reply.problem(409, "idempotency_key_reused")
    assert await counts_of(ann, other) == {"queued": 1}


async def test_a_long_cancellation_ends_in_time_and_goes_on_when_asked_again(
    broker: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "JOBS_PER_CANCEL_MAX", 2)
    monkeypatch.setattr(batches, "CANCEL_SECONDS_MAX", 0.0)
    await broker.app()
    ann = await scientist(broker)
    batch = await submit(ann, 5)
    for already in (2, 4):
        refused = (await ann.post(f"/v1/batches/{batch}:cancel")).problem(503, "unavailable")
        assert refused["detail"].startswith("2 jobs are cancelled")
        assert await counts_of(ann, batch) == {"queued": 5 - already, "cancelled": already}
    assert (await ann.post(f"/v1/batches/{batch}:cancel")).expect(200) == {"count": 1}
    assert await counts_of(ann, batch) == {"cancelled": 5}


async def test_app_admin_may_cancel_and_see_but_not_rerun(broker: Running) -> None:
    await broker.app()
    ann = await scientist(broker)
    keeper = await broker.client("keeper", apps={"sleep": {"admin": True}})
    batch = await submit(ann, 2)
    assert await counts_of(keeper, batch) == {"queued": 2}
    assert (await keeper.post(f"/v1/batches/{batch}:cancel")).expect(200) == {"count": 2}
    reply = await keeper.post(f"/v1/batches/{batch}:rerun", {"only": "failed"})
    reply.problem(403, "forbidden")


async def test_rerun_of_failed_jobs_makes_a_batch_of_just_those(broker: Running) -> None:
    await broker.app()
    ann, agent = await scientist(broker), await broker.agent()
    jobs = [{"name": f"n{k}", "parameters": {"seconds": k}} for k in range(4)]
    body = {"app": "sleep", "name": "sweep", "priority": 3, "jobs": jobs}
    batch = (await ann.post("/v1/batches", body)).expect(201)["id"]
    leases = sorted(await agent.leases(4), key=lambda lease: lease["parameters"]["seconds"])
    await agent.report(leases[:1])
    await agent.report(leases[1:3], "failed", exit_code=1)
    await agent.report(leases[3:], "timed_out")

    receipt = (await ann.post(f"/v1/batches/{batch}:rerun", {})).expect(201)
    assert receipt["jobs"] == 3
    again = (await ann.get(f"/v1/batches/{receipt['id']}")).expect(200)
    assert (again["name"], again["priority"]) == ("sweep", 3)
    assert await counts_of(ann, receipt["id"]) == {"queued": 3}
    first = (await ann.get(f"/v1/jobs/{receipt['first_job']}")).expect(200)
    assert (first["name"], first["parameters"], first["index"]) == ("n1", {"seconds": 1.0}, 0)
    assert {lease["name"] for lease in await agent.leases(3)} == {"n1", "n2", "n3"}


async def test_rerun_of_all_copies_every_job_while_the_first_run_goes_on(broker: Running) -> None:
    await broker.app()
    ann = await scientist(broker)
    batch = await submit(ann, 3)
    receipt = (await ann.post(f"/v1/batches/{batch}:rerun", {"only": "all"})).expect(201)
    assert await counts_of(ann, receipt["id"]) == {"queued": 3}
    assert (await ann.get("/v1/accounts/ann/quota")).expect(200)["jobs_in_progress"] == 6
    # the next submission does not collide with the ids that the rerun took
    assert await counts_of(ann, await submit(ann)) == {"queued": 1}


async def test_rerun_with_a_key_is_stored_once(broker: Running) -> None:
    await broker.app()
    ann = await scientist(broker)
    batch = await submit(ann, 2)
    replies = [
        await ann.post(f"/v1/batches/{batch}:rerun", {"only": "all"}, key="again") for _ in range(2)
    ]
    assert replies[0].expect(201) == replies[1].expect(201)
    reply = await ann.post(f"/v1/batches/{batch}:rerun", {"only": "failed"}, key="again")
    reply.problem(409, "idempotency_key_reused")
    assert len(await ids(ann, "/v1/batches")) == 2


async def test_rerun_is_refused_where_a_submission_would_be(broker: Running) -> None:
    await broker.app()
    ann = await scientist(broker)
    batch = await submit(ann, 3)
    path = f"/v1/batches/{batch}:rerun"
    (await ann.post(path, {"only": "failed"})).problem(409, "conflict")  # none failed
    (await ann.post(path, {"only": "some"})).problem(422, "invalid_input")

    limit = {"jobs_in_progress_max": 5}
    (await broker.admin.patch("/v1/accounts/ann/quota", limit)).expect(200)
    (await ann.post(path, {"only": "all"})).problem(429, "limit_exceeded")
    (await broker.admin.patch("/v1/accounts/ann/quota", {"jobs_in_progress_max": 9})).expect(200)

    (await broker.admin.post("/v1/apps/sleep/versions/1:deprecate")).expect(200)
    (await ann.post(path, {"only": "all"})).problem(409, "conflict")
    assert await ids(ann, "/v1/batches") == [batch]
    assert (await ann.get("/v1/accounts/ann/quota")).expect(200)["jobs_in_progress"] == 3


async def test_rule_T11_rerun_by_an_admin_is_the_admins_batch_where_the_first_one_lies(
    broker: Running,
) -> None:
    await broker.app("sleep", {"command": ["true"], "inputs": {"in.bin": {"required": True}}})
    ann = await scientist(broker)
    keeper = await broker.client("keeper", apps={"sleep": {"admin": True, "submit": True}})
    agent = await broker.agent()
    digest = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
    (await ann.put(f"/v1/blobs/{digest}", b"hello")).expect(201)
    body = {"app": "sleep", "jobs": [{"inputs": {"in.bin": {"sha256": digest}}}]}
    batch = (await ann.post("/v1/batches", body)).expect(201)["id"]
    (await ann.post(f"/v1/batches/{batch}:cancel")).expect(200)

    (await keeper.post(f"/v1/batches/{batch}:rerun", {})).problem(403, "forbidden")
    receipt = (await broker.admin.post(f"/v1/batches/{batch}:rerun", {})).expect(201)
    shown = (await ann.get(f"/v1/batches/{receipt['id']}")).expect(200)
    assert shown["account_name"] == "admin"
    (lease,) = await agent.leases(1)
    assert lease["job"] == job_of(receipt["id"])
    reply = await agent.http.get(f"/v1/leases/{lease['job']}/{lease['epoch']}/inputs/in.bin")
    assert reply.content == b"hello"


def has_asked(broker: Running, polling: "asyncio.Task[Any]") -> bool:
    """Whether a poll stands open, about to be given leases, or was answered already."""
    return bool(len(broker.services.waiting)) or polling.done()


async def test_a_job_leased_during_cancellation_is_not_forgotten(broker: Running) -> None:
    await broker.app()
    ann, agent = await scientist(broker), await broker.agent(slots=64)
    for _ in range(5):
        batch = await submit(ann, 60)
        polling = asyncio.create_task(agent.poll(60, wait=0.5))
        await until(partial(has_asked, broker, polling))
        (await ann.post(f"/v1/batches/{batch}:cancel")).expect(200)
        await polling
        shown = (await ann.get(f"/v1/jobs?batch={batch}&limit=100")).expect(200)["items"]
        assert [j for j in shown if j["state"] != "cancelled" and not j["cancelling"]] == []
        if agent.held:
            await agent.report(list(agent.held.values()), "cancelled")
