"""Jobs that use data roots, over HTTP: what a submission needs, and what a host is told."""

import asyncio
from typing import Any

import orjson
import pytest

from tests.api.lab import Lab, bind, lab, project, root, share
from tests.api.scene import job_of
from tests.support.http import Http, Reply
from tests.support.running import SLEEP, Running

READER = {**SLEEP, "inputs": {"movie": {}, "mask": {"required": False}}}


def job(place: str = "one:set/a.mrc", **more: str) -> dict[str, Any]:
    places = {"movie": place, **more}
    return {"inputs": {name: {"data": where} for name, where in places.items()}}


async def post(who: Http, where: str, *jobs: dict[str, Any], query: str = "", **more: Any) -> Reply:
    body = {"app": "reader", "project": where, "jobs": list(jobs), **more}
    return await who.post(f"/v1/batches{query}", body)


async def lines(who: Http, where: str, *jobs: dict[str, Any], **more: Any) -> Reply:
    head = {"app": "reader", "project": where, **more}
    text = b"\n".join(orjson.dumps(each) for each in (head, *jobs))
    return await who.post("/v1/batches", text, headers={"Content-Type": "application/x-ndjson"})


async def one_lab(broker: Running, **more: Any) -> Lab:
    await broker.app("reader", READER)
    return await lab(broker, "one", 1001, **more)


async def test_rules_T15_C5_a_lease_says_where_the_data_lies_and_under_which_ids(
    broker: Running,
) -> None:
    mine = await one_lab(broker)
    await root(broker, "ref", public=True, access={"one-member": "downloader"})
    await bind(broker, mine.project, "ref")
    receipt = await post(
        mine.member,
        mine.project,
        job(mask="ref:masks/50%2e%2e.mrc"),
        job(f"{mine.root}:set/b c.mrc"),
        outputs_to="one:results/day 1",
    )
    batch = receipt.expect(201)["id"]
    agent = await broker.agent()
    first, second = sorted(await agent.leases(2), key=lambda lease: lease["job"])
    ids = {"uid": 1001, "gid": 1001, "public": False, "root": mine.root, "root_path": "/data/one"}
    results = {**ids, "input": None, "path": "results/day 1", "mode": "write"}
    movie = {**ids, "input": "movie", "mode": "read"}
    assert first["data"][:2] == [results, {**movie, "path": "set/a.mrc"}]
    mask = first["data"][2]
    assert (mask["input"], mask["public"], mask["path"]) == ("mask", True, "masks/50%2e%2e.mrc")
    assert second["data"] == [results, {**movie, "path": "set/b c.mrc"}]
    assert "refused" not in first
    shown = (await mine.member.get(f"/v1/jobs/{job_of(batch)}")).expect(200)
    assert shown["inputs"] == {
        "movie": {"data": "one:set/a.mrc"},
        "mask": {"data": "ref:masks/50%2e%2e.mrc"},
    }
    assert [use["path"] for use in shown["data"]] == [
        "results/day 1",
        "set/a.mrc",
        "masks/50%2e%2e.mrc",
    ]


async def test_jobs_of_a_lane_may_use_different_data(broker: Running) -> None:
    one = await one_lab(broker)
    two = await root(broker, "two", uid=2002, gid=2002, access={"one-member": "editor"})
    await bind(broker, one.project, two)
    (await post(one.member, one.project, job("two:a"))).expect(201)
    (await post(one.member, one.project, job("one:a"))).expect(201)
    (await post(one.member, one.project, {"inputs": {"movie": {"text": "inline"}}})).expect(201)
    leases = await (await broker.agent()).leases(3)
    assert sorted(use["uid"] for lease in leases for use in lease.get("data", ())) == [1001, 2002]
    async with broker.services.database.connection() as connection:
        assert await connection.fetchval("SELECT count(*) FROM lane") == 1


async def test_rule_C1_another_labs_root_looks_absent(broker: Running) -> None:
    one, two = await one_lab(broker), await lab(broker, "two", 1002)
    for name in ("two", two.root):
        unseen = await post(one.member, one.project, job(f"{name}:a"))
        unseen.problem(422, "invalid_input")
        assert unseen.pointers() == ["/jobs/0/inputs/movie/data"]
        missing = {"two": "who", two.root: "root_99"}[name]
        absent = await post(one.member, one.project, job(f"{missing}:a"))
        assert unseen.json["detail"].replace(name, missing) == absent.json["detail"]
        assert absent.pointers() == unseen.pointers()
    unseen = await post(one.member, one.project, job(), outputs_to="two:a")
    unseen.problem(422, "invalid_input")
    assert unseen.pointers() == ["/outputs_to"]
    assert (await one.member.get("/v1/batches")).expect(200)["items"] == []


