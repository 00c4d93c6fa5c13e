"""Ids that do not belong together: the object that was authorised is the one that is used."""

import re
from itertools import combinations
from typing import Any

import orjson
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


# What a query or a body names, with the placeholder that is swapped; the others are the caller's.
NAMED: list[tuple[str, str, Any, str]] = [
    ("GET", "/v1/jobs?batch={batch}", None, "batch"),
    ("GET", "/v1/jobs?app={app}", None, "app"),
    ("GET", "/v1/batches?app={app}", None, "app"),
    ("GET", "/v1/apps?project={project}", None, "project"),
    ("GET", "/v1/tables?project={project}", None, "project"),
    ("GET", "/v1/events?batch={batch}", None, "batch"),
    ("GET", "/v1/audit/benefactors?project={project}", None, "project"),
    ("GET", "/v1/who-can?action=project.view&node={project}", None, "project"),
    ("GET", "/v1/explain-access?action=project.view&node={project}", None, "project"),
    ("GET", "/v1/jobs/{own_job}/explain?against={job}", None, "job"),
    ("POST", "/v1/batches", {"app": "{app}", "jobs": [{}]}, "app"),
    ("POST", "/v1/batches", {"app": "shared", "project": "{project}", "jobs": [{}]}, "project"),
    ("POST", "/v1/batches", {"app": "shared", "table": "{table}"}, "table"),
    (
        "POST",
        "/v1/batches",
        {"app": "shared", "project": "{own_project}", "outputs_to": "{root}:a", "jobs": [{}]},
        "root",
    ),
    ("POST", "/v1/folders", {"parent": "{project}", "name": "new"}, "project"),
    ("POST", "/v1/apps", {"name": "new", "project": "{project}"}, "project"),
    (
        "POST",
        "/v1/tables",
        {"name": "new", "project": "{project}", "columns": [{"name": "n", "type": "integer"}]},
        "project",
    ),
    ("POST", "/v1/nodes/{own_folder}:move", {"parent": "{project}"}, "project"),
    ("POST", "/v1/projects/{own_project}/imports", {"root": "{root}", "paths": ["b"]}, "root"),
]


def filled(text: str, values: dict[str, str]) -> str:
    return re.sub(r"\{(\w+)\}", lambda match: values.get(match[1], match[0]), text)


async def test_what_a_query_or_body_names_of_another_owner_looks_absent(scene: Scene) -> None:
    ann, own = scene.callers["ann"], scene.values["own"]
    folder = await ann.post("/v1/folders", {"parent": own["project"], "name": "mine"})
    mine = {f"own_{name}": own[name] for name in ("job", "project")}
    mine["own_folder"] = folder.expect(201)["id"]
    # an app of the deployment is seen by all: one of a project is not
    hidden = {"name": "inner", "project": scene.values["tenant"]["project"]}
    made = (await scene.callers["admin"].post("/v1/apps", hidden)).expect(201)
    apps = {"tenant": made["id"], "absent": "app_99999"}
    wrong: list[str] = []
    for method, path, body, name in NAMED:
        answers: list[tuple[int, bytes]] = []
        for whose in ("tenant", "absent"):
            values = {**mine, name: apps[whose] if name == "app" else scene.values[whose][name]}
            sent = filled(orjson.dumps(body).decode(), values).encode() if body else None
            headers = {"Content-Type": "application/json"} if body else {}
            reply = await ann.call(method, filled(path, values), sent, headers=headers)
            answers.append((reply.status, reply.content.replace(values[name].encode(), b"X")))
        unseen, absent = answers
        if unseen != absent or unseen[0] not in {404, 422}:
            wrong.append(f"{method} {path} {body}: {unseen} and {absent}")
    assert not wrong, "\n".join(wrong)
