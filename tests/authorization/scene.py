"""The world of the authorization matrix: two labs that have one of everything, and all callers.

Ann and Al share a lab and its project; Bob is another lab's. What is `own` is Ann's, `other` is
Al's, `tenant` is Bob's, `absent` nobody's.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from broker.domain.access import Principal, Resource, World, mask
from broker.protocol.ids import AccountId, AppId, BatchId, HostId, NodeId, PrincipalId, parse
from broker.protocol.nodes import DEPLOYMENT, Isolation, Kind, Role
from broker.storage import batches, nodes
from tests.support.agent import Agent
from tests.support.http import Http
from tests.support.running import Running

WHOSE = ("own", "other", "tenant", "absent")
OWNER = {"own": "ann", "other": "al", "tenant": "bob"}
CALLERS = (
    "anonymous",
    "plain",
    "ann",
    "al",
    "bob",
    "keeper",
    "runner",
    "admin",
    "host",
    "suspended",
    "deleted",
    "revoked",
)
REFUSED = {"suspended", "deleted", "revoked"}  # before anything is asked
ABSENT = {
    "account": "nobody",
    "group": "nobody",
    "team": "nobody",
    "pool": "nowhere",
    "project": "nothing",
    "node": "root_99999",
    "principal": "nobody",
    "root": "nothing",
    "image": "nothing",
    "file": "file_99999",
    "app": "nothing",
    "table": "table_99999",
    "number": "99",
    "token": "token_99999",
    "host": "host_99999",
    "batch": "batch_99999",
    "job": "job_99999",
    "epoch": "1",
    "stream": "stdout",
    "name": "result.txt",
    "sha256": "0" * 64,
}


@dataclass
class Scene:
    """Everything by name.

    Args:
        callers: who asks, by name of CALLERS.
        values: what stands in a path, by whose it is and placeholder.
    """

    broker: Running
    callers: dict[str, Http] = field(default_factory=dict)
    accounts: dict[str, AccountId] = field(default_factory=dict)
    agents: dict[str, Agent] = field(default_factory=dict)
    values: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def world(self) -> World:
        return self.broker.services.access.world

    def who(self, caller: str) -> Principal:
        """The caller as the policy sees it."""
        if caller == "anonymous":
            return Principal(principals=frozenset())
        if caller == "host":
            return Principal(host_id=HostId(number("host", self.values["own"]["host"])))
        return self.world.principal(self.accounts[caller])

    async def resource(self, placeholders: set[str], whose: str) -> Resource:
        """What a path with these placeholders is about."""
        values, owner = self.values[whose], self.accounts[OWNER[whose]]
        makers: dict[str, Callable[[], Resource]] = {
            **{
                kind.value.removeprefix("data_"): partial(self._named, kind, values)
                for kind in (Kind.APP, Kind.PROJECT, Kind.DATA_ROOT, Kind.IMAGE, Kind.POOL)
            },
            "node": lambda: self.world.node(NodeId(number("root", values["node"]))),
            "file": lambda: self.world.file(self._id(Kind.PROJECT, values), owner, trashed=False),
            "table": lambda: self.world.node(NodeId(number("table", values["table"]))),
            "group": self.world.deployment,
            "account": lambda: self.world.account(owner),
            "team": self.world.team,
            "host": lambda: self.world.host(owner),
        }
        if placeholders & {"batch", "job"} and "epoch" not in placeholders:
            return await self._batch(values["batch"])
        for name, make in makers.items():
            if name in placeholders:
                return make()
        return self.world.deployment()

    def _named(self, kind: Kind, values: dict[str, str]) -> Resource:
        return self.world.node(self._id(kind, values))

    def _id(self, kind: Kind, values: dict[str, str]) -> NodeId:
        node = self.world.named(kind, values[kind.value.removeprefix("data_")])
        assert node is not None, (kind, values)
        return node

    async def _batch(self, batch: str) -> Resource:
        async with self.broker.services.database.connection() as connection:
            (row,) = await batches.rows(connection, [BatchId(number("batch", batch))])
        return self.world.batch(
            row["node_id"],
            row["account_id"],
            AppId(row["app_id"]),
            Isolation(row["isolation"]),
        )


async def id_of(http: Http) -> str:
    """Who calls."""
    return str((await http.get("/v1/me")).expect(200)["account"]["id"])


def number(kind: str, text: str) -> int:
    return parse(kind, text, "")


async def played(broker: Running) -> Scene:
    """Two labs at work."""
    scene = Scene(broker)
    await broker.app("shared")
    for name in ("ann", "al", "bob"):
        scene.callers[name] = await broker.client(name, apps={"shared": {"submit": True}})
    for name in ("plain", "suspended", "deleted", "revoked"):
        scene.callers[name] = await broker.client(name)
    scene.callers["runner"] = await broker.client("runner", submit_all_apps=True)
    scene.callers["keeper"] = await broker.client("keeper", apps={"shared": {"admin": True}})
    scene.callers |= {"admin": broker.admin, "anonymous": broker.anonymous}
    for whose, owner in OWNER.items():
        scene.values[whose] = await _things(scene, whose, owner)
    scene.values["absent"] = ABSENT
    scene.callers["host"] = scene.agents["ann"].http
    for name, http in scene.callers.items():
        if name not in {"anonymous", "host"}:
            scene.accounts[name] = AccountId(number("account", await id_of(http)))
    await _leave(broker)
    return scene


async def _things(scene: Scene, whose: str, owner: str) -> dict[str, str]:
    """One of everything, with its names as they stand in paths."""
    broker, http = scene.broker, scene.callers[owner]
    app = f"app-of-{owner}"
    await broker.app(app)
    (await broker.admin.put(f"/v1/apps/{app}/privileges/{owner}", {"admin": True})).expect(200)
    for kind in ("groups", "teams"):
        (await broker.admin.post(f"/v1/{kind}", {"name": f"lab-of-{owner}"})).expect(201)
        path = f"/v1/{kind}/lab-of-{owner}/accounts/{owner}"
        (await broker.admin.put(path)).expect(200)
    project = f"project-of-{owner}"
    await _project(broker, project, PrincipalId(number("account", await id_of(http))))
    entries = [{"principal": owner, "roles": ["owner"]}]
    root = {"name": f"root-of-{owner}", "path": f"/data/{owner}", "uid": 2_000, "gid": 2_000}
    made = (await broker.admin.post("/v1/data-roots", {**root, "entries": entries})).expect(201)
    binding = f"/v1/projects/{project}/bindings/{root['name']}"
    (await broker.admin.put(binding, {"mode": "write"})).expect(200)
    imports = f"/v1/projects/{project}/imports"
    imported = await broker.admin.post(imports, {"root": root["name"], "paths": ["a"]})
    pool = {"name": f"pool-of-{owner}", "entries": entries}
    (await broker.admin.post("/v1/pools", pool)).expect(201)
    image = {"name": f"image-of-{owner}", "path": "a/b", "digest": "sha256:" + "0" * 64}
    (await broker.admin.post("/v1/images", {**image, "entries": entries})).expect(201)
    columns = [{"name": "n", "type": "integer"}]
    body = {"name": f"table-of-{owner}", "project": project, "columns": columns}
    table = (await http.post("/v1/tables", body)).expect(201)
    token = (await http.post(f"/v1/accounts/{owner}/tokens", {"name": "second"})).expect(201)
    agent = scene.agents[owner] = await broker.agent(f"host-of-{owner}", owner=http)
    order: dict[str, Any] = {"app": "shared", "jobs": [{}], "name": f"of {owner}"}
    receipt = (await http.post("/v1/batches", order)).expect(201)
    return {
        **ABSENT,
        "account": owner,
        "group": f"lab-of-{owner}",
        "team": f"lab-of-{owner}",
        "pool": pool["name"],
        "project": project,
        "node": made["id"],
        "principal": owner,
        "root": root["name"],
        "image": image["name"],
        "file": imported.expect(201)["items"][0]["id"],
        "app": app,
        "table": table["id"],
        "number": "1",
        "token": token["id"],
        "host": agent.host,
        "batch": receipt["id"],
        "job": receipt["first_job"],
    }


async def _project(broker: Running, name: str, owner: PrincipalId) -> None:
    async with broker.services.database.transaction() as connection:
        node = await nodes.create(connection, Kind.PROJECT, DEPLOYMENT, name, None)
        assert node is not None
        await connection.execute("INSERT INTO project (id) VALUES ($1)", node)
        await nodes.replace_acl(connection, node, {owner: mask([Role.OWNER])})


async def _leave(broker: Running) -> None:
    """Three callers lose what they had."""
    (await broker.admin.post("/v1/accounts/suspended:suspend")).expect(200)
    (await broker.admin.delete("/v1/accounts/deleted")).expect(200)
    tokens = (await broker.admin.get("/v1/accounts/revoked/tokens")).expect(200)["items"]
    for token in tokens:
        (await broker.admin.delete(f"/v1/accounts/revoked/tokens/{token['id']}")).expect(204)
