"""Submission over HTTP: what is stored, what is refused, and with which words."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from broker.api import ndjson
from broker.protocol import limits
from broker.services.submission import streamed_batches
from tests.support.http import Http, Reply
from tests.support.running import Running
from tests.support.until import until

NDJSON = {"Content-Type": "application/x-ndjson"}
SPEC = {
    "command": ["{python}", "-c", "pass"],
    "parameters": {
        "temperature": {"type": "number", "minimum": 0, "maximum": 10},
        "sweeps": {"type": "integer", "default": 100, "minimum": 1},
        "start": {"type": "string", "choices": ["hot", "cold"], "default": "hot"},
    },
    "inputs": {"lattice.json": {"required": False}},
}


@pytest.fixture
async def ann(broker: Running) -> Http:
    await broker.app("ising", SPEC)
    return await broker.client("ann", submit_all_apps=True)


def body(*jobs: Any, **more: Any) -> dict[str, Any]:
    return {"app": "ising", "jobs": list(jobs), **more}


def job(**parameters: Any) -> dict[str, Any]:
    return {"parameters": parameters}


STORED = """
SELECT (SELECT count(*) FROM job) AS jobs, (SELECT count(*) FROM batch) AS batches,
       (SELECT count(*) FROM outbox) AS outbox, (SELECT count(*) FROM idempotency) AS keys,
       (SELECT count(*) FROM event) AS events,
       (SELECT coalesce(sum(jobs_open), 0) FROM account_usage) AS jobs_open
