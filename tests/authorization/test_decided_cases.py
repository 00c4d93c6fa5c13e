"""The decided cases again, through HTTP: each line of permissions_examples.csv becomes the request
with which its user would try it.

The world is made once and copied for each case, as what is allowed changes it. `deny` must come
back as 401, 403, 404, or as a refusal of the very field that names the thing; `allow` must succeed.
"""

import asyncio
import csv
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession

from broker.config import Settings
from broker.main import Broker
from tests.authorization.fixture_world import READS, FixtureWorld, make_world
from tests.support.agent import Agent
from tests.support.http import Http, Reply
from tests.support.running import Running, admin_of
from tests.support.servers import Servers

DATA = Path(__file__).parents[1] / "data" / "permissions_examples.csv"
CASES = [(row["case"], row["expect"]) for row in csv.DictReader(DATA.open())]
W = FixtureWorld


# -- simple questions: USER ACTION OBJECT -----------------------------------------------------


def _request(w: W, action: str, thing: str) -> tuple[str, str, Any]:
    """Method, path and body with which somebody would do this."""
    id_ = w.ids.get(thing, "")
    node, app, batch = f"/v1/nodes/{id_}", f"/v1/apps/{id_}", f"/v1/batches/{id_}"
    requests: dict[str, tuple[str, str, Any]] = {
        "app.edit": ("PATCH", app, {"title": "New"}),
        "app.run_published": ("POST", "/v1/batches", {"app": id_, "jobs": [{}]}),
        "app.delete": ("DELETE", app, None),
        "app.view_draft": ("GET", f"{app}/versions/2", None),
        "app.version_history": ("GET", f"{app}/versions", None),
        "app.create_global": ("POST", "/v1/apps", {"name": "new"}),
        "version.create": ("POST", f"{app}/versions", {"spec": READS}),
        "version.deprecate": ("POST", f"{app}/versions/1:deprecate", None),
        "table.create": ("POST", "/v1/tables", _table(id_)),
        "table.delete": ("DELETE", f"/v1/tables/{id_}", None),
        "batch.view": ("GET", batch, None),
        "batch.terminate": ("POST", f"{batch}:cancel", None),
        "batch.output": ("GET", f"/v1/jobs/job_{id_.removeprefix('batch_')}/outputs", None),
        "bind.env": ("PUT", f"/v1/projects/{id_}/bindings/{w.ids['Pool2']}", {}),
        "image.copy": ("GET", f"/v1/images/{id_}", None),
        "image.view": ("GET", f"/v1/images/{id_}", None),
        "file.view": ("GET", node, None),
        "file.download": ("GET", f"/v1/files/{id_}/content", None),
        "file.delete": ("POST", f"{node}:trash", None),
        "folder.view": ("GET", node, None),
        "folder.edit": ("PATCH", node, {"name": "renamed"}),
        "project.view": ("GET", f"/v1/projects/{id_}", None),
        "share": ("PUT", f"{node}/acl/cat", {"roles": ["reader"]}),
        "override": ("POST", f"{node}:override", {}),
        "restore_inheritance": ("POST", f"{node}:restore", None),
        "quota.set": ("PATCH", "/v1/accounts/eve/quota", {"quota": 9}),
    }
    return requests[action]


def _table(project: str) -> dict[str, Any]:
    columns = [{"name": "n", "type": "integer"}]
    return {"name": "new", "project": project, "columns": columns}


async def _simple(w: W, user: str, action: str, thing: str) -> Reply:
    thing = thing if thing in w.ids else thing.lower()
    method, path, body = _request(w, action, thing)
    return await w.who(user).call(method, path, body)


# -- phrases ----------------------------------------------------------------------------------


async def _grant(w: W, user: str, role: str, to: str, node: str) -> Reply:
    where = f"/v1/nodes/{w.ids.get(node) or w.ids[node.lower()]}/acl/{to}"
    return await w.who(user).put(where, {"roles": [role]})


async def _grant_global(w: W, user: str, privilege: str, to: str) -> Reply:
    body = {f"{privilege}_apps": True}
    return await w.who(user).put(f"/v1/accounts/{to}/privileges", body)


async def _replace_acl(w: W, user: str, node: str, how: str) -> Reply:
    path = f"/v1/nodes/{w.ids[node]}/acl"
    found = (await w.broker.admin.get(path)).expect(200)["entries"]
    kept = [e for e in found if e["name"] != user]
    if "team" in how:  # only a team that the caller is not in keeps it
        kept = [e for e in kept if e["name"] == "t-adm"]
    body = [{"principal": e["principal"], "roles": e["roles"]} for e in kept]
    return await w.who(user).put(path, {"entries": body})


async def _submit(w: W, user: str, app: str, project: str, read: str, write: str) -> Reply:
    name = app if app in w.ids else app.lower() or "Aw"
    job = {"inputs": {"data": {"data": f"{read.lower()}:set/a.mrc"}}} if read else {}
    body: dict[str, Any] = {
        "app": w.ids[name],
        "project": w.ids[project or "P"],
        "pool": "pool",
        "jobs": [job],
    }
    if write:
        body["outputs_to"] = f"{write.lower()}:results"
    return await w.who(user).post("/v1/batches", body)


async def _move(w: W, user: str, node: str, target: str) -> Reply:
    body = {"parent": w.ids[target]}
    return await w.who(user).post(f"/v1/nodes/{w.ids[node]}:move", body)


