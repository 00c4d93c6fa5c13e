"""Hosts: they join once per token, are seen by their owner, drained, resumed and banned."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from tests.api.scene import scientist, submit
from tests.support.http import Http
from tests.support.running import Running
from tests.support.until import until

FACTS = {"name": "node", "cpus": 4, "memory_mib": 8_000, "slots": 2}


def door(broker: Running, token: str) -> Http:
    return Http(broker.url, broker.session, token)


async def test_of_many_hosts_with_one_token_one_joins(broker: Running) -> None:
    ann = await broker.client("ann")
    token = (await ann.post("/v1/enrollments", {})).expect(201)["token"]
    replies = await asyncio.gather(
        *(door(broker, token).post("/v1/hosts:enroll", {"facts": FACTS}) for _ in range(20))
    )
    assert sorted(reply.status for reply in replies) == [201] + [401] * 19
    assert len((await ann.get("/v1/hosts")).expect(200)["items"]) == 1
    details = {reply.json["detail"] for reply in replies if reply.status == 401}
    assert details == {"the enrolment token was used; each works once"}


async def test_a_host_belongs_to_whoever_invited_it(broker: Running) -> None:
    ann = await broker.client("ann")
    invited = (await ann.post("/v1/enrollments", {"pool": "gpu"})).expect(201)
    joined = (await door(broker, invited["token"]).post("/v1/hosts:enroll", {"facts": FACTS})).json
    host = (await ann.get(f"/v1/hosts/{joined['host']}")).expect(200)
    assert (host["account_name"], host["pool"], host["state"]) == ("ann", "gpu", "active")
    assert host["facts"]["cpus"] == 4
    assert host["active_leases"] == 0
    assert joined["token"].startswith("flh_")


async def test_a_token_that_cannot_enrol_is_refused(broker: Running) -> None:
    ann = await broker.client("ann")
    spent = (await ann.post("/v1/enrollments", {})).expect(201)["token"]
    async with broker.services.database.connection() as connection:
        await connection.execute("UPDATE enrollment SET expires_at = now() - interval '1 s'")
    waiting = (await ann.post("/v1/enrollments", {})).expect(201)["token"]
    (await broker.admin.post("/v1/accounts/ann:suspend")).expect(200)
    for token, word in (
        (spent, "expired"),
        (waiting, "not active"),
        ("fle_unknown", "unknown"),
        (str(broker.admin.token), "fle_"),
        ("", "fle_"),
    ):
        reply = await door(broker, token).post("/v1/hosts:enroll", {"facts": FACTS})
        assert word in reply.problem(401, "unauthenticated")["detail"]


async def test_bad_facts_are_named_and_spend_nothing(broker: Running) -> None:
    token = (await broker.admin.post("/v1/enrollments", {})).expect(201)["token"]
    reply = await door(broker, token).post("/v1/hosts:enroll", {"facts": {**FACTS, "cpus": 0}})
    reply.problem(422, "invalid_input")
    assert reply.pointers() == ["/facts/cpus"]
    (await door(broker, token).post("/v1/hosts:enroll", {"facts": FACTS})).expect(201)


async def test_a_host_is_seen_by_its_owner_and_admins_only(broker: Running) -> None:
    ann, bob = await broker.client("ann"), await broker.client("bob")
    agent = await broker.agent("anns", owner=ann)
    own = await broker.agent("bobs", owner=bob)
    path = f"/v1/hosts/{agent.host}"
    (await bob.get(path)).problem(404, "not_found")
    for verb in ("drain", "resume", "ban"):
        (await bob.post(f"{path}:{verb}")).problem(404, "not_found")
    (await bob.get("/v1/hosts/host_99999999999")).problem(404, "not_found")
    (await broker.admin.get("/v1/hosts/host_999")).problem(404, "not_found")
    (await broker.admin.post("/v1/hosts/host_999:drain")).problem(404, "not_found")
    (await ann.get("/v1/hosts/account_1")).problem(422, "invalid_input")
    listed = {
        name: [host["id"] for host in (await caller.get("/v1/hosts")).expect(200)["items"]]
        for name, caller in (("ann", ann), ("bob", bob), ("admin", broker.admin))
    }
    assert listed == {"ann": [agent.host], "bob": [own.host], "admin": [own.host, agent.host]}


async def test_hosts_are_paged(broker: Running) -> None:
    agents = [await broker.agent(f"h{n}") for n in range(3)]
    first = (await broker.admin.get("/v1/hosts?limit=2")).expect(200)
    second = (await broker.admin.get(f"/v1/hosts?cursor={first['next_cursor']}")).expect(200)
    ids = [host["id"] for host in first["items"] + second["items"]]
    assert ids == [agent.host for agent in reversed(agents)]


async def test_a_hosts_token_opens_nothing_of_accounts(broker: Running) -> None:
    agent = await broker.agent()
    for path in ("/v1/me", "/v1/accounts", "/v1/apps", "/v1/hosts", f"/v1/hosts/{agent.host}"):
        assert (await agent.http.get(path)).status in (403, 404), path
    (await agent.http.post("/v1/enrollments", {}, key="k")).problem(403, "forbidden")


async def test_an_owner_drains_and_resumes_a_host(broker: Running) -> None:
    await broker.app()
    ann = await broker.client("ann", submit_all_apps=True)
    agent = await broker.agent(owner=ann)
    for _ in range(2):
        drained = (await ann.post(f"/v1/hosts/{agent.host}:drain")).expect(200)
        assert drained["state"] == "draining"
    (await ann.post("/v1/batches", {"app": "sleep", "jobs": [{}]})).expect(201)
    reply = await agent.poll(wait=1)
    assert (reply["drain"], reply["leases"]) == (True, [])
    assert (await ann.post(f"/v1/hosts/{agent.host}:resume")).expect(200)["state"] == "active"
    await agent.leases(1)
    assert (await ann.get(f"/v1/hosts/{agent.host}")).expect(200)["active_leases"] == 1


@pytest.mark.parametrize("shut_out", ["host", "owner"])
async def test_a_host_that_is_shut_out_while_its_poll_waits_gets_no_work(
    start_broker: Callable[..., Any], shut_out: str
) -> None:
    broker = await start_broker(principal_seconds=0)
    await broker.app()
    ann, owner = await scientist(broker), await broker.client("owner")
    bad = await broker.agent("bad", owner=owner)
    body = {"free_slots": 1, "wait_seconds": 50}
    poll = asyncio.create_task(bad.http.post(f"/v1/hosts/{bad.host}:poll", body))
    await until(lambda: len(broker.services.waiting) == 1)
    path = f"/v1/hosts/{bad.host}:ban" if shut_out == "host" else "/v1/accounts/owner:suspend"
    (await broker.admin.post(path)).expect(200)
    batch = await submit(ann)
    if shut_out == "owner":  # the scheduler still counts on the host, which a ban soon ends
        (await asyncio.wait_for(poll, 10)).problem(401, "unauthenticated")
    good = await broker.agent("good")
    (lease,) = await good.leases(1, wait=20)
    assert lease["batch"] == batch
    poll.cancel()
    for reply in await asyncio.gather(poll, return_exceptions=True):
        assert isinstance(reply, asyncio.CancelledError) or reply.status == 401


async def test_a_ban_takes_the_work_away_and_is_final(broker: Running) -> None:
    await broker.app()
    ann = await broker.client("ann", submit_all_apps=True)
    (await ann.post("/v1/batches", {"app": "sleep", "jobs": [{}]})).expect(201)
    bad = await broker.agent("bad")
    (lease,) = await bad.leases(1)
    banned = (await broker.admin.post(f"/v1/hosts/{bad.host}:ban")).expect(200)
    assert banned["state"] == "banned"
    (await bad.http.post(f"/v1/hosts/{bad.host}:poll", {"free_slots": 1})).expect(401)
    good = await broker.agent("good")
    (again,) = await good.leases(1, wait=20)
    assert (again["job"], again["epoch"]) == (lease["job"], lease["epoch"] + 1)
    for verb in ("resume", "drain"):
        (await broker.admin.post(f"/v1/hosts/{bad.host}:{verb}")).problem(409, "conflict")
    (await broker.admin.post(f"/v1/hosts/{bad.host}:ban")).expect(200)


async def test_recent_credit_is_shown_decayed(broker: Running) -> None:
    agent = await broker.agent()
    async with broker.services.database.connection() as connection:
        await connection.execute(
            "UPDATE host_credit SET credit_total = 50, credit_recent = 80, "
            "recent_at = now() - $1::float8 * interval '1 second'",
            broker.services.settings.half_life_seconds,
        )
    host = (await broker.admin.get(f"/v1/hosts/{agent.host}")).expect(200)
    assert host["credit_total"] == 50
    assert host["credit_recent"] == pytest.approx(40, rel=1e-3)
    listed = (await broker.admin.get("/v1/hosts")).expect(200)["items"]
    assert listed[0]["credit_recent"] == pytest.approx(40, rel=1e-3)
