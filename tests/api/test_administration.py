"""Who is an admin, what that brings, and that there is one truth about it."""

from typing import Any

from broker.client import AsyncClient
from tests.api.scene import WRITER, put_output, scientist, submit
from tests.api.test_access import ids
from tests.api.trees import entries, folder, project, share
from tests.support.http import Http
from tests.support.running import Running


async def privileges(broker: Running, name: str, **rights: bool) -> None:
    (await broker.admin.put(f"/v1/accounts/{name}/privileges", rights)).expect(200)


async def test_rule_B1_a_submitter_may_volunteer_hosts_and_earns_by_them(broker: Running) -> None:
    await broker.app()
    ann = await scientist(broker)
    batch = await submit(ann)
    mine = await broker.agent("anns", owner=ann)
    (lease,) = await mine.leases(1)
    assert await mine.report([lease]) == ["ok"]
    (host,) = (await ann.get("/v1/hosts")).expect(200)["items"]
    assert (host["id"], host["account_name"]) == (mine.host, "ann")
    assert (await ann.get(f"/v1/batches/{batch}")).expect(200)["counts"]["succeeded"] == 1
    (await ann.post(f"/v1/hosts/{mine.host}:drain")).expect(200)


async def test_rule_B2_thousands_of_accounts_come_and_go(broker: Running) -> None:
    await broker.app()
    async with broker.services.database.transaction() as connection:
        await connection.execute(
            """
            WITH new AS (
                INSERT INTO account (name)
                SELECT 'user-' || n FROM generate_series(1, 2000) AS n RETURNING id
            ), rights AS (INSERT INTO user_submit (account_id) SELECT id FROM new)
            INSERT INTO account_usage (account_id) SELECT id FROM new
            """,
            timeout=60,
        )
    await broker.services.access.catch_up()
    world = broker.services.access.world
    assert len(world.accounts) == 2_001
    seen = set()
    for name in ("first", "second", "third"):
        ann = await scientist(broker, name)
        await submit(ann)  # who has come can work at once
        gone = (await broker.admin.delete(f"/v1/accounts/{name}")).expect(200)["account"]["id"]
        (await ann.get("/v1/me")).problem(401, "unauthenticated")
        assert gone not in seen, "an id was given twice"
        seen.add(gone)
    assert broker.services.access.world is world, "only what changed was read"
    found = (await broker.admin.get("/v1/accounts?limit=1000")).expect(200)
    assert len(found["items"]) == 1_000
    assert found["next_cursor"]


async def test_rule_B8_an_admin_grants_and_revokes_anyones_privileges(broker: Running) -> None:
    await broker.app()
    ann = await broker.client("ann")
    body = {"app": "sleep", "jobs": [{}]}
    (await ann.post("/v1/batches", body)).problem(403, "forbidden")
    await privileges(broker, "ann", submit_all_apps=True)
    (await ann.post("/v1/batches", body)).expect(201)
    await privileges(broker, "ann")
    (await ann.post("/v1/batches", body)).problem(403, "forbidden")
    on_app = "/v1/apps/sleep/privileges/ann"
    (await broker.admin.put(on_app, {"admin": True})).expect(200)
    (await ann.post("/v1/apps/sleep/versions", {"spec": WRITER})).expect(201)
    (await broker.admin.delete(on_app)).expect(204)
    (await ann.post("/v1/apps/sleep/versions", {"spec": WRITER})).problem(403, "forbidden")


async def test_rule_B18_a_scientist_needs_a_token_and_nothing_else(broker: Running) -> None:
    await broker.app(spec=WRITER)
    ann = await scientist(broker)
    agent = await broker.agent()
    async with AsyncClient(broker.url, ann.token) as client:
        batch = await client.submit("sleep", jobs=[{"seconds": 0}])
        (lease,) = await agent.leases(1)
        uploaded = await put_output(agent, lease, "result.txt", b"42")
        await agent.report([lease], outputs=[uploaded])
        (job,) = [job async for job in client.jobs(batch=batch.id)]
        assert job.state == "succeeded"
    assert (await ann.get("/v1/accounts/ann/unix")).expect(200)["runs_as"] is None


async def test_rule_H6_being_an_admin_brings_no_objects_of_ones_own(broker: Running) -> None:
    await broker.app()
    ann, bob = await scientist(broker), await scientist(broker, "bob")
    bobs = await submit(bob)
    before = len(broker.services.access.world.nodes)
    await privileges(broker, "ann", admin_all_apps=True, submit_all_apps=True)
    assert len(broker.services.access.world.nodes) == before
    assert await ids(ann, "/v1/batches") == [bobs]
    lab = await project(bob, "lab")
    notes = await folder(ann, lab["id"], "notes")
    (await ann.post(f"/v1/batches/{bobs}:cancel")).expect(200)
    assert await entries(bob, lab["id"]) == {"bob": ["owner"]}
    await privileges(broker, "ann", submit_all_apps=True)
    # what she made there by that role is not hers, and what was hers is still there
    (await ann.get(f"/v1/nodes/{notes['id']}")).problem(404, "not_found")
    assert await ids(ann, "/v1/batches") == []
    assert await ids(ann, f"/v1/batches/{await submit(ann)}/openings") == []


async def test_rules_H14_T18_there_is_one_truth_about_roles_behind_every_door(
    broker: Running, start_broker: Any
) -> None:
    await broker.app()
    ann, _ = await broker.client("ann"), await broker.client("keeper")
    app = (await broker.admin.get("/v1/apps/sleep")).expect(200)["id"]
    # BOINC's privileges and the access list are two views of one thing
    (await broker.admin.put("/v1/apps/sleep/privileges/ann", {"submit": True})).expect(200)
    assert (await entries(broker.admin, app))["ann"] == ["submitter"]
    await share(broker.admin, app, "keeper", "owner")
    path = f"/v1/nodes/{app}/acl/ann"
    (await broker.admin.put(path, {"roles": ["app_admin"]})).expect(200)
    listed = (await broker.admin.get("/v1/apps/sleep/privileges")).expect(200)["items"]
    (grant,) = [each for each in listed if each["account_name"] == "ann"]
    assert (grant["submit"], grant["admin"]) == (False, True)
    # nothing downstream keeps a copy that would have to be edited: Redis may lose everything
    redis = broker.services.queues.redis
    async for key in redis.scan_iter(f"*{broker.services.deployment}*"):
        await redis.delete(key)
    (await ann.post("/v1/apps/sleep/versions", {"spec": WRITER})).expect(201)
    other = await start_broker()
    there = Http(other.url, other.session, ann.token)
    (await there.post("/v1/apps/sleep/versions", {"spec": WRITER})).expect(201)
    (await broker.admin.delete(path)).expect(204)
    for http in (ann, there):
        reply = await http.post("/v1/apps/sleep/versions", {"spec": WRITER})
        reply.problem(403, "forbidden")
