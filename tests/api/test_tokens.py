"""Tokens: shown once, revoked, expired, unknown; and who may make them."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from broker.services.people.bearer_tokens import BearerTokens
from broker.services.requests.identity import Identity
from tests.support.http import Http
from tests.support.running import Running


async def test_a_new_token_works_until_it_is_revoked(broker: Running) -> None:
    ann = await broker.client("ann")
    made = (await ann.post("/v1/accounts/ann/tokens", {"name": "laptop"})).expect(201)
    laptop = Http(broker.url, broker.session, made["token"])
    (await laptop.get("/v1/me")).expect(200)
    (await ann.delete(f"/v1/accounts/ann/tokens/{made['id']}")).expect(204)
    (await laptop.get("/v1/me")).problem(401, "unauthenticated")
    (await ann.delete(f"/v1/accounts/ann/tokens/{made['id']}")).expect(204)


async def test_an_expired_token_is_refused(broker: Running) -> None:
    ann = await broker.client("ann")
    made = (await ann.post("/v1/accounts/ann/tokens", {})).expect(201)
    async with broker.services.database.connection() as connection:
        await connection.execute(
            "UPDATE token SET expires_at = now() - interval '1 second' WHERE id = $1",
            int(made["id"].removeprefix("token_")),
        )
    reply = await Http(broker.url, broker.session, made["token"]).get("/v1/me")
    assert "expired" in reply.problem(401, "unauthenticated")["detail"]


async def test_a_token_that_nobody_made_is_refused(broker: Running) -> None:
    for authorization in (
        None,
        "",
        "Bearer",
        "Bearer ",
        "Bearer flt_",
        "Bearer flt_unknown",
        "Bearer fle_unknown",
        "Basic YTpi",
        f"flt_{broker.admin.token}",
        f"Bearer {broker.admin.token}x",
        "Bearer flt_\u00e9\u00ff",
    ):
        headers = {} if authorization is None else {"Authorization": authorization}
        reply = await broker.anonymous.get("/v1/me", headers=headers)
        reply.problem(401, "unauthenticated")
        assert reply.headers["WWW-Authenticate"].startswith("Bearer")


async def test_an_expiry_must_lie_in_the_future(broker: Running) -> None:
    past = (datetime.now(UTC) - timedelta(seconds=2)).isoformat()
    bad: list[Any] = [past, "9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00"]
    bad += ["2999-01-01T00:00:00", "tomorrow", 2**63]
    for moment in bad:
        body = {"expires_at": moment}
        for path in ("/v1/accounts/admin/tokens", "/v1/enrollments"):
            reply = await broker.admin.post(path, body)
            reply.problem(422, "invalid_input")
            assert reply.pointers() == ["/expires_at"], moment


async def test_a_list_of_tokens_holds_no_secret(broker: Running) -> None:
    ann = await broker.client("ann")
    later = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    for name in ("one", "two"):
        body = {"name": name, "expires_at": later}
        (await ann.post("/v1/accounts/ann/tokens", body)).expect(201)
    reply = await ann.get("/v1/accounts/ann/tokens")
    assert [token["name"] for token in reply.expect(200)["items"]] == ["two", "one", ""]
    assert b"flt_" not in reply.content


async def test_tokens_are_paged(broker: Running) -> None:
    ann = await broker.client("ann")
    for _ in range(4):
        (await ann.post("/v1/accounts/ann/tokens", {})).expect(201)
    first = (await ann.get("/v1/accounts/ann/tokens?limit=3")).expect(200)
    rest = (await ann.get(f"/v1/accounts/ann/tokens?cursor={first['next_cursor']}")).expect(200)
    ids = [token["id"] for token in first["items"] + rest["items"]]
    assert len(set(ids)) == 5
    assert rest["next_cursor"] is None


async def test_tokens_are_for_the_account_itself_and_admins(broker: Running) -> None:
    ann, bob = await broker.client("ann"), await broker.client("bob")
    (await bob.post("/v1/accounts/ann/tokens", {})).problem(403, "forbidden")
    (await bob.get("/v1/accounts/ann/tokens")).problem(403, "forbidden")
    made = (await broker.admin.post("/v1/accounts/ann/tokens", {})).expect(201)
    (await bob.delete(f"/v1/accounts/ann/tokens/{made['id']}")).problem(403, "forbidden")
    (await Http(broker.url, broker.session, made["token"]).get("/v1/me")).expect(200)
    (await ann.get("/v1/accounts/ann/tokens")).expect(200)


async def test_account_and_token_in_the_path_must_belong_together(broker: Running) -> None:
    ann, bob = await broker.client("ann"), await broker.client("bob")
    anns = (await ann.post("/v1/accounts/ann/tokens", {})).expect(201)
    for caller in (bob, broker.admin):
        reply = await caller.delete(f"/v1/accounts/bob/tokens/{anns['id']}")
        reply.problem(404, "not_found")
    (await Http(broker.url, broker.session, anns["token"]).get("/v1/me")).expect(200)
    reply = await ann.delete("/v1/accounts/ann/tokens/account_1")
    assert reply.problem(422, "invalid_input")
    assert reply.pointers() == ["{token}"]


async def test_a_repeated_request_makes_no_second_token_and_keeps_no_secret(
    broker: Running,
) -> None:
    path = "/v1/accounts/admin/tokens"
    replies = await asyncio.gather(*(broker.admin.post(path, {}, key="k1") for _ in range(5)))
    assert sorted(reply.status for reply in replies) == [201, 409, 409, 409, 409]
    assert len((await broker.admin.get(path)).expect(200)["items"]) == 2
    (await broker.admin.post(path, {"name": "x"}, key="k1")).problem(409, "idempotency_key_reused")
    (await broker.admin.post("/v1/enrollments", {}, key="k2")).expect(201)
    (await broker.admin.post("/v1/enrollments", {}, key="k2")).problem(409, "conflict")


async def test_no_usable_secret_is_in_the_database(broker: Running) -> None:
    made = await broker.admin.post("/v1/accounts/admin/tokens", {"name": "x"}, key="k1")
    invited = await broker.admin.post("/v1/enrollments", {}, key="k2")
    agent = await broker.agent()
    secrets = [made.json["token"], invited.json["token"], agent.http.token, broker.admin.token]
    async with broker.services.database.connection() as connection:
        tables = await connection.fetch(
            "SELECT quote_ident(relname) FROM pg_class "
            "WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
        )
        dump = ""
        for (table,) in tables:
            rows = await connection.fetch(f"SELECT to_jsonb(t)::text FROM {table} AS t")
            dump += "".join(row[0] for row in rows)
        answers = await connection.fetch("SELECT body FROM idempotency")
    dump += "".join(row[0].decode() for row in answers)
    assert "admin" in dump
    for secret in secrets:
        assert secret is not None
        assert secret not in dump
        assert secret.encode().hex() not in dump


async def test_only_hosts_linger_when_they_are_looked_up(broker: Running) -> None:
    agent = await broker.agent()
    asked = []
    services = broker.services
    tokens = BearerTokens(services.database, 1.0, lambda: float(asked.append(1) or 0.0))
    identity = Identity(services.access, [tokens])
    await identity.authenticate(f"Bearer {broker.admin.token}")
    assert not asked
    assert (await identity.authenticate(f"Bearer {agent.http.token}")).host_id
    assert asked == [1]
    await identity.authenticate(f"Bearer {agent.http.token}")
    assert asked == [1], "remembered: an active host waits for nobody"
