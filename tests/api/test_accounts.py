"""Accounts: created, seen, suspended, resumed and deleted."""

import asyncio
from typing import Any

import pytest
from yarl import URL

from broker.services.people import departures
from tests.support.http import Http
from tests.support.running import Running
from tests.support.until import until


async def test_an_account_is_made_and_found_by_handle_and_id(broker: Running) -> None:
    body = {"name": "ann", "title": "Ann", "email": "ann@example.org"}
    made = (await broker.admin.post("/v1/accounts", body)).expect(201)
    assert made["state"] == "active"
    for reference in ("ann", made["id"]):
        assert (await broker.admin.get(f"/v1/accounts/{reference}")).expect(200) == made


async def test_me_tells_who_i_am_and_what_i_may(broker: Running) -> None:
    ann = await broker.client("ann", quota=3, submit_all_apps=True)
    me = (await ann.get("/v1/me")).expect(200)
    assert me["account"]["name"] == "ann"
    assert me["privileges"] == {"submit_all_apps": True, "admin_all_apps": False}
    assert (me["quota"]["quota"], me["quota"]["weight"]) == (3, 3)


async def test_a_taken_name_is_a_conflict(broker: Running) -> None:
    await broker.client("ann")
    (await broker.admin.post("/v1/accounts", {"name": "ann"})).problem(409, "name_taken")


BAD_FIELDS: list[tuple[Any, str]] = [
    ({}, "/name"),
    ({"name": "Ann"}, "/name"),
    ({"name": "account_5"}, "/name"),
    ({"name": "a" * 65}, "/name"),
    ({"name": "ann", "title": "a\u0000b"}, "/title"),
    ({"name": "ann", "title": 7}, "/title"),
    ({"name": "ann", "admin": True}, "/admin"),
    ({"name": "ann", "email": "x" * 201}, "/email"),
    (b"{", ""),
    (b"[]", ""),
    (b'{"name": "\\ud800"}', ""),
    (b"\xff", ""),
]


async def test_a_bad_field_is_named(broker: Running) -> None:
    for body, pointer in BAD_FIELDS:
        reply = await broker.admin.post("/v1/accounts", body)
        reply.problem(422, "invalid_input")
        assert reply.pointers() == [pointer], body


STRANGE_REFERENCES = [
    ("nobody", 404, "not_found"),
    ("account_999999", 404, "not_found"),
    ("account_99999999999", 404, "not_found"),
    ("account_9223372036854775807", 404, "not_found"),
    ("account_9223372036854775808", 422, "invalid_input"),
    ("app_1", 422, "invalid_input"),
    ("account_x", 422, "invalid_input"),
    ("account_" + "9" * 5000, 422, "invalid_input"),
    ("a%00b", 404, "not_found"),
    ("%ff", 404, "not_found"),
    ("..%2fadmin", 404, "not_found"),
    ("admin%20", 404, "not_found"),
    ("ADMIN", 404, "not_found"),
]


async def test_a_strange_reference_is_refused(broker: Running) -> None:
    headers = {"Authorization": f"Bearer {broker.admin.token}"}
    for reference, status, code in STRANGE_REFERENCES:
        url = URL(f"{broker.url}/v1/accounts/{reference}", encoded=True)
        async with broker.session.get(url, headers=headers) as response:
            document = await response.json(content_type="application/problem+json")
        assert (response.status, document["code"]) == (status, code), reference


async def test_only_admins_make_and_administer_accounts(broker: Running) -> None:
    ann, _ = await broker.client("ann"), await broker.client("bob")
    (await ann.post("/v1/accounts", {"name": "eve"})).problem(403, "forbidden")
    for verb in ("suspend", "resume"):
        for target in ("ann", "bob"):
            (await ann.post(f"/v1/accounts/{target}:{verb}")).problem(403, "forbidden")
    (await ann.delete("/v1/accounts/bob")).problem(403, "forbidden")
    (await ann.delete("/v1/accounts/nobody")).problem(404, "not_found")


async def test_an_email_address_is_for_itself_and_admins(broker: Running) -> None:
    ann, bob = await broker.client("ann"), await broker.client("bob")
    (await broker.admin.post("/v1/accounts", {"name": "eve", "email": "e@x"})).expect(201)
    assert (await broker.admin.get("/v1/accounts/eve")).expect(200)["email"] == "e@x"
    assert (await bob.get("/v1/accounts/eve")).expect(200)["email"] is None
    listed = (await ann.get("/v1/accounts")).expect(200)["items"]
    assert {account["email"] for account in listed} == {None}


async def test_a_list_is_paged_newest_first_without_gaps(broker: Running) -> None:
    names = [f"account-{n}" for n in range(7)]
    for name in names:
        (await broker.admin.post("/v1/accounts", {"name": name})).expect(201)
    seen, cursor, pages = [], None, 0
    while True:
        query = f"?limit=3{'&cursor=' + cursor if cursor else ''}"
        page = (await broker.admin.get(f"/v1/accounts{query}")).expect(200)
        assert len(page["items"]) <= 3
        seen += [account["name"] for account in page["items"]]
        pages += 1
        if (cursor := page["next_cursor"]) is None:
            break
    assert seen == [*reversed(names), "admin"]
    assert pages == 3