async def _import(w: W, user: str, root: str, off: str) -> Reply:
    if off:
        switch = {"import_enabled": False}
        (await w.broker.admin.put("/v1/projects/lab1/import", switch)).expect(200)
    body = {"root": root.lower(), "paths": ["set/a.mrc"]}
    return await w.who(user).post("/v1/projects/lab1/imports", body)


async def _report(w: W, user: str, job: str) -> Reply:
    epoch = 6 if job == "Jold" else 7
    report = {"job": w.ids[job], "epoch": epoch, "outcome": "succeeded"}
    reply = await w.who(user).post("/v1/leases:report", {"reports": [report]})
    if reply.status == 200 and reply.json["answers"][0]["status"] == "fenced":
        return Reply(403, reply.headers, reply.content)
    return reply


async def _ask_for(w: W, user: str, job: str) -> Reply:
    assert w.agent is not None
    held = [{"job": w.ids["J1"], "epoch": 7}]
    body = {"free_slots": 1, "holding": held, "wait_seconds": 10}
    reply = await w.who(user).post(f"/v1/hosts/{w.agent.host}:poll", body)
    assert reply.status != 200 or [each["job"] for each in reply.json["leases"]] == [w.ids[job]]
    return reply


# The first phrase that fits decides; each group of the pattern is an argument.
PHRASES: list[tuple[str, Callable[..., Awaitable[Reply]]]] = [
    (r"(\w+) grant (\w+) (?:to )?(\w+) on (\w+)", _grant),
    (r"(\w+) grant_global (\w+) (\w+)", _grant_global),
    (r"(\w+) replace_acl (\w+) (.+)", _replace_acl),
    (r"(\w+) submit(?: (\w+)->(\w+))?(?: in (\w+))?(?: out (\w+))?", _submit),
    (r"(\w+) move (\w+) to (\w+)", _move),
    (r"(\w+) import from (\w+)( when \w+ import off)?", _import),
    (r"(?:user )?(\w+) report (\w+)", _report),
    (r"(\w+) request (\w+)", _ask_for),
    (r"(\w+) ([\w.]+) (\w+)", _simple),
]
# Refusals of a field: the thing that it names is not to be seen, or cannot be used so; a list that
# would take `share` from its own author.
OF_FIELDS = {"/app", "/project", "/pool", "/root", "/entries"}


async def ask(w: W, case: str) -> Reply:
    """The answer to a case."""
    text = re.sub(r"\s*\([^)]*\)", "", case)  # remarks for people
    for pattern, question in PHRASES:
        if found := re.fullmatch(pattern, text):
            return await question(w, *(group or "" for group in found.groups()))
    raise AssertionError(f"nobody understands {case!r}")


def denied(reply: Reply) -> bool:
    """Whether it was refused for want of a right, or for what the thing is in."""
    if reply.status in {401, 403, 404}:
        return True
    takes_no_jobs = reply.status == 409 and "deprecated" in reply.json["detail"]
    of_field = reply.status == 422 and bool(
        {p for p in reply.pointers() if p in OF_FIELDS or "/data" in p or p.startswith("/outputs")}
    )
    return takes_no_jobs or of_field


# -- one world, copied for each case ----------------------------------------------------------


@dataclass
class Prepared:
    """A database that holds the fixture, with its files, and what is known of it."""

    database: str
    folder: Path
    ids: dict[str, str]
    tokens: dict[str, str | None]
    host: str


def settings_of(servers: Servers, url: str, folder: Path) -> Settings:
    return Settings(
        database_url=url,
        redis_url=servers.redis_url,
        files_directory=folder / "files",
        port=0,
        database_connections_max=4,
        project_apps=True,
    )


@pytest.fixture(scope="module")
def prepared(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prepared]:
    """The world, made by a broker that has stopped."""
    folder = tmp_path_factory.mktemp("fixture")

    async def make() -> Prepared:
        url = await servers.clone()
        async with ClientSession() as session, Broker(settings_of(servers, url, folder)) as broker:
            running = Running(broker, session, await admin_of(broker, session))
            w = await make_world(running)
        tokens = {name: http.token for name, http in w.http.items()}
        assert w.agent is not None
        return Prepared(url, folder, w.ids, {**tokens, "admin": running.admin.token}, w.agent.host)

    found = asyncio.run(make())
    yield found
    asyncio.run(servers.drop(found.database))


@pytest.fixture
async def world(prepared: Prepared, servers: Servers) -> AsyncIterator[FixtureWorld]:
    """A copy, with a broker on it."""
    url = await servers.clone(prepared.database)
    settings = settings_of(servers, url, prepared.folder)
    async with ClientSession() as session, Broker(settings) as broker:
        http = {name: Http(broker.url, session, token) for name, token in prepared.tokens.items()}
        agent = Agent(http["hostA"], prepared.host, {"slots": 4})
        yield FixtureWorld(Running(broker, session, http["admin"]), http, prepared.ids, agent)
    await servers.drop(url)


@pytest.mark.parametrize(("case", "expect"), CASES, ids=[case for case, _ in CASES])
async def test_decided_case_over_http(world: FixtureWorld, case: str, expect: str) -> None:
    reply = await ask(world, case)
    if expect == "deny":
        assert denied(reply), f"{reply.status} {reply.content[:500]!r}"
    else:
        assert reply.status < 300, f"{reply.status} {reply.content[:500]!r}"
