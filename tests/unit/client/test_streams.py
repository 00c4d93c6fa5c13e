"""Server-sent events, logs that are followed, and batches that are watched."""

import asyncio
import json

import pytest

from broker import errors
from broker.client import AsyncClient, Client
from broker.client.sse import Parser

from . import samples
from .conftest import Pauses
from .fake_broker import FakeBroker, hangs_up, refuses, says, serves, streams


def text(words: str, id: str | None = None) -> str:
    line = f"id: {id}\n" if id else ""
    return f'{line}event: data\ndata: {{"text":"{words}"}}\n\n'


END = "event: end\ndata:\n\n"


@pytest.mark.parametrize("size", [1, 2, 3, 1000])
def test_parser_understands_chunks_of_any_size(size: int) -> None:
    raw = (
        ": hello\n\n"
        "event: data\r\nid: 4\r\ndata: a\r\ndata:b\r\n\r\n"
        "data: \u00e4\n\n"
        "event: end\ndata:\n\n"
        "data: unfinished"
    ).encode()
    parser = Parser()
    events = [
        (event.kind, event.data, event.id)
        for start in range(0, len(raw), size)
        for event in parser.feed(raw[start : start + size])
    ]
    assert events == [("data", "a\nb", "4"), ("message", "ä", None), ("end", "", None)]


async def test_stored_log_is_plain_text(broker: FakeBroker, client: AsyncClient) -> None:
    broker.on("GET", "/v1/jobs/job_1/logs/stderr", serves("naïve\n".encode(), "text/plain"))
    assert "".join([piece async for piece in client.logs(1, "stderr")]) == "naïve\n"


async def test_followed_log_ends_with_the_job(broker: FakeBroker, client: AsyncClient) -> None:
    broker.on("GET", "/v1/jobs/job_1/logs/stdout", streams(text("one "), text("two"), END))
    assert [piece async for piece in client.logs(1, follow=True)] == ["one ", "two"]
    assert broker.seen[0].query == {"follow": "true"}


async def test_log_without_ids_starts_over_and_repeats_nothing(
    broker: FakeBroker, client: AsyncClient
) -> None:
    broker.on(
        "GET",
        "/v1/jobs/job_1/logs/stdout",
        streams(text("one "), text("two ")),
        hangs_up(),
        streams(text("one tw"), text("o three"), END),
    )
    assert "".join([p async for p in client.logs(1, follow=True)]) == "one two three"


async def test_log_with_ids_goes_on_where_it_was(broker: FakeBroker, client: AsyncClient) -> None:
    broker.on(
        "GET",
        "/v1/jobs/job_1/logs/stdout",
        streams(text("one ", "4")),
        streams(text("two", "7"), END),
    )
    assert "".join([p async for p in client.logs(1, follow=True)]) == "one two"
    assert broker.seen[-1].headers["Last-Event-Id"] == "4"


async def test_log_of_no_job_is_not_found(broker: FakeBroker, client: AsyncClient) -> None:
    broker.on("GET", "/v1/jobs/job_1/logs/stdout", refuses(errors.NotFound("no job_1")))
    with pytest.raises(errors.NotFound):
        _ = [piece async for piece in client.logs(1, follow=True)]


def event(number: int, kind: str = "running") -> str:
    fields = {"id": str(number), "kind": kind, "batch": "batch_7", "jobs": []}
    data = json.dumps({**fields, "at": "2025-01-01T00:00:00Z"})
    return f"id: {number}\nevent: {kind}\ndata: {data}\n\n"


async def test_events_resume_after_the_last_one(
    broker: FakeBroker, client: AsyncClient, pauses: Pauses
) -> None:
    broker.on(
        "GET",
        "/v1/events",
        streams(event(1), event(2)),
        streams(": nothing new\n\n"),
        streams(event(3), then_waits=True),
    )
    stream = client.events(batch=7)
    assert [(await anext(stream)).id for _ in range(3)] == ["1", "2", "3"]
    await stream.aclose()
    assert [seen.headers.get("Last-Event-Id") for seen in broker.seen] == [None, "2", "2"]
    assert broker.seen[0].query == {"batch": "batch_7"}
    assert len(pauses) == 2


async def test_blocking_events_can_be_left(broker: FakeBroker, blocking: Client) -> None:
    broker.on("GET", "/v1/events", streams(event(1), then_waits=True))

    def first() -> str:
        for each in blocking.events():
            return each.id
        return ""

    assert await asyncio.to_thread(first) == "1"


async def test_watching_looks_when_an_event_comes_and_ends_with_the_batch(
    broker: FakeBroker, client: AsyncClient
) -> None:
    broker.on("GET", "/v1/events", streams(event(1), event(2), then_waits=True))
    broker.on(
        "GET",
        "/v1/batches/batch_7",
        says(samples.batch(jobs=2, queued=2)),
        says(samples.batch(jobs=2, queued=2)),
        says(samples.batch(jobs=2, succeeded=1, running=1)),
        says(samples.batch(jobs=2, succeeded=2, finished=True)),
    )
    seen = [now.counts.succeeded async for now in client.watch(7)]
    assert seen == [0, 1, 2]


async def test_waiting_works_without_events(broker: FakeBroker, client: AsyncClient) -> None:
    broker.on(
        "GET",
        "/v1/batches/batch_7",
        says(samples.batch(queued=1)),
        hangs_up(),
        says(samples.batch(failed=1, finished=True)),
    )
    handle = await client.open_batch("batch_7")
    assert (await handle.wait()).counts.failed == 1


async def test_waiting_ends_at_its_timeout(broker: FakeBroker, client: AsyncClient) -> None:
    broker.on("GET", "/v1/batches/batch_7", says(samples.batch(queued=1)))
    handle = await client.open_batch(7)
    with pytest.raises(TimeoutError):
        await handle.wait(timeout_seconds=0.05)