BAD_PAGES = [
    ("limit=0", "?limit"),
    ("limit=1001", "?limit"),
    ("limit=-1", "?limit"),
    ("limit=x", "?limit"),
    ("limit=" + "9" * 5000, "?limit"),
    ("cursor=", "?cursor"),
    ("cursor=job_5", "?cursor"),
    ("cursor=before_99999999999999999999", "?cursor"),
    ("cursor=%00", "?cursor"),
    ("offset=3", "?offset"),
]


async def test_a_bad_page_is_named(broker: Running) -> None:
    for query, pointer in BAD_PAGES:
        reply = await broker.admin.get(f"/v1/accounts?{query}")
        reply.problem(422, "invalid_input")
        assert reply.pointers() == [pointer], query


async def test_a_suspended_account_is_locked_out_and_comes_back(broker: Running) -> None:
    ann = await broker.client("ann")
    (await ann.get("/v1/me")).expect(200)
    suspended = (await broker.admin.post("/v1/accounts/ann:suspend")).expect(200)
    assert suspended["state"] == "suspended"
    (await ann.get("/v1/me")).problem(401, "unauthenticated")
    assert (await broker.admin.post("/v1/accounts/ann:resume")).expect(200)["state"] == "active"
    (await ann.get("/v1/me")).expect(200)


async def test_jobs_of_a_suspended_account_wait(broker: Running) -> None:
    await broker.app()
    ann = await broker.client("ann", submit_all_apps=True)
    (await broker.admin.post("/v1/accounts/ann:suspend")).expect(200)
    (await broker.admin.post("/v1/accounts/ann:resume")).expect(200)
    (await ann.post("/v1/batches", {"app": "sleep", "jobs": [{}]})).expect(201)
    (await broker.admin.post("/v1/accounts/ann:suspend")).expect(200)
    backlog = broker.services.dispatch.memory.backlog  # the leader reads accounts once a second
    await until(lambda: any(not account.active for account in backlog.accounts.values()))
    agent = await broker.agent()
    assert (await agent.poll(wait=1))["leases"] == []
    (await broker.admin.post("/v1/accounts/ann:resume")).expect(200)
    assert len(await agent.leases(1)) == 1


async def states_of_jobs(broker: Running, name: str) -> dict[str, int]:
    async with broker.services.database.connection() as connection:
        rows = await connection.fetch(
            "SELECT job.state, count(*) FROM job JOIN batch ON batch.id = job.batch_id "
            "JOIN account ON account.id = batch.account_id WHERE account.name = $1 GROUP BY 1",
            name,
        )
    return dict(rows)


async def test_deleting_an_account_ends_what_acts_in_its_name(broker: Running) -> None:
    await broker.app()
    ann = await broker.client("ann", submit_all_apps=True, apps={"sleep": {"admin": True}})
    enrollment = (await ann.post("/v1/enrollments", {})).expect(201)
    anns_host = await broker.agent("anns", owner=ann, slots=0)
    agent = await broker.agent(slots=2)
    for _ in range(2):
        (await ann.post("/v1/batches", {"app": "sleep", "jobs": [{}] * 3})).expect(201)
    leases = await agent.leases(2)

    (await broker.admin.delete("/v1/accounts/ann")).expect(200)

    (await ann.get("/v1/me")).problem(401, "unauthenticated")
    (await anns_host.http.post(f"/v1/hosts/{anns_host.host}:poll", {"free_slots": 0})).expect(401)
    door = Http(broker.url, broker.session, enrollment["token"])
    facts = {"name": "late", "cpus": 1, "memory_mib": 1, "slots": 1}
    (await door.post("/v1/hosts:enroll", {"facts": facts})).problem(401, "unauthenticated")
    assert (await broker.admin.get("/v1/apps/sleep/privileges")).expect(200)["items"] == []
    privileges = (await broker.admin.get("/v1/accounts/ann/privileges")).expect(200)
    assert privileges == {"submit_all_apps": False, "admin_all_apps": False}
    assert await states_of_jobs(broker, "ann") == {"leased": 2, "cancelled": 4}

    told = (await agent.poll(wait=0))["cancel"]
    assert len(told) == 2
    assert await agent.report(leases, "cancelled") == ["ok", "ok"]
    assert await states_of_jobs(broker, "ann") == {"cancelled": 6}
    quota = (await broker.admin.get("/v1/accounts/ann/quota")).expect(200)
    assert quota["jobs_in_progress"] == 0


