"""Submissions: one body or many lines, replayed when the connection breaks."""

from collections.abc import Iterator

import orjson
import pytest

from broker import errors
from broker.client import AsyncClient, Client
from broker.client.submissions import CHUNK_BYTES
from broker.protocol.batches import InputContent, JobRequest
from broker.protocol.resources import Resources

from .fake_broker import FakeBroker, hangs_up, refuses, says

RECEIPT = {"id": "batch_7", "jobs": 2, "first_job": "job_11"}


async def test_a_short_batch_is_one_json_body(broker: FakeBroker, client: AsyncClient) -> None:
    broker.on("POST", "/v1/batches", says(RECEIPT, status=201))
    handle = await client.submit(
        "ising",
        jobs=[{"temperature": 2.5}, JobRequest(name="cold", inputs={"a": InputContent(text="x")})],
        resources=Resources(gpus=1),
    )
    assert str(handle) == "batch_7"
    assert broker.seen[0].headers["Content-Type"] == "application/json"
    assert broker.seen[0].json == {
        "app": "ising",
        "pool": "default",
        "name": "",
        "priority": 0,
        "resources": {"gpus": 1},
        "jobs": [
            {"parameters": {"temperature": 2.5}},
            {"name": "cold", "inputs": {"a": {"text": "x"}}},
        ],
    }


async def test_a_generator_is_streamed_line_by_line(
    broker: FakeBroker, client: AsyncClient
) -> None:
    broker.on("POST", "/v1/batches", says(RECEIPT, status=201))
    await client.submit("ising", ({"seed": n} for n in range(50_000)))
    seen = broker.seen[0]
    assert seen.headers["Content-Type"] == "application/x-ndjson"
    assert seen.headers["Transfer-Encoding"] == "chunked"
    lines = seen.body.splitlines()
    assert len(seen.body) > 3 * CHUNK_BYTES
    assert orjson.loads(lines[0])["app"] == "ising"
    assert [orjson.loads(line)["parameters"]["seed"] for line in lines[1:]] == list(range(50_000))


async def test_a_stream_that_broke_is_replayed_whole_though_its_source_is_read_once(
    broker: FakeBroker, client: AsyncClient
) -> None:
    taken = 0

    def jobs() -> Iterator[dict[str, int]]:
        nonlocal taken
        for n in range(30_000):
            taken += 1
            yield {"seed": n}

    lost = hangs_up()
    broker.unread.add(lost)  # it hangs up while the body is still coming
    broker.on("POST", "/v1/batches", lost, hangs_up(), says(RECEIPT, status=201))
    await client.submit("ising", jobs(), idempotency_key="mine")
    assert taken == 30_000
    assert len(broker.seen[-1].body.splitlines()) == 30_001
    assert {seen.headers["Idempotency-Key"] for seen in broker.seen} == {"mine"}


async def test_a_long_list_is_streamed_too(broker: FakeBroker, client: AsyncClient) -> None:
    broker.on("POST", "/v1/batches", says(RECEIPT, status=201))
    await client.submit("ising", [{"seed": n} for n in range(1_001)])
    assert len(broker.seen[0].body.splitlines()) == 1_002


async def test_a_source_that_fails_sends_no_batch_and_raises_its_own_error(
    broker: FakeBroker, client: AsyncClient
) -> None:
    def jobs() -> Iterator[dict[str, int]]:
        yield from ({"seed": n} for n in range(20_000))
        raise RuntimeError("the source broke")

    broker.on("POST", "/v1/batches", says(RECEIPT, status=201))
    with pytest.raises(RuntimeError, match="the source broke"):
        await client.submit("ising", jobs())
    assert broker.seen == []  # the server never saw the end of the body


async def test_a_bad_job_is_named_before_anything_is_sent(
    broker: FakeBroker, client: AsyncClient
) -> None:
    bad = [{"seed": 1}, {"seed": None}]
    with pytest.raises(errors.InvalidInput) as caught:
        await client.submit("ising", bad)  # type: ignore[arg-type]
    assert caught.value.errors[0].pointer.startswith("/jobs/1/parameters/seed")
    assert broker.seen == []


async def test_a_bad_job_of_a_stream_is_named_by_its_place(
    broker: FakeBroker, client: AsyncClient
) -> None:
    with pytest.raises(errors.InvalidInput) as caught:
        await client.submit("ising", iter([{"seed": 1}, {"seed": [2]}]))  # type: ignore[list-item]
    assert caught.value.errors[0].pointer.startswith("/jobs/1/parameters/seed")


async def test_a_job_that_the_broker_refuses_is_named_as_without_a_stream(
    broker: FakeBroker, client: AsyncClient
) -> None:
    fields = [
        errors.FieldError("line 3: /parameters/seed", "is missing"),
        errors.FieldError("line 2", "more than 9 bytes"),
        errors.FieldError("line 1: /pool", "there is none"),
        errors.FieldError("", "too long"),
    ]
    refusal = errors.InvalidInput("line 3: /parameters/seed: is missing", errors=fields)
    broker.on("POST", "/v1/batches", refuses(refusal))
    with pytest.raises(errors.InvalidInput) as caught:
        await client.submit("ising", iter([{"seed": 1}, {}]))
    assert caught.value.message == "/jobs/1/parameters/seed: is missing"
    pointers = [each.pointer for each in caught.value.errors]
    assert pointers == ["/jobs/1/parameters/seed", "/jobs/0", "/pool", ""]


async def test_refusal_of_a_stream_arrives_though_the_body_is_not_read(
    broker: FakeBroker, client: AsyncClient
) -> None:
    refusal = refuses(errors.Forbidden("not your app"), headers={"Connection": "close"})
    broker.unread.add(refusal)
    broker.on("POST", "/v1/batches", refusal)
    with pytest.raises(errors.Forbidden, match="not your app"):
        await client.submit("ising", ({"text": "x" * 1_000} for _ in range(2_000)))


async def test_dry_run_stores_nothing(broker: FakeBroker, client: AsyncClient) -> None:
    from broker.client.submissions import batch_header

    answer = {"jobs": 1, "version_number": 2, "jobs_ahead": 3, "fitting_hosts": 4}
    broker.on("POST", "/v1/batches", says(answer))
    assert (await client.dry_run(batch_header("ising"), [{}])).fitting_hosts == 4
    assert broker.seen[0].query == {"dry_run": "true"}


def test_blocking_client_submits_and_its_generator_may_use_it(
    broker: FakeBroker, blocking: Client
) -> None:
    broker.on("POST", "/v1/batches", says(RECEIPT, status=201))
    broker.on("PUT", "/v1/apps/ising", says())

    def jobs() -> Iterator[dict[str, int]]:
        for n in range(3):
            with pytest.raises(errors.NotFound):
                blocking.job(n)
            yield {"seed": n}

    assert blocking.submit("ising", jobs()).id == 7
    assert len(broker.seen[-1].body.splitlines()) == 4
