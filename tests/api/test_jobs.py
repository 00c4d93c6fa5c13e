"""Jobs over HTTP: lists that stay within what may be seen, one job whole, cancellation."""

import pytest

from tests.api.scene import JOB_PATHS, job_of, put_output, scientist, submit
from tests.api.scene import WRITER as APP
from tests.support.http import Http
from tests.support.running import Running


async def ids(http: Http, query: str = "") -> list[str]:
    return [item["id"] for item in (await http.get(f"/v1/jobs?{query}")).expect(200)["items"]]


async def test_list_is_newest_first_and_goes_on_at_its_cursor(broker: Running) -> None:
    await broker.app()
    ann = await scientist(broker)
    batches = [await submit(ann, 3) for _ in range(3)]
    made = [job_of(batch, k) for batch in batches[::-1] for k in (2, 1, 0)]

    seen, cursor = [], ""
    while cursor is not None:
        page = (await ann.get(f"/v1/jobs?limit=4{cursor}")).expect(200)
        assert len(page["items"]) <= 4
        seen += [item["id"] for item in page["items"]]
        cursor = f"&cursor={page['next_cursor']}" if page["next_cursor"] else None
    assert seen == made


async def test_list_holds_only_what_the_caller_may_see(broker: Running) -> None:
    await broker.app()
    await broker.app("other")
    ann, bob = await scientist(broker), await scientist(broker, "bob")
    keeper = await broker.client("keeper", apps={"other": {"admin": True}})
    first = await submit(ann, 2)
    second = await submit(bob, 1, app="other")
    third = await submit(ann, 1, app="other")
    a, b = [job_of(first), job_of(first, 1)], job_of(second)
    c = job_of(third)

    assert await ids(ann) == [c, *a[::-1]]
    assert await ids(bob) == [b]
    assert await ids(keeper) == [c, b]
    assert await ids(broker.admin) == [c, b, *a[::-1]]
    assert await ids(ann, "app=other") == [c]
    assert await ids(broker.admin, "app=other") == [c, b]
    assert await ids(bob, "app=sleep") == []
    assert await ids(keeper, f"batch={third}") == [c]
    (await keeper.get(f"/v1/jobs?batch={first}")).problem(404, "not_found")
    (await bob.get(f"/v1/jobs?batch={first}")).problem(404, "not_found")


async def test_list_filters_by_every_state(broker: Running) -> None:
    await broker.app()
    ann, bob = await scientist(broker), await scientist(broker, "bob")
    agent = await broker.agent(slots=8)
    batch = await submit(ann, 7)
    leases = sorted(await agent.leases(7, free=7), key=lambda lease: int(lease["job"][4:]))
    await agent.renew(leases[1:2])
    await agent.report(leases[2:3])
    await agent.report(leases[3:4], "failed", exit_code=2)
    await agent.report(leases[4:5], "cancelled")
    await agent.report(leases[6:7], "preempted")
    expected = {
        "leased": [0, 5],
        "running": [1],
        "succeeded": [2],
        "failed": [3],
        "cancelled": [4],
        "queued": [6],
        "quarantined": [],
    }
    for state, indexes in expected.items():
        wanted = [job_of(batch, index) for index in sorted(indexes, reverse=True)]
        assert await ids(ann, f"state={state}") == wanted, state
        assert await ids(ann, f"state={state}&batch={batch}") == wanted, state
        assert await ids(broker.admin, f"state={state}&app=sleep") == wanted, state
        assert await ids(bob, f"state={state}") == []
    cursor = f"before_{job_of(batch, 5).removeprefix('job_')}"
    assert await ids(ann, f"state=leased&cursor={cursor}") == [job_of(batch, 0)]
    assert await ids(ann, "state=leased&limit=1") == [job_of(batch, 5)]


async def test_queued_jobs_are_found_behind_batches_that_only_run(broker: Running) -> None:
    """The walk over open batches goes on until the page is full."""
    await broker.app()
    ann, agent = await scientist(broker), await broker.agent(slots=8)
    waiting = await submit(ann, 1, resources={"cpus": 64})
    for _ in range(3):
        await submit(ann, 2)
    await agent.leases(6, free=6)
    assert await ids(ann, "state=queued&limit=1") == [job_of(waiting)]


@pytest.mark.parametrize(
    ("query", "status", "code", "pointer"),
    [
        ("state=done", 422, "invalid_input", "?state"),
        ("state=open", 422, "invalid_input", "?state"),
        ("batch=job_1", 422, "invalid_input", "?batch"),
        ("batch=", 422, "invalid_input", "?batch"),
        ("batch=batch_999", 404, "not_found", None),
        ("app=nowhere", 404, "not_found", None),
        ("app=app_99999999999", 404, "not_found", None),
        ("cursor=before_x", 422, "invalid_input", "?cursor"),
        ("limit=many", 422, "invalid_input", "?limit"),
        ("account=ann", 422, "invalid_input", "?account"),
    ],
)
async def test_bad_queries_are_refused_by_name(
    broker: Running, query: str, status: int, code: str, pointer: str | None
) -> None:
    reply = await broker.admin.get(f"/v1/jobs?{query}")
    reply.problem(status, code)
    if pointer:
        assert reply.pointers() == [pointer]


