"""Data roots over HTTP: who sees one, what a path may be, and what keeps one from being deleted."""

import asyncio

import pytest

from tests.api.lab import ROOTS, bind, lab, project, root
from tests.support.http import Reply
from tests.support.running import SLEEP, Running
from tests.support.until import until

BODY = {"name": "lab1", "path": "/data/lab1", "uid": 5001, "gid": 6001}


def etag(reply: Reply) -> str:
    return {name.lower(): value for name, value in reply.headers.items()}["etag"]


async def test_a_data_root_comes_back_as_it_was_made(broker: Running) -> None:
    body = {**BODY, "title": "Lab 1", "path": "//data/./lab1/", "public": True}
    made = (await broker.admin.post(ROOTS, body)).expect(201)
    assert made["path"] == "/data/lab1"
    assert (made["uid"], made["gid"], made["public"]) == (5001, 6001, True)
    assert (made["import_enabled"], made["title"]) == (True, "Lab 1")
    assert (await broker.admin.get(f"{ROOTS}/lab1")).expect(200) == made
    assert (await broker.admin.get(f"{ROOTS}/{made['id']}")).expect(200) == made
    (await broker.admin.post(ROOTS, BODY)).problem(409, "name_taken")


async def test_rules_C1_C6_a_list_holds_only_the_roots_of_ones_own_lab(broker: Running) -> None:
    one, two = await lab(broker, "one", 1001), await lab(broker, "two", 1002)
    for mine, other in ((one, two), (two, one)):
        items = (await mine.member.get(ROOTS)).expect(200)["items"]
        assert [item["id"] for item in items] == [mine.root]
        unseen = await mine.member.get(f"{ROOTS}/{other.root}")
        unseen.problem(404, "not_found")
        absent = await mine.member.get(f"{ROOTS}/root_999")
        assert unseen.content.replace(other.root.encode(), b"root_999") == absent.content
    items = (await broker.admin.get(ROOTS)).expect(200)["items"]
    assert [item["id"] for item in items] == [two.root, one.root]


async def test_rules_T4_T14_only_managers_register_and_bind_roots(broker: Running) -> None:
    mine = await lab(broker, "one", 1001)
    path = f"/v1/projects/{mine.project}/bindings/{mine.root}"
    for reply in (
        await mine.member.post(ROOTS, BODY),
        await mine.member.patch(f"{ROOTS}/{mine.root}", {"path": "/data/two"}),
        await mine.member.delete(f"{ROOTS}/{mine.root}"),
        await mine.member.put(path, {"mode": "write"}),
        await mine.member.delete(path),
    ):
        assert "manager" in reply.problem(403, "forbidden")["detail"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("path", "data/lab1"),
        ("path", "/"),
        ("path", "//./"),
        ("path", "/data/../etc"),
        ("path", "/data/.."),
        ("path", "/data\\lab1"),
        ("path", "/data/\u0000"),
        ("path", "/data/a\nb"),
        ("path", "/data/\u202egnp"),
        ("path", "/" + "a" * 300),
        ("path", "/a" * 600),
        ("uid", 0),
        ("uid", -1),
        ("gid", 0),
        ("gid", 2**31),
        ("name", "lab_1"),
    ],
)
async def test_a_bad_field_is_named_and_nothing_is_stored(
    broker: Running, field: str, value: object
) -> None:
    reply = await broker.admin.post(ROOTS, {**BODY, field: value})
    reply.problem(422, "invalid_input")
    assert reply.pointers() == [f"/{field}"]
    assert (await broker.admin.get(ROOTS)).expect(200)["items"] == []


async def test_a_bad_entry_of_the_first_access_list_is_named(broker: Running) -> None:
    await broker.client("ann")
    ann = {"principal": "ann", "roles": ["reader"]}
    for principal, role, pointer in (
        ("nobody", "reader", "/entries/1/principal"),
        ("team:nobody", "reader", "/entries/1/principal"),
        ("ann", "reader", "/entries/1/principal"),
        ("everyone", "editor", "/entries/1/roles"),
        ("registered", "owner", "/entries/1/roles"),
        ("team_1", "manager", "/entries/1/principal"),
        ("admin", "manager", "/entries/1/roles"),
        ("admin", "emperor", "/entries/1/roles/0"),
    ):
        entry = {"principal": principal, "roles": [role]}
        reply = await broker.admin.post(ROOTS, {**BODY, "entries": [ann, entry]})
        reply.problem(422, "invalid_input")
        assert reply.pointers() == [pointer]
    assert (await broker.admin.get(ROOTS)).expect(200)["items"] == []


async def test_rule_C3_roots_overlap_only_under_one_uid_and_gid(broker: Running) -> None:
    await root(broker, "one", path="/data/one", uid=1001, gid=1001)
    for path in ("/data/one", "/data", "/data/one/deeper"):
        reply = await broker.admin.post(ROOTS, {**BODY, "name": "two", "path": path})
        reply.problem(422, "invalid_input")
        assert reply.pointers() == ["/path"]
    same = await root(broker, "deep", path="/data/one/deep", uid=1001, gid=1001)
    await root(broker, "ones", path="/data/ones")  # a longer name, another place
    reply = await broker.admin.patch(f"{ROOTS}/{same}", {"uid": 7})
    reply.problem(422, "invalid_input")