"""


async def stored_jobs(broker: Running) -> int:
    async with broker.services.database.connection() as connection:
        return int(await connection.fetchval("SELECT count(*) FROM job"))


@asynccontextmanager
async def nothing_stored(broker: Running) -> AsyncIterator[None]:
    """What the block asks for leaves no trace: no job, batch, event, key or count of open jobs."""
    async with broker.services.database.connection() as connection:
        before = dict(await connection.fetchrow(STORED))
        yield
        assert dict(await connection.fetchrow(STORED)) == before


async def fed(broker: Running) -> None:
    """Until Redis has what was submitted."""
    async with broker.services.database.connection() as connection:

        async def empty() -> bool:
            return not await connection.fetchval("SELECT count(*) FROM outbox")

        await until(empty)


async def send_lines(client: Http, *lines: bytes, **more: Any) -> Reply:
    return await client.post("/v1/batches", b"\n".join(lines), headers=NDJSON, **more)


async def test_defaults_are_filled_in_and_jobs_have_consecutive_ids(
    broker: Running, ann: Http
) -> None:
    receipt = (await ann.post("/v1/batches", body(job(temperature=1), job(temperature=2)))).expect(
        201
    )
    assert receipt["jobs"] == 2
    first = int(receipt["first_job"].removeprefix("job_"))
    async with broker.services.database.connection() as connection:
        rows = await connection.fetch("SELECT id, parameters FROM job ORDER BY id")
    assert [row["id"] for row in rows] == [first, first + 1]
    assert rows[0]["parameters"] == '{"temperature":1.0,"sweeps":100,"start":"hot"}'


@pytest.mark.parametrize(
    ("bad", "pointer"),
    [
        (body(job(temperature=1), job(temperature=11)), "/jobs/1/parameters/temperature"),
        (body(job(temperature="1")), "/jobs/0/parameters/temperature"),
        (body(job(temperature=None)), "/jobs/0/parameters/temperature"),
        (body({"parameters": []}), "/jobs/0/parameters"),
        (body([]), "/jobs/0"),
        (body(job(temperature=1), project="nonesuch"), "/project"),
        (body(job(temperature=1), pool="No Pool"), "/pool"),
        (body(job()), "/jobs/0/parameters/temperature"),
        (body(job(temperature=1, sweeps=1.5)), "/jobs/0/parameters/sweeps"),
        (body(job(temperature=1, start="warm")), "/jobs/0/parameters/start"),
        (body(job(temperature=1, presure=2)), "/jobs/0/parameters/presure"),
        (body({"parameters": {"temperature": 1}, "colour": 1}), "/jobs/0/colour"),
        (body(job(temperature=1), app="nonesuch"), "/app"),
        (body(job(temperature=1), app="job_1"), "/app"),
        (body(job(temperature=1), version=9), "/version"),
        (body(job(temperature=1), priority=1000), "/priority"),
        (body(job(temperature=1), resources={"gpus": -1}), "/resources/gpus"),
        (body(job(temperature=1), limits={"wall_seconds": 0}), "/limits/wall_seconds"),
        (body(job(temperature=1), typo=1), "/typo"),
        (body(), "/jobs"),
        ({"app": "ising"}, "/jobs"),
        (
            body({**job(temperature=1), "inputs": {"other.txt": {"text": "x"}}}),
            "/jobs/0/inputs/other.txt",
        ),
        (
            body({**job(temperature=1), "inputs": {"lattice.json": {}}}),
            "/jobs/0/inputs/lattice.json",
        ),
        (
            body({**job(temperature=1), "inputs": {"lattice.json": {"sha256": "0" * 64}}}),
            "/jobs/0/inputs/lattice.json/sha256",
        ),
    ],
)
async def test_a_bad_field_is_named_and_nothing_is_stored(
    broker: Running, ann: Http, bad: Any, pointer: str
) -> None:
    async with nothing_stored(broker):
        reply = await ann.post("/v1/batches", bad, key="bad")
    reply.problem(422, "invalid_input")
    assert pointer in reply.pointers()


async def test_a_body_that_is_not_json_is_refused(broker: Running, ann: Http) -> None:
    async with nothing_stored(broker):
        for text, said in (
            (b"{nope", "not valid JSON"),
            (b"[]", "expected an object"),
            (b"", "empty"),
        ):
            document = (await ann.post("/v1/batches", text)).problem(422, "invalid_input")
            assert document["detail"].startswith("the body: ")
            assert said in document["detail"]


async def test_a_body_beyond_the_limit_is_refused(broker: Running, ann: Http) -> None:
    async with nothing_stored(broker):
        jobs = [job(temperature=1)] * (limits.JOBS_PER_JSON_BATCH_MAX + 1)
        too_many = await ann.post("/v1/batches", body(*jobs))
        too_many.problem(413, "body_too_large")
        assert too_many.pointers() == ["/jobs"]
        huge = b" " * (limits.BODY_BYTES_MAX + 1)
        (await ann.post("/v1/batches", huge)).problem(413, "body_too_large")


async def test_lines_are_stored_as_one_batch(broker: Running, ann: Http) -> None:
    lines = [b'{"parameters":{"temperature":%d}}' % (k % 10) for k in range(5_000)]
    receipt = (await send_lines(ann, b'{"app":"ising","name":"sweep"}', *lines, b"")).expect(201)
    assert receipt["jobs"] == 5_000
    assert await stored_jobs(broker) == 5_000
    # the unused end of the reserved ids was given back: the next batch follows directly
    following = (await ann.post("/v1/batches", body(job(temperature=1)))).expect(201)
    first = int(receipt["first_job"].removeprefix("job_"))
    assert following["first_job"] == f"job_{first + 5_000}"


@pytest.mark.parametrize(
    ("line", "pointer"),
    [
        (b'{"parameters":{"temperature":1}', "line 2502"),
        (b"{},{}", "line 2502"),
        (b'{"parameters":{"temperature":NaN}}', "line 2502"),
        (b'{"parameters":{"temperature":1e999}}', "line 2502"),
        (b"\xff", "line 2502"),
        (b"[]", "line 2502"),
        (b"null", "line 2502"),
        (b'{"parameters":{"temperature":-1}}', "line 2502: /parameters/temperature"),
        (b'{"parameters":{"temperature":1},"x":1}', "line 2502: /x"),
    ],
)
async def test_a_bad_line_is_named_and_nothing_is_stored(
    broker: Running, ann: Http, line: bytes, pointer: str
) -> None:
    good = [b'{"parameters":{"temperature":1}}'] * 2_500
    async with nothing_stored(broker):
        reply = await send_lines(ann, b'{"app":"ising"}', *good, line, *good, key="bad")
    reply.problem(422, "invalid_input")
    assert pointer in reply.pointers()


async def test_a_line_beyond_the_limit_is_named(broker: Running, ann: Http) -> None:
    line = b'{"name":"' + b"x" * limits.LINE_BYTES_MAX + b'"}'
    async with nothing_stored(broker):
        reply = await send_lines(ann, b'{"app":"ising"}', b'{"parameters":{"temperature":1}}', line)
    reply.problem(413, "body_too_large")
    assert reply.pointers() == ["line 3"]


async def test_a_stream_beyond_the_limit_is_refused(
    broker: Running, ann: Http, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ndjson, "STREAM_BODY_BYTES_MAX", 100_000)
    good = [b'{"parameters":{"temperature":1}}'] * 10_000
    async with nothing_stored(broker):
        reply = await send_lines(ann, b'{"app":"ising"}', *good, key="long")
        assert "100000 bytes" in reply.problem(413, "body_too_large")["detail"]
        assert reply.pointers() == [""]


async def test_more_lines_than_a_batch_may_have_are_refused(
    broker: Running, ann: Http, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streamed_batches, "JOBS_PER_BATCH_MAX", 2_500)
    good = [b'{"parameters":{"temperature":1}}'] * 2_501
    async with nothing_stored(broker):
        reply = await send_lines(ann, b'{"app":"ising"}', *good)
        reply.problem(413, "body_too_large")
    (await send_lines(ann, b'{"app":"ising"}', *good[1:])).expect(201)


async def test_lines_need_a_header_and_a_job(broker: Running, ann: Http) -> None:
    async with nothing_stored(broker):
        (await send_lines(ann, b"")).problem(422, "invalid_input")
        reply = await send_lines(ann, b'{"app":"ising","bad":1}', b"{}")
        reply.problem(422, "invalid_input")
        assert reply.pointers() == ["line 1: /bad"]
        reply = await send_lines(ann, b'{"app":"ising"', b"{}")
        reply.problem(422, "invalid_input")
        assert reply.pointers() == ["line 1"]
        (await send_lines(ann, b'{"app":"ising"}')).problem(422, "invalid_input")


async def test_a_stream_cut_in_the_middle_stores_nothing(broker: Running, ann: Http) -> None:
    url = broker.url.removeprefix("http://")
    host, port = url.split(":")
    _, writer = await asyncio.open_connection(host, int(port))
    head = (
        "POST /v1/batches HTTP/1.1\r\n"
        f"Host: {url}\r\nAuthorization: Bearer {ann.token}\r\n"
        "Content-Type: application/x-ndjson\r\nContent-Length: 1000000\r\n\r\n"
    )
    writer.write(head.encode() + b'{"app":"ising"}\n')
    writer.write(b'{"parameters":{"temperature":1}}\n' * 10_000)
    await writer.drain()
    writer.transport.abort()
    (await ann.post("/v1/batches", body(job(temperature=1)))).expect(201)
    assert await stored_jobs(broker) == 1


async def test_the_same_key_gives_the_same_answer_and_another_body_is_refused(
    broker: Running, ann: Http
) -> None:
    first = await ann.post("/v1/batches", body(job(temperature=1)), key="k1")
    again = await ann.post("/v1/batches", body(job(temperature=1)), key="k1")
    assert first.expect(201) == again.expect(201)
    assert again.headers["Idempotent-Replayed"] == "true"
    other = await ann.post("/v1/batches", body(job(temperature=2)), key="k1")
    other.problem(409, "idempotency_key_reused")
    assert await stored_jobs(broker) == 1


async def test_the_same_key_at_once_stores_one_batch(broker: Running, ann: Http) -> None:
    replies = await asyncio.gather(
        *(ann.post("/v1/batches", body(job(temperature=1)), key="k2") for _ in range(20))
    )
    answers = {reply.content for reply in replies if reply.status == 201}
    assert len(answers) == 1
    assert {reply.status for reply in replies} <= {201, 429}
    assert await stored_jobs(broker) == 1


async def test_a_stream_with_a_key_is_replayed(broker: Running, ann: Http) -> None:
    lines = (b'{"app":"ising"}', *[b'{"parameters":{"temperature":1}}'] * 100)
    first = await send_lines(ann, *lines, key="k3")
    again = await send_lines(ann, *lines, key="k3")
    assert first.expect(201) == again.expect(201)
    (await send_lines(ann, *lines, lines[1], key="k3")).problem(409, "idempotency_key_reused")
    assert await stored_jobs(broker) == 100


async def test_too_many_jobs_in_progress_are_refused(broker: Running, ann: Http) -> None:
    reply = await broker.admin.patch("/v1/accounts/ann/quota", {"jobs_in_progress_max": 5})
    reply.expect(200)
    (await ann.post("/v1/batches", body(*[job(temperature=1)] * 3))).expect(201)
    await fed(broker)
    async with nothing_stored(broker):
        refused = await ann.post("/v1/batches", body(*[job(temperature=1)] * 3), key="full")
        refused.problem(429, "limit_exceeded")
        assert int(refused.headers["Retry-After"]) > 0
        lines = [b'{"parameters":{"temperature":1}}'] * 3
        (await send_lines(ann, b'{"app":"ising"}', *lines)).problem(429, "limit_exceeded")
    # a refusal is not remembered: with room the same request succeeds
    (await broker.admin.patch("/v1/accounts/ann/quota", {"jobs_in_progress_max": 6})).expect(200)
    (await ann.post("/v1/batches", body(*[job(temperature=1)] * 3), key="full")).expect(201)


async def test_many_callers_share_a_transaction_and_each_gets_its_own_jobs(
    broker: Running, ann: Http
) -> None:
    replies = await asyncio.gather(
        *(ann.post("/v1/batches", body(*[job(temperature=1)] * (k % 3 + 1))) for k in range(60))
    )
    receipts = [reply.expect(201) for reply in replies]
    ranges = sorted((int(r["first_job"].removeprefix("job_")), r["jobs"]) for r in receipts)
    ends = [first + jobs for first, jobs in ranges]
    assert all(end <= first for end, (first, _) in zip(ends, ranges[1:], strict=False))
    assert await stored_jobs(broker) == sum(jobs for _, jobs in ranges)


async def test_a_dry_run_stores_nothing(broker: Running, ann: Http) -> None:
    await broker.agent()
    plan = (await ann.post("/v1/batches?dry_run=true", body(job(temperature=1)))).expect(200)
    known = {"jobs": 1, "version_number": 1, "jobs_ahead": 0, "fitting_hosts": 1}
    assert plan == {**known, "account_rank": None, "start": None}
    bad = await ann.post("/v1/batches?dry_run=true", body(job(temperature=-1)))
    assert bad.pointers() == ["/jobs/0/parameters/temperature"]
    lines = [b'{"app":"ising"}', b'{"parameters":{"temperature":1}}']
    reply = await ann.post("/v1/batches?dry_run=true", b"\n".join(lines), headers=NDJSON)
    assert reply.expect(200)["jobs"] == 1
    assert await stored_jobs(broker) == 0


async def test_submit_needs_a_privilege_on_the_app(broker: Running, ann: Http) -> None:
    bob = await broker.client("bob")
    async with nothing_stored(broker):
        (await bob.post("/v1/batches", body(job(temperature=1)))).problem(403, "forbidden")
    grant = await broker.admin.put("/v1/apps/ising/privileges/bob", {"submit": True})
    grant.expect(200)
    (await bob.post("/v1/batches", body(job(temperature=1)))).expect(201)
    # whoever may give a right holds it: an admin of the app may submit to it
    carol = await broker.client("carol", apps={"ising": {"admin": True}})
    (await carol.post("/v1/batches", body(job(temperature=1)))).expect(201)


async def test_a_deprecated_app_takes_no_jobs(broker: Running, ann: Http) -> None:
    (await broker.admin.post("/v1/apps/ising:deprecate")).expect(200)
    async with nothing_stored(broker):
        (await ann.post("/v1/batches", body(job(temperature=1)))).problem(409, "conflict")


@pytest.mark.parametrize("token", [None, "flt_unknown", "nonsense", "flh_" + "x" * 43])
async def test_a_wrong_token_is_refused(broker: Running, ann: Http, token: str | None) -> None:
    stranger = Http(ann.url, ann.session, token)
    async with nothing_stored(broker):
        reply = await stranger.post("/v1/batches", body(job(temperature=1)))
    reply.problem(401, "unauthenticated")
    assert reply.headers["WWW-Authenticate"].startswith("Bearer")