async def test_rule_T15_a_root_must_be_bound_in_the_wanted_mode(broker: Running) -> None:
    one = await one_lab(broker, mode="read")
    (await post(one.member, one.project, job())).expect(201)
    reply = await post(one.member, one.project, job(), outputs_to="one:out")
    assert "for reading only" in reply.problem(403, "forbidden")["detail"]
    assert reply.pointers() == ["/outputs_to"]
    elsewhere = await project(broker, "elsewhere", {"one-member": "executor"})
    for send in (post, lines):
        reply = await send(one.member, elsewhere, {"inputs": {"movie": {"text": ""}}}, job())
        assert "not bound to the project" in reply.problem(403, "forbidden")["detail"]
    assert reply.pointers() == ["line 3: /inputs/movie/data"]


async def test_rule_T15_a_reader_of_a_root_only_views(broker: Running) -> None:
    one = await one_lab(broker)
    number = int(one.root.removeprefix("root_"))
    for role, reads, writes in (
        ("reader", 403, 403),
        ("downloader", 201, 403),
        ("executor", 201, 403),
        ("editor", 201, 201),
    ):
        await share(broker, number, {"one-member": role})
        (await one.member.get(f"/v1/data-roots/{one.root}")).expect(200)
        assert (await post(one.member, one.project, job())).status == reads, role
        reply = await post(one.member, one.project, job(), outputs_to="one:out")
        assert reply.status == writes, role


async def test_rule_C5_private_roots_of_a_batch_share_one_uid_and_gid(broker: Running) -> None:
    one = await one_lab(broker)
    await root(broker, "same", uid=1001, gid=1001, access={"one-member": "editor"})
    await root(broker, "other", uid=1001, gid=7, access={"one-member": "editor"})
    await root(broker, "open", uid=9, gid=9, public=True, access={"one-member": "editor"})
    for name in ("same", "other", "open"):
        await bind(broker, one.project, name, "write")
    for mask in ("same:m", "open:m"):
        (await post(one.member, one.project, job(mask=mask))).expect(201)
    for send, pointer in ((post, "/jobs/1/inputs/mask/data"), (lines, "line 3: /inputs/mask/data")):
        reply = await send(one.member, one.project, job(), job("one:b", mask="other:m"))
        assert "one uid and gid" in reply.problem(403, "forbidden")["detail"]
        assert reply.pointers() == [pointer]
    # also over the whole batch: its jobs run under one account
    reply = await post(one.member, one.project, job(), job("other:b"))
    reply.problem(403, "forbidden")
    reply = await post(one.member, one.project, job(), outputs_to="other:out")
    reply.problem(403, "forbidden")


@pytest.mark.parametrize(
    "place",
    [
        "one:../two/a",
        "one:a/../../two",
        "one:/etc/passwd",
        "one:a//b",
        "one:./a",
        "one:a/.",
        "one:a\\b",
        "one:a\u0000b",
        "one:a\nb",
        "one:\u202ea",
        "one:",
        ":a/b",
        "one/a/b",
        "one:" + "a" * 256,
        "one:" + "a/" * 64 + "a",
    ],
)
async def test_a_hostile_path_is_named_and_nothing_is_stored(broker: Running, place: str) -> None:
    one = await one_lab(broker)
    reply = await post(one.member, one.project, job(), job(place))
    reply.problem(422, "invalid_input")
    assert reply.pointers() == ["/jobs/1/inputs/movie/data"]
    reply = await lines(one.member, one.project, job(), job(place))
    reply.problem(422, "invalid_input")
    assert reply.pointers() == ["line 3: /inputs/movie/data"]
    reply = await post(one.member, one.project, job(), outputs_to=place)
    reply.problem(422, "invalid_input")
    assert reply.pointers() == ["/outputs_to"]
    assert (await one.member.get("/v1/batches")).expect(200)["items"] == []


async def test_an_input_has_one_source(broker: Running) -> None:
    one = await one_lab(broker)
    two_sources = {"inputs": {"movie": {"data": "one:a", "text": "x"}}}
    reply = await post(one.member, one.project, two_sources)
    reply.problem(422, "invalid_input")
    assert reply.pointers() == ["/jobs/0/inputs/movie"]


async def test_a_dry_run_asks_for_the_data_too(broker: Running) -> None:
    one, two = await one_lab(broker), await lab(broker, "two", 1002)
    good = await post(one.member, one.project, job(), query="?dry_run=true")
    assert good.expect(200)["jobs"] == 1
    (await post(two.member, two.project, job(), query="?dry_run=true")).problem(
        422, "invalid_input"
    )