async def test_two_managers_do_not_overwrite_each_other(broker: Running) -> None:
    await root(broker, "one")
    first = etag(await broker.admin.get(f"{ROOTS}/one"))
    changed = await broker.admin.patch(
        f"{ROOTS}/one", {"title": "One", "import_enabled": False}, headers={"If-Match": first}
    )
    body = changed.expect(200)
    assert (body["title"], body["import_enabled"], body["uid"]) == ("One", False, 5001)
    assert etag(changed) != first
    late = await broker.admin.patch(f"{ROOTS}/one", {"title": "Two"}, headers={"If-Match": first})
    late.problem(412, "precondition_failed")
    assert (await broker.admin.get(f"{ROOTS}/one")).expect(200)["title"] == "One"


async def test_a_root_that_is_bound_is_not_deleted(broker: Running) -> None:
    made, where = await root(broker, "one"), await project(broker, "p")
    await bind(broker, where, made)
    (await broker.admin.delete(f"{ROOTS}/one")).problem(409, "conflict")
    (await broker.admin.delete("/v1/projects/p/bindings/one")).expect(204)
    (await broker.admin.delete(f"{ROOTS}/one")).expect(204)
    (await broker.admin.get(f"{ROOTS}/one")).problem(404, "not_found")
    again = await root(broker, "one")
    assert again != made


async def test_a_root_that_is_bound_at_the_same_moment_is_not_deleted(broker: Running) -> None:
    made, where = await root(broker, "one"), await project(broker, "p")
    numbers = [int(each.rpartition("_")[2]) for each in (where, made)]
    async with broker.services.database.transaction() as connection:
        await connection.execute(
            "INSERT INTO binding (project_id, node_id) VALUES ($1, $2)", *numbers
        )
        deleting = asyncio.create_task(broker.admin.delete(f"{ROOTS}/one"))

        async def waits() -> bool:
            query = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
            return bool(await connection.fetchval(query))

        await until(waits)
    (await deleting).problem(409, "conflict")
    (await broker.admin.get(f"{ROOTS}/one")).expect(200)


async def test_rule_T16_a_public_root_is_everybodys_a_labs_root_its_members(
    broker: Running,
) -> None:
    one, two = await lab(broker, "one", 1001), await lab(broker, "two", 1002)
    all_of_them = [{"principal": "registered", "roles": ["downloader"]}]
    body = {**BODY, "name": "ref", "path": "/ref", "public": True, "entries": all_of_them}
    public = (await broker.admin.post(ROOTS, body)).expect(201)
    for each in (one, two):
        seen = (await each.member.get(ROOTS)).expect(200)["items"]
        assert [item["id"] for item in seen] == [public["id"], each.root]
    await broker.app("reader", {**SLEEP, "inputs": {"own": {}, "shared": {}}})
    for each in (one, two):
        inputs = {"own": {"data": f"{each.name}:a"}, "shared": {"data": "ref:genome"}}
        batch = {"app": "reader", "project": each.project, "jobs": [{"inputs": inputs}]}
        (await each.member.post("/v1/batches", batch)).problem(403, "forbidden")
        await bind(broker, each.project, "ref")
        (await each.member.post("/v1/batches", batch)).expect(201)
        (await each.member.post("/v1/batches", {**batch, "outputs_to": "ref:out"})).problem(
            403, "forbidden"
        )


# -- bindings -------------------------------------------------------------------------------


async def test_rules_T14_T15_T20_managers_bind_roots_and_pools_to_projects(
    broker: Running,
) -> None:
    mine = await lab(broker, "one", 1001, mode="read")
    (await broker.admin.post("/v1/pools", {"name": "fast"})).expect(201)
    bindings = f"/v1/projects/{mine.project}/bindings"
    pool = (await broker.admin.put(f"{bindings}/fast", {})).expect(200)
    assert (pool["kind"], pool["name"], pool["mode"]) == ("pool", "fast", None)
    changed = (await broker.admin.put(f"{bindings}/one", {"mode": "write"})).expect(200)
    assert (changed["id"], changed["mode"]) == (mine.root, "write")
    items = (await broker.admin.get(bindings)).expect(200)["items"]
    assert items == [pool, changed]
    # a member sees what is bound and shown to it: nobody showed it the pool
    assert (await mine.member.get(bindings)).expect(200)["items"] == [changed]
    (await mine.member.get(f"{bindings}/{pool['id']}")).problem(404, "not_found")
    assert (await mine.member.get(f"{bindings}/one")).expect(200) == changed
    (await broker.admin.delete(f"{bindings}/{pool['id']}")).expect(204)
    (await broker.admin.delete(f"{bindings}/fast")).problem(404, "not_found")
    twin = (await broker.admin.post("/v1/pools", {"name": "one"})).expect(201)
    for name, node in (("pool:one", twin["id"]), ("root:one", mine.root), ("one", mine.root)):
        bound = (await broker.admin.put(f"{bindings}/{name}", {})).expect(200)
        assert bound["id"] == node
    for bad in ("nowhere", "root_999", "pool_999", "account_1", "app:one", "pool:root_9"):
        assert (await broker.admin.put(f"{bindings}/{bad}", {})).status in (404, 422)
    reply = await broker.admin.put(f"{bindings}/one", {"mode": "delete"})
    reply.problem(422, "invalid_input")


async def test_rule_C2_another_labs_bindings_are_not_to_be_seen(broker: Running) -> None:
    one, two = await lab(broker, "one", 1001), await lab(broker, "two", 1002)
    unseen = await two.member.get(f"/v1/projects/{one.project}/bindings")
    unseen.problem(404, "not_found")
    absent = await two.member.get("/v1/projects/project_999/bindings")
    assert unseen.content.replace(one.project.encode(), b"project_999") == absent.content
