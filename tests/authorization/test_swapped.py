"""Ids that do not belong together: the object that was authorised is the one that is used."""

import re
from itertools import combinations

import pytest

from broker.api.routes import table
from tests.authorization.bodies import BODIES
from tests.authorization.scene import Scene, played
from tests.support.agent import Agent
from tests.support.http import Http
from tests.support.running import Running

# The second belongs to the first: one of another owner must look absent.
PARTS = {("account", "token"), ("project", "file")}
# A relation of two things that exist by themselves, or the second is no id but a name or a number
# within the first, which every owner has.
RELATIONS = {
    ("group", "account"),
    ("team", "account"),
    ("project", "node"),
    ("node", "principal"),
    ("app", "account"),
    ("app", "number"),
    ("job", "name"),
    ("job", "stream"),
    ("job", "epoch"),
    ("epoch", "name"),
}
A_POLL = {"free_slots": 1, "wait_seconds": 0}


def names(path: str) -> list[str]:
    return re.findall(r"\{(\w+)\}", path)


@pytest.fixture
async def scene(broker: Running) -> Scene:
    return await played(broker)


def test_every_pair_of_ids_in_a_path_is_classified() -> None:
    pairs = {pair for route in table() for pair in combinations(names(route.path), 2)}
    assert pairs <= PARTS | RELATIONS, pairs - PARTS - RELATIONS


async def test_a_part_of_another_owner_looks_absent(scene: Scene) -> None:
    for route in table():
        for whole, part in PARTS & set(combinations(names(route.path), 2)):
            values = {**scene.values["own"], part: scene.values["tenant"][part]}
            path = route.path
            for name in (whole, part):
                path = path.replace(f"{{{name}}}", values[name])
            for caller in ("ann", "admin"):
                body = BODIES.get((route.method, route.path))
                reply = await scene.callers[caller].call(route.method, path, body)
                reply.problem(404, "not_found")
    bob = scene.callers["bob"]
    tokens = (await bob.get("/v1/accounts/bob/tokens")).expect(200)["items"]
    assert not any(token["revoked_at"] for token in tokens)


async def leased(scene: Scene, owner: str) -> tuple[Agent, dict[str, object]]:
    agent = scene.agents[owner]
    (lease,) = await agent.leases(1, free=1)
    return agent, lease


async def test_a_host_speaks_of_no_other_hosts_lease(scene: Scene) -> None:
    mine, _ = await leased(scene, "ann")
    theirs, lease = await leased(scene, "bob")
    at = f"/v1/leases/{lease['job']}/{lease['epoch']}"
    stranger: Http = mine.http
    key = {"job": lease["job"], "epoch": lease["epoch"]}
    renewal = {"leases": [{**key, "running": True}]}
    report = {"reports": [{**key, "outcome": "succeeded"}]}
    for verb, body in (("renew", renewal), ("report", report)):
        reply = (await stranger.post(f"/v1/leases:{verb}", body)).expect(200)
        assert [answer["status"] for answer in reply["answers"]] == ["fenced"]
    for reply in (
        await stranger.post(f"{at}/logs?stream=stdout&offset=0", b"forged"),
        await stranger.put(f"{at}/outputs/result.txt", b"forged"),
        await stranger.get(f"{at}/inputs/data.txt"),
    ):
        assert reply.status in {404, 409}, reply
    polled = await stranger.post(f"/v1/hosts/{theirs.host}:poll", A_POLL)
    assert polled.status in {403, 404}
    assert await theirs.report([lease]) == ["ok"]