async def test_job_is_shown_whole_through_its_life(broker: Running) -> None:
    await broker.app("sleep", APP)
    ann, agent = await scientist(broker), await broker.agent("gpu-7")
    body = {"app": "sleep", "jobs": [{"name": "first", "parameters": {"seconds": 2}}]}
    job = (await ann.post("/v1/batches", body)).expect(201)["first_job"]

    shown = (await ann.get(f"/v1/jobs/{job}")).expect(200)
    assert (shown["state"], shown["name"], shown["index"]) == ("queued", "first", 0)
    assert (shown["parameters"], shown["inputs"]) == ({"seconds": 2.0}, {})
    assert (shown["app_name"], shown["account_name"], shown["version_number"]) == (
        "sleep",
        "ann",
        1,
    )
    assert (shown["lease_epoch"], shown["attempts"], shown["outputs"]) == (0, [], [])
    assert (shown["host_name"], shown["started_at"], shown["finished_at"]) == (None, None, None)

    (lease,) = await agent.leases()
    await agent.report([lease], "host_error", message="no disk")
    shown = (await ann.get(f"/v1/jobs/{job}")).expect(200)
    assert (shown["state"], shown["host_name"]) == ("queued", "gpu-7")
    (attempt,) = shown["attempts"]
    assert (attempt["epoch"], attempt["outcome"], attempt["message"]) == (
        1,
        "host_error",
        "no disk",
    )
    assert (attempt["host_name"], attempt["debited_gpu_seconds"]) == ("gpu-7", 0)

    (lease,) = await agent.leases(wait=20)  # it backs off for two seconds
    uploaded = await put_output(agent, lease, "result.txt", b"42\n")
    usage = {"wall_seconds": 0.01, "memory_peak_mib": 12}
    report = {"outputs": [uploaded], "usage": usage, "exit_code": 0}
    assert await agent.report([lease], **report) == ["ok"]
    shown = (await ann.get(f"/v1/jobs/{job}")).expect(200)
    assert (shown["state"], shown["exit_code"], shown["lease_epoch"]) == ("succeeded", 0, 2)
    assert [attempt["epoch"] for attempt in shown["attempts"]] == [1, 2]
    assert shown["attempts"][1]["usage"]["memory_peak_mib"] == 12
    assert shown["outputs"] == [uploaded]
    assert shown["finished_at"] is not None


async def test_foreign_job_looks_exactly_like_an_absent_one_everywhere(broker: Running) -> None:
    await broker.app()
    ann, bob = await scientist(broker), await scientist(broker, "bob")
    await broker.app("other")
    keeper = await broker.client("keeper", apps={"other": {"admin": True, "submit": True}})
    job = job_of(await submit(ann))
    for outsider in (bob, keeper):
        for method, rest in JOB_PATHS:
            foreign = await outsider.call(method, f"/v1/jobs/{job}{rest}")
            absent = await outsider.call(method, f"/v1/jobs/job_999{rest}")
            text = str(absent.problem(404, "not_found")).replace("job_999", job)
            assert str(foreign.problem(404, "not_found")) == text, rest
    assert (await ann.get(f"/v1/jobs/{job}")).expect(200)["state"] == "queued"


@pytest.mark.parametrize(("method", "rest"), JOB_PATHS)
async def test_id_of_another_kind_is_refused(broker: Running, method: str, rest: str) -> None:
    for reference in ("batch_1", "job_x", "job_", "job_99999999999999999999"):
        reply = await broker.admin.call(method, f"/v1/jobs/{reference}{rest}")
        reply.problem(422, "invalid_input")
        assert reply.pointers() == ["{job}"]


@pytest.mark.parametrize(("method", "rest"), JOB_PATHS)
async def test_without_an_account_nothing_is_told(broker: Running, method: str, rest: str) -> None:
    agent = await broker.agent()
    (await broker.anonymous.call(method, f"/v1/jobs/job_1{rest}")).problem(401, "unauthenticated")
    (await agent.http.call(method, f"/v1/jobs/job_1{rest}")).problem(404, "not_found")
    for path in ("/v1/jobs", "/v1/batches", "/v1/shares", "/v1/events"):
        (await agent.http.get(path)).problem(403, "forbidden")
        (await broker.anonymous.get(path)).problem(401, "unauthenticated")


async def test_cancel_touches_one_job_and_says_so(broker: Running) -> None:
    await broker.app()
    ann, agent = await scientist(broker), await broker.agent()
    batch = await submit(ann, 3)
    (lease,) = await agent.leases(1, free=1)
    queued = job_of(batch, 2)

    assert (await ann.post(f"/v1/jobs/{queued}:cancel")).expect(200) == {"count": 1}
    assert (await ann.post(f"/v1/jobs/{queued}:cancel")).expect(200) == {"count": 0}
    assert (await ann.post(f"/v1/jobs/{lease['job']}:cancel", key="k")).expect(200) == {"count": 1}
    assert (await ann.post(f"/v1/jobs/{lease['job']}:cancel", key="k")).expect(200) == {"count": 1}
    assert (await ann.post(f"/v1/jobs/{lease['job']}:cancel")).expect(200) == {"count": 0}
    (renewed,) = await agent.renew([lease])
    assert renewed["cancel"] is True
    counts = (await ann.get(f"/v1/batches/{batch}")).expect(200)["counts"]
    assert (counts["queued"], counts["running"], counts["cancelled"]) == (1, 1, 1)
