"""The world of tests/data/permissions_fixture.md, made through the API by the people in it.

What a user of the fixture could not have made in the end, it makes before its role is lowered: so
also that having made something gives nothing by itself is put to the test.
"""

import hashlib
from dataclasses import dataclass, field
from typing import Any

from tests.support.agent import Agent
from tests.support.http import Http
from tests.support.running import SLEEP, Running

READS = {**SLEEP, "inputs": {"data": {"required": False}}}
ROLES = {"ow": "owner", "wr": "writer", "ed": "editor", "ex": "executor", "rd": "reader"}
PEOPLE = [
    *ROLES,
    "ann",
    "bob",
    "cat",
    "dan",
    "eve",
    "sub",
    "apa",
    "app-dev",
    "la1",
    "la2",
    "u1",
    "u2",
]
TEAMS = {
    "t-view": ("ann", "bob"),
    "t-edit": ("bob",),
    "t-adm": ("ann",),
    "lab1": ("u1", "la1"),
    "lab2": ("u2", "la2"),
}
IN_P = {
    **ROLES,
    "team:t-view": "downloader",
    "team:t-edit": "editor",
    "team:t-adm": "owner",
    **dict.fromkeys(("sub", "sall", "u1", "u2"), "executor"),
    **dict.fromkeys(("gone", "susp"), "owner"),
}
ROOTS: dict[str, dict[str, Any]] = {
    "d1": {"uid": 2001, "entries": {"team:lab1": "editor", "la1": "owner"}},
    "d2": {
        "uid": 2002,
        "entries": {"team:lab2": "editor", "la2": "owner", "u1": "downloader"},
    },
    "d1b": {"uid": 2001, "entries": {"team:lab1": "editor"}},
    "dpub": {
        "uid": 1999,
        "public": True,
        "entries": {"team:lab1": "downloader", "team:lab2": "downloader"},
    },
}
LEASES = {"J1": 7, "Jold": 6}  # the epoch at which hostA speaks of its one lease


@dataclass
class FixtureWorld:
    """Everything by the fixture's own names.

    Args:
        http: callers.
        ids: public ids of what the cases name.
    """

    broker: Running
    http: dict[str, Http] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)
    agent: Agent | None = None

    def who(self, name: str) -> Http:
        """A caller; a stranger's token for a host that is not there."""
        unknown = Http(self.broker.url, self.broker.session, "flh_unknown")
        return self.http.get(name.replace("_", "-"), unknown)

    async def make(self, who: str, path: str, body: Any) -> str:
        """Creates something; returns its id."""
        return str((await self.http[who].post(path, body)).expect(201)["id"])


def entries(roles: dict[str, str]) -> list[dict[str, Any]]:
    """An access list on the wire."""
    return [{"principal": who, "roles": [role]} for who, role in roles.items()]


async def make_world(broker: Running) -> FixtureWorld:
    """The fixture, whole."""
    w = FixtureWorld(broker)
    await _people(w)
    await _apps(w)
    await _project(w)
    await _elsewhere(w)
    await _inventory(w)
    await _leases(w)
    await _leave(w)
    return w


async def _people(w: FixtureWorld) -> None:
    broker = w.broker
    for name in (*PEOPLE, "gone", "susp"):
        w.http[name] = await broker.client(name)
    for name in ("mgr", "root-adm"):
        w.http[name] = await broker.client(name, admin_all_apps=True)
    w.http["sall"] = await broker.client("sall", submit_all_apps=True)
    w.http["anonymous"] = broker.anonymous
    for team, members in TEAMS.items():
        (await broker.admin.post("/v1/teams", {"name": team})).expect(201)
        for member in members:
            (await broker.admin.put(f"/v1/teams/{team}/accounts/{member}")).expect(200)


async def _apps(w: FixtureWorld) -> None:
    admin = w.broker.admin
    for name in ("a", "anew", "adep", "strict"):
        await w.broker.app(name, READS)
        w.ids[name] = (await admin.get(f"/v1/apps/{name}")).expect(200)["id"]
    for app in ("a", "adep"):
        (await admin.put(f"/v1/apps/{app}/privileges/sub", {"submit": True})).expect(200)
    (await admin.put("/v1/apps/a/privileges/apa", {"admin": True})).expect(200)
    (await admin.post("/v1/apps/adep:deprecate")).expect(200)
    (await admin.patch("/v1/apps/strict", {"isolation": "strict_personal"})).expect(200)


async def _project(w: FixtureWorld) -> None:
    w.ids["P"] = await w.make("ow", "/v1/projects", {"name": "p"})
    await _share(w, "P", {**IN_P, "ex": "editor"})
    w.ids["f"] = await w.make("ow", "/v1/folders", {"parent": "p", "name": "f"})
    w.ids["f2"] = await w.make("wr", "/v1/folders", {"parent": w.ids["f"], "name": "f2"})
    w.ids["file"] = await _file(w, "ed", w.ids["f2"], "file")
    w.ids["priv"] = await w.make("ow", "/v1/folders", {"parent": "p", "name": "priv"})
    w.ids["pf"] = await _file(w, "wr", w.ids["priv"], "pf")
    own = {"entries": entries({"ow": "owner", "team:t-adm": "owner"})}
    (await w.http["ow"].post(f"/v1/nodes/{w.ids['priv']}:override", own)).expect(200)
    for app, author in (("Aw", "wr"), ("Ao", "ow"), ("Aex", "ex")):
        body = {"name": app.lower(), "project": "p"}
        w.ids[app] = await w.make(author, "/v1/apps", body)
        versions = f"/v1/apps/{w.ids[app]}/versions"
        for publish in (True, False):
            await w.make(author, versions, {"spec": READS, "publish": publish})
    for table, author in (("Tx", "ex"), ("Tw", "wr"), ("Ted", "ed")):
        body = {
            "name": table.lower(),
            "project": "p",
            "columns": [{"name": "n", "type": "integer"}],
        }
        w.ids[table] = await w.make(author, "/v1/tables", body)
    for batch, author in (("Bx", "ex"), ("Bw", "wr")):
        await _submitted(w, batch, author, "a", project="p")
    w.ids["tr"] = await w.make("wr", "/v1/folders", {"parent": "p", "name": "tr"})
    (await w.http["wr"].post(f"/v1/nodes/{w.ids['tr']}:trash")).expect(200)
    await _share(w, "P", IN_P)