async def test_a_stream_of_many_jobs_with_data_is_all_or_nothing(broker: Running) -> None:
    one = await one_lab(broker)
    many = [job(f"one:set/{number}.mrc") for number in range(2_500)]
    (await lines(one.member, one.project, *many, job("two:x"))).problem(422, "invalid_input")
    assert (await one.member.get("/v1/batches")).expect(200)["items"] == []
    assert (await lines(one.member, one.project, *many)).expect(201)["jobs"] == 2_500
    async with broker.services.database.connection() as connection:
        rows = await connection.fetch("SELECT root_id, mode FROM batch_root")
        assert [tuple(row) for row in rows] == [(int(one.root.removeprefix("root_")), "read")]
        assert await connection.fetchval("SELECT count(*) FROM job WHERE data IS NULL") == 0


# -- later ----------------------------------------------------------------------------------


async def test_rules_Y5_H13_who_lost_a_root_gets_no_path_to_it_with_a_lease(
    broker: Running,
) -> None:
    one = await one_lab(broker)
    (await post(one.member, one.project, job())).expect(201)
    await share(broker, int(one.root.removeprefix("root_")), {"one-member": "reader"})
    (lease,) = await (await broker.agent()).leases()
    assert "data" not in lease
    assert lease["refused"] == "you may not read the data root"
    assert "inputs" not in lease
    assert "/data/one" not in str(lease)


async def test_a_root_that_was_unbound_is_not_leased(broker: Running) -> None:
    one = await one_lab(broker)
    (await post(one.member, one.project, job())).expect(201)
    (await broker.admin.delete(f"/v1/projects/{one.project}/bindings/one")).expect(204)
    (lease,) = await (await broker.agent()).leases()
    assert lease["refused"] == "the data root is not bound to the project"


async def test_a_rerun_asks_for_everything_again(broker: Running) -> None:
    one = await one_lab(broker)
    batch = (await post(one.member, one.project, job(), outputs_to="one:out")).expect(201)["id"]
    agent = await broker.agent()
    await agent.report(await agent.leases(), "failed")
    again = (await one.member.post(f"/v1/batches/{batch}:rerun", {"only": "all"})).expect(201)
    (lease,) = await agent.leases()
    assert [use["path"] for use in lease["data"]] == ["out", "set/a.mrc"]
    await agent.report([lease], "failed")
    await bind(broker, one.project, "one", "read")
    for each in (batch, again["id"]):
        reply = await one.member.post(f"/v1/batches/{each}:rerun", {"only": "failed"})
        assert "for reading only" in reply.problem(403, "forbidden")["detail"]
    await bind(broker, one.project, "one", "write")
    # another member of the project without a role on the root reruns nothing with it
    await broker.client("new", submit_all_apps=True)
    await share(
        broker, int(one.project.removeprefix("project_")), {"one-member": "owner", "new": "owner"}
    )
    token = (await broker.admin.post("/v1/accounts/new/tokens", {})).expect(201)["token"]
    new = Http(broker.url, broker.session, token)
    reply = await new.post(f"/v1/batches/{batch}:rerun", {"only": "all"})
    reply.problem(422, "invalid_input")


async def test_a_root_is_not_deleted_while_a_batch_uses_it_nor_mistaken_afterwards(
    broker: Running,
) -> None:
    one = await one_lab(broker)
    batch = (await post(one.member, one.project, job())).expect(201)["id"]
    (await broker.admin.delete(f"/v1/projects/{one.project}/bindings/one")).expect(204)
    reply = await broker.admin.delete("/v1/data-roots/one")
    assert "1 batches use it" in reply.problem(409, "conflict")["detail"]
    (await one.member.post(f"/v1/batches/{batch}:cancel")).expect(200)
    (await broker.admin.delete("/v1/data-roots/one")).expect(204)
    # one that gets its name is another root
    await root(broker, "one", uid=3, gid=3, access={"one-member": "writer"})
    await bind(broker, one.project, "one", "write")
    reply = await one.member.post(f"/v1/batches/{batch}:rerun", {"only": "all"})
    assert one.root in reply.problem(422, "invalid_input")["detail"]


async def test_every_member_of_a_gang_is_told_of_the_data(broker: Running) -> None:
    one = await one_lab(broker)
    hosts = [await broker.agent(f"h{number}", slots=1) for number in range(2)]
    (await post(one.member, one.project, job(), resources={"hosts": 2})).expect(201)
    for (lease,) in await asyncio.gather(*(host.leases() for host in hosts)):
        assert lease["gang"]["size"] == 2
        assert [use["path"] for use in lease["data"]] == ["set/a.mrc"]
