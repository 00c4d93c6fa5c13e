"""Logs over HTTP: as text, and followed while the job writes."""

import asyncio
import time

import orjson
import pytest

from broker.api.streaming import HEARTBEAT_SECONDS
from broker.services.jobs import logs
from tests.api.scene import job_of, scientist, submit, write_log
from tests.api.sse import stream
from tests.support.running import Running
from tests.support.until import until


async def test_log_is_plain_text_of_the_last_attempt(broker: Running) -> None:
    await broker.app()
    ann, agent = await scientist(broker), await broker.agent()
    path = f"/v1/jobs/{job_of(await submit(ann))}/logs"
    reply = await ann.get(f"{path}/stdout")
    assert (reply.status, reply.content) == (200, b"")

    (lease,) = await agent.leases()
    await write_log(agent, lease, b"<b>hello</b>\n")
    await write_log(agent, lease, b"world\n", 13)
    await write_log(agent, lease, b"oops\n", stream="stderr")
    reply = await ann.get(f"{path}/stdout")
    assert reply.content == b"<b>hello</b>\nworld\n"
    assert reply.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert reply.headers["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'none'" in reply.headers["Content-Security-Policy"]
    assert (await ann.get(f"{path}/stderr")).content == b"oops\n"
    assert (await ann.get(f"{path}/stdout?offset=13")).content == b"world\n"
    assert (await ann.get(f"{path}/stdout?offset=999")).content == b""

    await agent.report([lease], "preempted")
    (lease,) = await agent.leases()
    assert (await ann.get(f"{path}/stdout")).content == b""
    await write_log(agent, lease, b"again\n")
    assert (await ann.get(f"{path}/stdout")).content == b"again\n"
    assert (await ann.get(f"{path}/stdout?epoch=1&offset=13")).content == b"world\n"


@pytest.mark.parametrize(
    ("rest", "pointer"),
    [
        ("stdin", "{stream}"),
        ("..%2fstdout", "{stream}"),
        ("stdout?epoch=0", "?epoch"),
        ("stdout?epoch=1", "?epoch"),
        ("stdout?epoch=99999999999", "?epoch"),
        ("stdout?offset=-1", "?offset"),
        ("stdout?offset=99999999999999999999", "?offset"),
        ("stdout?follow=perhaps", "?follow"),
        ("stdout?tail=5", "?tail"),
    ],
)
async def test_bad_requests_are_refused_by_name(broker: Running, rest: str, pointer: str) -> None:
    await broker.app()
    ann = await scientist(broker)
    reply = await ann.get(f"/v1/jobs/{job_of(await submit(ann))}/logs/{rest}")
    reply.problem(422, "invalid_input")
    assert reply.pointers() == [pointer]


async def test_followed_log_comes_as_it_is_written_and_ends_with_the_job(broker: Running) -> None:
    await broker.app()
    ann, agent = await scientist(broker), await broker.agent()
    job = job_of(await submit(ann))
    async with stream(ann, f"/v1/jobs/{job}/logs/stdout?follow=true") as followed:
        (lease,) = await agent.leases()  # it was waited for
        await write_log(agent, lease, "grün ".encode())
        assert await followed.data() == {"text": "grün ", "offset": 6}
        started = time.monotonic()
        await write_log(agent, lease, "€".encode()[:2], 6)
        await write_log(agent, lease, "€".encode()[2:] + b"\xff!", 8)
        whole = ""
        while not whole.endswith("!"):
            piece = await followed.data()
            whole += piece["text"]
        assert (whole, piece["offset"]) == ("€\ufffd!", 11)
        assert time.monotonic() - started < HEARTBEAT_SECONDS  # nothing waits for a heartbeat
        await write_log(agent, lease, b"last", 11)
        await agent.report([lease])
        events = await followed.rest()
    assert [event.kind for event in events] == ["data", "end"]
    assert orjson.loads(events[0].data) == {"text": "last", "offset": 15}
    assert orjson.loads(events[1].data) == {"state": "succeeded", "epoch": 1}


async def test_cut_character_at_the_end_is_told_as_a_replacement(broker: Running) -> None:
    await broker.app()
    ann, agent = await scientist(broker), await broker.agent()
    job = job_of(await submit(ann))
    (lease,) = await agent.leases()
    await write_log(agent, lease, b"ok\xe2\x82")
    await agent.report([lease])
    async with stream(ann, f"/v1/jobs/{job}/logs/stdout?follow=true") as followed:
        events = await followed.rest()
    texts = [orjson.loads(event.data).get("text") for event in events]
    assert texts == ["ok", "\ufffd", None]
    assert orjson.loads(events[1].data)["offset"] == 4


async def test_followed_log_ends_when_the_job_goes_back_to_the_queue(broker: Running) -> None:
    await broker.app()
    ann, agent = await scientist(broker), await broker.agent()
    job = job_of(await submit(ann))
    (lease,) = await agent.leases()
    await write_log(agent, lease, b"half")
    async with stream(ann, f"/v1/jobs/{job}/logs/stdout?follow=true") as followed:
        assert (await followed.data())["text"] == "half"
        await agent.report([lease], "preempted")
        (end,) = await followed.rest()
    assert end.kind == "end"
    assert orjson.loads(end.data)["epoch"] == 1


async def test_follower_goes_on_where_it_was_cut_off(broker: Running) -> None:
    await broker.app()
    ann, agent = await scientist(broker), await broker.agent()
    job = job_of(await submit(ann))
    (lease,) = await agent.leases()
    path = f"/v1/jobs/{job}/logs/stdout?follow=true"
    await write_log(agent, lease, b"one ")
    async with stream(ann, path) as followed:
        event = await followed.next()
        assert event is not None
        assert event.id == "1-4"
    await write_log(agent, lease, b"two", 4)
    await agent.report([lease])
    async with stream(ann, path, event.id) as followed:
        assert (await followed.data())["text"] == "two"
    for bad in ("x", "1", "0-4", "1-x", "-", "1-" + "9" * 30):
        reply = await ann.get(path, headers={"Last-Event-ID": bad})
        reply.problem(422, "invalid_input")
        assert reply.pointers() == ["Last-Event-ID"]


async def test_cancelled_queued_job_ends_its_followers(broker: Running) -> None:
    await broker.app()
    ann = await scientist(broker)
    job = job_of(await submit(ann))
    async with stream(ann, f"/v1/jobs/{job}/logs/stdout?follow=true") as followed:
        (await ann.post(f"/v1/jobs/{job}:cancel")).expect(200)
        (end,) = await followed.rest()
    assert orjson.loads(end.data) == {"state": "cancelled", "epoch": 0}


async def test_revoked_token_ends_the_stream_within_two_seconds(broker: Running) -> None:
    await broker.app()
    ann = await scientist(broker)
    job = job_of(await submit(ann))
    tokens = (await broker.admin.get("/v1/accounts/ann/tokens")).expect(200)["items"]
    async with stream(ann, f"/v1/jobs/{job}/logs/stdout?follow=true") as followed:
        path = f"/v1/accounts/ann/tokens/{tokens[0]['id']}"
        assert (await broker.admin.delete(path)).status in (200, 204)
        started = time.monotonic()
        assert await followed.rest() == []
        assert time.monotonic() - started < 2
    (await ann.get(f"/v1/jobs/{job}")).problem(401, "unauthenticated")


async def test_lost_right_to_see_ends_the_stream(broker: Running) -> None:
    await broker.app()
    ann = await scientist(broker)
    keeper = await broker.client("keeper", apps={"sleep": {"admin": True}})
    job = job_of(await submit(ann))
    async with stream(keeper, f"/v1/jobs/{job}/logs/stdout?follow=true") as followed:
        rights = {"admin": False, "submit": False}
        (await broker.admin.put("/v1/apps/sleep/privileges/keeper", rights)).expect(200)
        assert await followed.rest() == []


async def test_account_may_hold_only_so_many_streams(
    broker: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("broker.services.requests.streams.STREAMS_PER_ACCOUNT_MAX", 1)
    await broker.app()
    ann, bob = await scientist(broker), await scientist(broker, "bob")
    path = f"/v1/jobs/{job_of(await submit(ann))}/logs/stdout?follow=true"
    async with stream(ann, path):
        reply = await ann.get(path)
        reply.problem(429, "limit_exceeded")
        assert reply.headers["Retry-After"] == "5"
        (await ann.get("/v1/events")).problem(429, "limit_exceeded")
        async with stream(bob, "/v1/events"):
            pass
    await until(lambda: not len(broker.services.streams))  # the client left its place
    async with stream(ann, path):
        pass


async def test_idle_stream_carries_heartbeats(
    broker: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("broker.api.streaming.HEARTBEAT_SECONDS", 0.5)
    await broker.app()
    ann = await scientist(broker)
    job = job_of(await submit(ann))
    async with stream(ann, f"/v1/jobs/{job}/logs/stdout?follow=true") as followed:
        seen = b""
        async with asyncio.timeout(5):
            while seen.count(b": still here") < 2:
                seen += await followed.response.content.readany()


async def test_stopping_broker_ends_its_streams(broker: Running) -> None:
    await broker.app()
    ann = await scientist(broker)
    job = job_of(await submit(ann))
    async with (
        stream(ann, f"/v1/jobs/{job}/logs/stdout?follow=true") as followed,
        stream(ann, "/v1/events") as events,
    ):
        broker.services.streams.close()
        assert await followed.rest(3) == []
        assert await events.rest(3) == []


async def test_long_log_is_followed_whole(broker: Running) -> None:
    await broker.app()
    ann, agent = await scientist(broker), await broker.agent()
    job = job_of(await submit(ann))
    (lease,) = await agent.leases()
    text = "".join(f"Zeile {k} über €\n" for k in range(20_000)).encode()
    await write_log(agent, lease, text)
    await agent.report([lease])
    async with stream(ann, f"/v1/jobs/{job}/logs/stdout?follow=true") as followed:
        events = await followed.rest()
    assert len(events) > len(text) // logs.CHUNK_BYTES
    assert "".join(orjson.loads(e.data).get("text", "") for e in events).encode() == text
    assert (await ann.get(f"/v1/jobs/{job}/logs/stdout")).content == text
