"""Two labs that share the GPUs and cannot see each other (C2, C6)."""

from typing import Any

import orjson

from tests.api import sse
from tests.api.lab import Lab, bind, lab
from tests.api.scene import put_output, write_log
from tests.api.test_shares import row_of
from tests.support.agent import Agent
from tests.support.running import SLEEP, Running

READER = {
    **SLEEP,
    "inputs": {"movie": {}},
    "outputs": {"result.txt": {"required": False}},
}
JOBS = 6


async def submitted(mine: Lab) -> dict[str, Any]:
    jobs = [{"inputs": {"movie": {"data": f"{mine.name}:set/{n}"}}} for n in range(JOBS)]
    body = {"app": "reader", "project": mine.project, "pool": "gpus", "jobs": jobs}
    receipt: dict[str, Any] = (
        await mine.member.post("/v1/batches", {**body, "name": f"of {mine.name}"})
    ).expect(201)
    return receipt


async def two_labs(broker: Running) -> tuple[Lab, Lab, Agent]:
    """Two closed data roots, and one pool that is bound to both projects."""
    await broker.app("reader", READER)
    (await broker.admin.post("/v1/pools", {"name": "gpus"})).expect(201)
    labs = await lab(broker, "one", 1001), await lab(broker, "two", 1002)
    for each in labs:
        await bind(broker, each.project, "gpus")
    return *labs, await broker.agent(pool="gpus", slots=4)


async def test_rule_C6_isolated_labs_each_get_their_share_of_one_pool(broker: Running) -> None:
    one, two, agent = await two_labs(broker)
    first, second = await submitted(one), await submitted(two)
    for each in (one, two):  # an ask before that would be all of the first
        await row_of(broker.admin, f"{each.name}-member", pending_jobs=JOBS)
    leases = await agent.leases(4)
    of = [lease["batch"] for lease in leases]
    assert of.count(first["id"]) == of.count(second["id"]) == 2
    for lease in leases:
        (use,) = lease["data"]
        mine = one if lease["batch"] == first["id"] else two
        assert (use["root"], use["root_path"]) == (mine.root, f"/data/{mine.name}")
    # what one lab leaves goes to the other: nobody is held back by isolation
    (await one.member.post(f"/v1/batches/{first['id']}:cancel")).expect(200)
    await agent.report([lease for lease in leases if lease["batch"] == first["id"]], "cancelled")
    assert {lease["batch"] for lease in await agent.leases(2)} == {second["id"]}


async def test_rules_C1_C2_C6_neither_lab_sees_anything_of_the_other(broker: Running) -> None:
    one, two, agent = await two_labs(broker)
    async with sse.stream(two.member, "/v1/events") as events:
        first = await submitted(one)
        leases = await agent.leases(4)
        await write_log(agent, leases[0], b"secret of lab one\n")
        await put_output(agent, leases[0], "result.txt", b"secret")
        await agent.report(leases[:1])
        second = await submitted(two)
        # of all that happened, the first thing that it hears of is its own
        assert (await events.data())["batch"] == second["id"]
    where = {"root": one.root, "paths": ["set/0"]}
    imported = await one.member.post(f"/v1/projects/{one.project}/imports", where)
    (file,) = imported.expect(201)["items"]
    job = f"/v1/jobs/{leases[0]['job']}"

    for path in (
        f"/v1/data-roots/{one.root}",
        "/v1/data-roots/one",
        f"/v1/projects/{one.project}",
        "/v1/projects/one",
        f"/v1/projects/{one.project}/bindings",
        f"/v1/projects/{one.project}/imports",
        f"/v1/nodes/{one.project}",
        f"/v1/nodes/{one.root}",
        f"/v1/nodes/{file['id']}",
        f"/v1/batches/{first['id']}",
        *(job + rest for rest in ("", "/outputs", "/outputs/result.txt", "/logs/stdout")),
        f"/v1/jobs/{leases[1]['job']}/explain",
    ):
        assert (await one.member.get(path)).status == 200, path
        (await two.member.get(path)).problem(404, "not_found")

    names = [one.root, one.project, file["id"], first["id"], *(lease["job"] for lease in leases)]
    for path in ("data-roots", "projects", "batches", "jobs", "jobs?state=leased", "pools"):
        reply = await two.member.get(f"/v1/{path}")
        listed = orjson.dumps(reply.expect(200)).decode()
        assert [name for name in names if f'"{name}"' in listed] == [], path
    # what waits is explained by shares, and the jobs of the others stay unnamed
    waiting = await two.member.get(f"/v1/jobs/{second['first_job']}/explain")
    said = orjson.dumps(waiting.expect(200)).decode()
    assert [name for name in names if f'"{name}"' in said] == []
