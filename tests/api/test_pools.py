"""Registered pools over HTTP: whose jobs and whose hosts they take."""

from typing import Any

from tests.api.lab import bind, project
from tests.api.scene import scientist, submit
from tests.support.http import Http
from tests.support.running import Running

POOLS = "/v1/pools"
JOB = {"app": "sleep", "jobs": [{}]}


async def pool(admin: Http, name: str = "fast", **more: Any) -> dict[str, Any]:
    made: dict[str, Any] = (await admin.post(POOLS, {"name": name, **more})).expect(201)
    return made


async def test_a_pool_is_registered_changed_and_forgotten(broker: Running) -> None:
    made = await pool(broker.admin, title="Fast ones")
    assert (made["open"], made["hosts"], made["title"]) == (False, 0, "Fast ones")
    assert (await broker.admin.get(f"{POOLS}/fast")).expect(200) == made
    assert (await broker.admin.get(f"{POOLS}/{made['id']}")).expect(200) == made
    (await broker.admin.post(POOLS, {"name": "fast"})).problem(409, "name_taken")
    names = [p["name"] for p in (await broker.admin.get(POOLS)).expect(200)["items"]]
    assert names == ["fast", "default"]
    opened = (await broker.admin.patch(f"{POOLS}/fast", {"open": True})).expect(200)
    assert (opened["open"], opened["title"]) == (True, "Fast ones")
    rules = {"minimum_run_seconds": 1, "grace_seconds": 1, "jobs_per_minute_max": 1}
    (await broker.admin.put(f"{POOLS}/fast/preemption", rules)).expect(200)
    (await broker.admin.delete(f"{POOLS}/fast")).expect(204)
    assert (await broker.admin.get("/v1/preemptions")).expect(200)["items"] == []


async def test_a_pool_that_was_used_is_not_deleted(broker: Running) -> None:
    await broker.app()
    await pool(broker.admin)
    await broker.agent(pool="fast")
    (await broker.admin.delete(f"{POOLS}/fast")).problem(409, "conflict")
    await pool(broker.admin, "slow", open=True)
    await submit(broker.admin, pool="slow")
    (await broker.admin.delete(f"{POOLS}/slow")).problem(409, "conflict")


async def test_rule_T20_only_managers_register_pools_and_others_see_their_own(
    broker: Running,
) -> None:
    ann, bob = await broker.client("ann"), await broker.client("bob")
    shown = await pool(broker.admin, entries=[{"principal": "ann", "roles": ["reader"]}])
    for reply in (
        await ann.post(POOLS, {"name": "mine"}),
        await ann.patch(f"{POOLS}/fast", {"open": True}),
        await ann.delete(f"{POOLS}/fast"),
    ):
        reply.problem(403, "forbidden")
    seen = (await ann.get(POOLS)).expect(200)["items"]
    assert [p["name"] for p in seen] == ["fast", "default"]
    assert [p["name"] for p in (await bob.get(POOLS)).expect(200)["items"]] == ["default"]
    unseen = await bob.get(f"{POOLS}/{shown['id']}")
    unseen.problem(404, "not_found")
    absent = await bob.get(f"{POOLS}/pool_999")
    assert unseen.content.replace(shown["id"].encode(), b"pool_999") == absent.content


async def test_rule_T20_a_closed_pool_takes_jobs_of_bound_projects_only(broker: Running) -> None:
    await broker.app()
    ann = await scientist(broker)
    await pool(broker.admin)
    where = await project(broker, "lab", {"ann": "executor"})
    other = await project(broker, "elsewhere", {"ann": "executor"})
    await bind(broker, where, "fast")
    for body in (JOB, {**JOB, "project": other}):
        reply = await ann.post("/v1/batches", {**body, "pool": "fast"})
        reply.problem(403, "forbidden")
        assert reply.pointers() == ["/pool"]
    batch = await submit(ann, project="lab", pool="fast")
    agent = await broker.agent(pool="fast")
    (lease,) = await agent.leases()
    assert lease["batch"] == batch
    # a rerun asks again
    await agent.report([lease], "failed")
    (await broker.admin.delete(f"/v1/projects/{where}/bindings/fast")).expect(204)
    reply = await ann.post(f"/v1/batches/{batch}:rerun", {"only": "all"})
    reply.problem(403, "forbidden")
    assert reply.pointers() == ["/pool"]


async def test_rule_T20_who_waited_in_a_pool_that_was_closed_gets_no_slot_of_it(
    broker: Running,
) -> None:
    await broker.app()
    ann = await scientist(broker)
    where = await project(broker, "lab", {"ann": "executor"})
    before = await submit(ann, pool="fast")  # nobody's pool
    await pool(broker.admin)
    await bind(broker, where, "fast")
    batch = await submit(ann, project="lab", pool="fast")  # of the same lane
    leases = await (await broker.agent(pool="fast")).leases(2)
    said = {lease["batch"]: lease.get("refused") for lease in leases}
    assert said == {before: "the pool is not bound to the project", batch: None}


async def test_a_closed_pool_takes_hosts_by_a_role_on_it(broker: Running) -> None:
    ann, bob = await broker.client("ann"), await broker.client("bob")
    await pool(broker.admin, entries=[{"principal": "ann", "roles": ["editor"]}])
    await broker.agent(owner=ann, pool="fast")
    reply = await bob.post("/v1/enrollments", {"pool": "fast"})
    assert "editor" in reply.problem(403, "forbidden")["detail"]
    assert reply.pointers() == ["/pool"]
    await broker.agent(owner=bob, pool="default")  # open
    await broker.agent(owner=bob, pool="nobodys")  # not registered
    assert (await ann.get(f"{POOLS}/fast")).expect(200)["hosts"] == 1


async def test_a_host_does_not_choose_a_pool_that_its_owner_may_not_join(broker: Running) -> None:
    bob = await broker.client("bob")
    await pool(broker.admin)
    token = (await bob.post("/v1/enrollments", {"pool": "default"})).expect(201)["token"]
    door = Http(broker.url, broker.session, token)
    facts = {"name": "h", "cpus": 8, "memory_mib": 32_000, "slots": 4}
    reply = await door.post("/v1/hosts:enroll", {"facts": facts, "pool": "fast"})
    reply.problem(403, "forbidden")
    (await door.post("/v1/hosts:enroll", {"facts": facts})).expect(201)  # it was not spent


async def test_a_pool_that_was_closed_meanwhile_takes_no_host(broker: Running) -> None:
    bob = await broker.client("bob")
    await pool(broker.admin, open=True)
    token = (await bob.post("/v1/enrollments", {"pool": "fast"})).expect(201)["token"]
    (await broker.admin.patch(f"{POOLS}/fast", {"open": False})).expect(200)
    door = Http(broker.url, broker.session, token)
    facts = {"name": "h", "cpus": 8, "memory_mib": 32_000, "slots": 4}
    (await door.post("/v1/hosts:enroll", {"facts": facts})).problem(403, "forbidden")