async def _elsewhere(w: FixtureWorld) -> None:
    await _submitted(w, "Bann", "ann", "a")
    await _submitted(w, "Bspark", "bob", "strict")
    mine = (await w.http["ann"].get("/v1/projects?kind=workspace")).expect(200)["items"]
    workspace = mine[0]["id"]
    w.ids["Mann"] = await _file(w, "ann", workspace, "model")
    w.ids["Pub"] = await w.make("ow", "/v1/projects", {"name": "pub"})
    await _share(w, "Pub", {"ow": "owner", "everyone": "reader", "registered": "downloader"})
    w.ids["pubf"] = await _file(w, "ow", "pub", "pubf")
    w.ids["pubpriv"] = await w.make("ow", "/v1/folders", {"parent": "pub", "name": "pubpriv"})
    own = {"entries": entries({"ow": "owner", "team:t-view": "reader"})}
    (await w.http["ow"].post(f"/v1/nodes/{w.ids['pubpriv']}:override", own)).expect(200)
    w.ids["ppf"] = await _file(w, "ow", w.ids["pubpriv"], "ppf")


async def _inventory(w: FixtureWorld) -> None:
    admin = w.broker.admin
    for name, facts in ROOTS.items():
        body = {**facts, "name": name, "path": f"/data/{name}", "gid": facts["uid"]}
        body["entries"] = entries(facts["entries"])
        w.ids[name.capitalize()] = (await admin.post("/v1/data-roots", body)).expect(201)["id"]
    for pool in ("pool", "pool2"):
        w.ids[pool.capitalize()] = (await admin.post("/v1/pools", {"name": pool})).expect(201)["id"]
    image = {"name": "img", "path": "lab/img", "digest": "sha256:" + "0" * 64}
    w.ids["img"] = (await admin.post("/v1/images", image)).expect(201)["id"]
    for name, mode in (("d1", "write"), ("d2", "write"), ("dpub", "read"), ("pool", "read")):
        await _bind(w, "p", name, mode)
    # An import also needs a project that takes it, of which the fixture does not speak.
    w.ids["Lab1"] = await w.make("la1", "/v1/projects", {"name": "lab1"})
    await _bind(w, "lab1", "d1", "write")


async def _leases(w: FixtureWorld) -> None:
    """hostA holds J1 at epoch 7; J2 waits."""
    w.agent = await w.broker.agent("hostA", pool="pool")
    w.http["hostA"] = w.agent.http
    await _submitted(w, "Bjobs", "sall", "a", project="p", pool="pool", jobs=[{}])
    (lease,) = await w.agent.leases(1, free=1)
    async with w.broker.services.database.connection() as connection:
        await connection.execute("UPDATE job SET lease_epoch = 7 WHERE state = 'leased'")
    w.ids["J1"] = w.ids["Jold"] = lease["job"]
    await _submitted(w, "Bmore", "sall", "a", project="p", pool="pool", jobs=[{}])
    w.ids["J2"] = f"job_{w.ids['Bmore'].removeprefix('batch_')}"


async def _leave(w: FixtureWorld) -> None:
    (await w.broker.admin.delete("/v1/accounts/gone")).expect(200)
    (await w.broker.admin.post("/v1/accounts/susp:suspend")).expect(200)


async def _share(w: FixtureWorld, node: str, roles: dict[str, str]) -> None:
    path = f"/v1/nodes/{w.ids[node]}/acl"
    (await w.http["ow"].put(path, {"entries": entries(roles)})).expect(200)


async def _file(w: FixtureWorld, who: str, parent: str, name: str) -> str:
    content = name.encode()
    digest = hashlib.sha256(content).hexdigest()
    (await w.http[who].put(f"/v1/blobs/{digest}", content)).expect(201)
    return await w.make(who, "/v1/files", {"parent": parent, "name": name, "sha256": digest})


async def _submitted(w: FixtureWorld, name: str, who: str, app: str, **more: Any) -> None:
    """A batch of somebody who may submit to the app for this moment, unless always."""
    lent = who != "sall"
    grant = f"/v1/apps/{app}/privileges/{who}"
    if lent:
        (await w.broker.admin.put(grant, {"submit": True})).expect(200)
    w.ids[name] = await w.make(who, "/v1/batches", {"app": app, "jobs": [{}], **more})
    if lent:
        (await w.broker.admin.delete(grant)).expect(204)


async def _bind(w: FixtureWorld, project: str, node: str, mode: str) -> None:
    path = f"/v1/projects/{project}/bindings/{w.ids[node.capitalize()]}"
    (await w.broker.admin.put(path, {"mode": mode})).expect(200)
