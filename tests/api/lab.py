"""What the tests of data begin with: labs, each with people, a project and a data root."""

from dataclasses import dataclass
from typing import Any

from broker.domain.access import mask
from broker.protocol.ids import NodeId, PrincipalId
from broker.protocol.nodes import DEPLOYMENT, Kind, Role
from broker.storage import nodes
from tests.support.http import Http
from tests.support.running import Running

ROOTS = "/v1/data-roots"


@dataclass
class Lab:
    """A lab: somebody who works there, its project and its data root."""

    name: str
    member: Http
    project: str
    root: str


async def account_of(http: Http) -> PrincipalId:
    """The caller's own principal."""
    me = (await http.get("/v1/me")).expect(200)
    return PrincipalId(int(me["account"]["id"].removeprefix("account_")))


async def project(broker: Running, name: str, entries: dict[str, Any] | None = None) -> str:
    """A project, and who holds which role in it; returns its id.

    Args:
        entries: by handle of the account.
    """
    async with broker.services.database.transaction() as connection:
        node = await nodes.create(connection, Kind.PROJECT, DEPLOYMENT, name, None)
        assert node is not None
        await connection.execute("INSERT INTO project (id) VALUES ($1)", node)
    await broker.services.access.catch_up()
    await share(broker, node, entries or {})
    return f"project_{node}"


async def share(broker: Running, node: NodeId | int, entries: dict[str, Any]) -> None:
    """Replaces the access list of a node."""
    async with broker.services.database.transaction() as connection:
        rows = await connection.fetch(
            "SELECT name, id FROM account WHERE name = ANY ($1::text[])", list(entries)
        )
        ids = {name: PrincipalId(id_) for name, id_ in rows}
        held = {ids[name]: mask([role]) for name, role in entries.items()}
        await nodes.replace_acl(connection, NodeId(node), held)
    await broker.services.access.catch_up()


async def root(broker: Running, name: str, **more: Any) -> str:
    """A data root; returns its id. The access list by handle: {"ann": "editor"}."""
    entries = [{"principal": who, "roles": [role]} for who, role in more.pop("access", {}).items()]
    body = {"name": name, "path": f"/data/{name}", "uid": 5001, "gid": 6001, "entries": entries}
    return str((await broker.admin.post(ROOTS, {**body, **more})).expect(201)["id"])


async def bind(broker: Running, where: str, node: str, mode: str = "read") -> None:
    """Binds a data root or pool to a project."""
    path = f"/v1/projects/{where}/bindings/{node}"
    (await broker.admin.put(path, {"mode": mode})).expect(200)


async def lab(broker: Running, name: str, ids: int, *, mode: str = "write") -> Lab:
    """A lab with one person, `<name>-member`, who may do everything but share."""
    who = f"{name}-member"
    member = await broker.client(who, submit_all_apps=True)
    where = await project(broker, name, {who: Role.WRITER})
    made = await root(broker, name, uid=ids, gid=ids, access={who: "writer"})
    await bind(broker, where, made, mode)
    return Lab(name, member, where, made)
