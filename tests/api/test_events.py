"""The event stream over HTTP: what it tells, to whom, and from where."""

import asyncio
import time
from typing import Any

import pytest

from tests.api.scene import job_of, scientist, submit
from tests.api.sse import Stream, stream
from tests.support.running import Running
from tests.support.until import until


async def up_to(events: Stream, kind: str) -> list[dict[str, Any]]:
    """Events up to and including the first one of a kind."""
    seen = []
    while not seen or seen[-1]["kind"] != kind:
        seen.append(await events.data())
    return seen


async def test_listener_hears_the_whole_life_of_a_batch(broker: Running) -> None:
    await broker.app()
    ann, agent = await scientist(broker), await broker.agent()
    async with stream(ann, "/v1/events") as events:
        batch = await submit(ann, 2)
        leases = await agent.leases(2)
        await agent.renew(leases[:1])
        await agent.report(leases[:1])
        await agent.report(leases[1:], "failed", exit_code=1)
        seen = await up_to(events, "batch_finished")
    kinds = [event["kind"] for event in seen]
    assert kinds[0] == "submitted"
    assert set(kinds) == {"submitted", "leased", "running", "succeeded", "failed", "batch_finished"}
    assert {event["batch"] for event in seen} == {batch}
    failed = next(event for event in seen if event["kind"] == "failed")
    assert failed["jobs"] == [leases[1]["job"]]
    assert failed["at"].endswith("Z")
    places = [tuple(map(int, event["id"].split("-"))) for event in seen]
    assert places == sorted(places)


async def test_listener_hears_only_of_what_it_may_see(broker: Running) -> None:
    await broker.app()
    await broker.app("other")
    ann, bob = await scientist(broker), await scientist(broker, "bob")
    keeper = await broker.client("keeper", apps={"other": {"admin": True}})
    async with (
        stream(ann, "/v1/events") as to_ann,
        stream(bob, "/v1/events") as to_bob,
        stream(keeper, "/v1/events") as to_keeper,
        stream(broker.admin, "/v1/events") as to_admin,
    ):
        first = await submit(ann)
        second = await submit(bob, app="other")
        last_of_ann, last_of_bob = await submit(ann), await submit(bob)
        assert [(await to_ann.data())["batch"] for _ in range(2)] == [first, last_of_ann]
        assert [(await to_bob.data())["batch"] for _ in range(2)] == [second, last_of_bob]
        assert (await to_keeper.data())["batch"] == second
        heard = {(await to_admin.data())["batch"] for _ in range(4)}
        assert heard == {first, second, last_of_ann, last_of_bob}


async def test_filter_by_batch_leaves_others_out(broker: Running) -> None:
    await broker.app()
    ann = await scientist(broker)
    other, batch = await submit(ann), await submit(ann)
    async with stream(ann, f"/v1/events?batch={batch}") as events:
        (await ann.post(f"/v1/batches/{other}:cancel")).expect(200)
        (await ann.post(f"/v1/batches/{batch}:cancel")).expect(200)
        seen = await up_to(events, "batch_finished")
    assert [(e["kind"], e["batch"]) for e in seen] == [
        ("cancelled", batch),
        ("batch_finished", batch),
    ]
    assert seen[0]["jobs"] == [job_of(batch)]


async def test_listener_resumes_without_loss_or_repetition(broker: Running) -> None:
    await broker.app()
    ann = await scientist(broker)
    async with stream(ann, "/v1/events") as events:
        batches = [await submit(ann)]
        first = await events.data()
    batches += [await submit(ann) for _ in range(5)]
    async with stream(ann, "/v1/events", first["id"]) as events:
        heard = [(await events.data())["batch"] for _ in range(5)]
        assert heard == batches[1:]
        batches.append(await submit(ann))  # from memory again, after catching up
        assert (await events.data())["batch"] == batches[-1]
    async with stream(ann, "/v1/events", "0-0") as events:
        assert [(await events.data())["batch"] for _ in range(7)] == batches


async def test_position_in_the_future_is_taken_as_now(broker: Running) -> None:
    await broker.app()
    ann = await scientist(broker)
    async with stream(ann, "/v1/events", f"{2**64 - 1}-{2**63 - 1}") as events:
        batch = await submit(ann)
        assert (await events.data())["batch"] == batch


@pytest.mark.parametrize("bad", ["x", "1", "1-", "-1", "1-x", "1e3-1", f"{2**64}-1", f"1-{2**63}"])
async def test_position_that_we_never_gave_is_refused(broker: Running, bad: str) -> None:
    reply = await broker.admin.get("/v1/events", headers={"Last-Event-ID": bad})
    reply.problem(422, "invalid_input")
    assert reply.pointers() == ["Last-Event-ID"]


async def test_bad_filters_are_refused(broker: Running) -> None:
    await broker.app()
    ann, bob = await scientist(broker), await scientist(broker, "bob")
    batch = await submit(ann)
    (await bob.get(f"/v1/events?batch={batch}")).problem(404, "not_found")
    (await bob.get("/v1/events?batch=batch_999")).problem(404, "not_found")
    (await bob.get("/v1/events?batch=job_1")).problem(422, "invalid_input")
    (await bob.get("/v1/events?kind=leased")).problem(422, "invalid_input")


async def test_suspended_account_hears_nothing_more(broker: Running) -> None:
    ann = await scientist(broker)
    async with stream(ann, "/v1/events") as events:
        (await broker.admin.post("/v1/accounts/ann:suspend")).expect(200)
        started = time.monotonic()
        assert await events.rest() == []
        assert time.monotonic() - started < 2


async def test_many_listeners_share_one_reader(broker: Running) -> None:
    await broker.app()
    ann = await scientist(broker)
    feed = broker.services.feed
    async with (
        stream(ann, "/v1/events") as one,
        stream(ann, "/v1/events") as two,
        stream(broker.admin, "/v1/events") as three,
    ):
        assert [t.get_name() for t in asyncio.all_tasks()].count("events") == 1
        batch = await submit(ann)
        for events in (one, two, three):
            assert (await events.data())["batch"] == batch
    await until(lambda: feed._poller is None)  # the last one is gone: nobody reads