async def test_a_deleted_account_stays_deleted_and_keeps_its_name(broker: Running) -> None:
    await broker.client("ann")
    await broker.app()
    for path in ("/v1/teams", "/v1/groups"):
        (await broker.admin.post(path, {"name": "lab"})).expect(201)
    (await broker.admin.delete("/v1/accounts/ann")).expect(200)
    (await broker.admin.delete("/v1/accounts/ann")).expect(200)
    assert (await broker.admin.get("/v1/accounts/ann")).expect(200)["state"] == "deleted"
    for method, path, body in (
        ("POST", "/v1/accounts/ann:resume", None),
        ("POST", "/v1/accounts/ann:suspend", None),
        ("POST", "/v1/accounts/ann/tokens", {}),
        ("PUT", "/v1/accounts/ann/privileges", {"submit_all_apps": True}),
        ("PATCH", "/v1/accounts/ann/quota", {"quota": 2}),
        ("PUT", "/v1/apps/sleep/privileges/ann", {"submit": True}),
        ("PUT", "/v1/teams/lab/accounts/ann", None),
        ("PUT", "/v1/groups/lab/accounts/ann", None),
    ):
        problem = (await broker.admin.call(method, path, body)).problem(409, "conflict")
        assert problem["detail"] == "the account ann was deleted"
    for path in ("/v1/teams/lab/accounts", "/v1/groups/lab/accounts"):
        assert (await broker.admin.get(path)).expect(200)["items"] == []
    (await broker.admin.post("/v1/accounts", {"name": "ann"})).problem(409, "name_taken")


async def test_what_slipped_in_while_an_account_was_deleted_is_swept(broker: Running) -> None:
    await broker.app()
    ann = await broker.client("ann", submit_all_apps=True)
    (await ann.post("/v1/batches", {"app": "sleep", "jobs": [{}, {}]})).expect(201)
    async with broker.services.database.connection() as connection:
        await connection.execute("UPDATE account SET state = 'deleted' WHERE name = 'ann'")
    assert await departures.sweep(broker.services.database) == set()
    assert await states_of_jobs(broker, "ann") == {"cancelled": 2}


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/v1/accounts/admin:suspend", None),
        ("DELETE", "/v1/accounts/admin", None),
        ("PUT", "/v1/accounts/admin/privileges", {"submit_all_apps": True}),
    ],
)
async def test_the_last_active_admin_cannot_be_lost(
    broker: Running, method: str, path: str, body: Any
) -> None:
    await broker.client("sleeping", admin_all_apps=True)
    (await broker.admin.post("/v1/accounts/sleeping:suspend")).expect(200)
    (await broker.admin.call(method, path, body)).problem(409, "conflict")
    (await broker.admin.post("/v1/accounts/sleeping:resume")).expect(200)
    (await broker.admin.call(method, path, body)).expect(200)


async def test_two_admins_cannot_demote_each_other_at_once(broker: Running) -> None:
    ann = await broker.client("ann", admin_all_apps=True)
    replies = await asyncio.gather(
        ann.put("/v1/accounts/admin/privileges", {}),
        broker.admin.put("/v1/accounts/ann/privileges", {}),
    )
    won, lost = sorted(reply.status for reply in replies)
    assert won == 200
    assert lost in (403, 409)  # 403: it came so late that its caller was no admin any more


async def test_a_repeated_request_gets_the_first_answer(broker: Running) -> None:
    first = await broker.admin.post("/v1/accounts", {"name": "ann"}, key="k1")
    again = await broker.admin.post("/v1/accounts", {"name": "ann"}, key="k1")
    assert first.expect(201) == again.expect(201)
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"


async def test_a_key_with_another_body_or_path_is_refused(broker: Running) -> None:
    (await broker.admin.post("/v1/accounts", {"name": "ann"}, key="k1")).expect(201)
    for path, body in (("/v1/accounts", {"name": "bob"}), ("/v1/apps", {"name": "ann"})):
        reply = await broker.admin.post(path, body, key="k1")
        reply.problem(409, "idempotency_key_reused")


async def test_a_key_belongs_to_its_account(broker: Running) -> None:
    other = await broker.client("other", admin_all_apps=True)
    (await broker.admin.post("/v1/accounts", {"name": "ann"}, key="k1")).expect(201)
    (await other.post("/v1/accounts", {"name": "bob"}, key="k1")).expect(201)


async def test_a_refused_request_leaves_its_key_free(broker: Running) -> None:
    (await broker.admin.post("/v1/accounts", {"name": "admin"}, key="k1")).expect(409)
    (await broker.admin.post("/v1/accounts", {"name": "ann"}, key="k1")).expect(201)


async def test_many_at_once_with_one_key_make_one_account(broker: Running) -> None:
    replies = await asyncio.gather(
        *(broker.admin.post("/v1/accounts", {"name": "ann"}, key="k1") for _ in range(10))
    )
    bodies = {reply.content for reply in replies}
    assert {reply.status for reply in replies} == {201}
    assert len(bodies) == 1


async def test_a_bad_key_is_named(broker: Running) -> None:
    for key in ("x" * 201, "caf\u00e9", "a\tb"):
        reply = await broker.admin.post("/v1/accounts", {"name": "ann"}, key=key)
        reply.problem(422, "invalid_input")
        assert reply.pointers() == ["Idempotency-Key"], key


@pytest.mark.parametrize("name", ["everyone", "registered"])
async def test_nobody_is_called_like_a_group_of_access_lists(broker: Running, name: str) -> None:
    reply = await broker.admin.post("/v1/accounts", {"name": name})
    reply.problem(422, "invalid_input")
    assert reply.pointers() == ["/name"]
