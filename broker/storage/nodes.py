"""The tree: nodes made, moved, and given access lists of their own.

Whoever changes the shape of a project's tree locks it first; see `lock_tree` in schema.sql.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from broker.domain.access.roles import Mask, mask, roles_in
from broker.protocol.ids import AccountId, NodeId, PrincipalId
from broker.protocol.nodes import Kind, Role, Spot
from broker.storage import blocks
from broker.storage.database import Connection

SQL = blocks.load("nodes")


@dataclass(frozen=True, slots=True)
class NodeRow:
    """A node as it is stored.

    Args:
        trash_id: the node with which it was put into the trash; None for one that was not.
        acl_version: changes with its own access list.
    """

    id: NodeId
    kind: Kind
    parent_id: NodeId | None
    benefactor_id: NodeId
    project_id: NodeId | None
    created_by: AccountId | None
    trash_id: NodeId | None
    acl_version: int
    name: str

    @property
    def has_own_acl(self) -> bool:
        return self.benefactor_id == self.id


async def create(
    connection: Connection, kind: Kind, parent: NodeId, name: str, creator: AccountId | None
) -> NodeId | None:
    """A new node; None when a sibling of its kind has the name."""
    made: NodeId | None = await connection.fetchval(SQL.create, kind, parent, name, creator)
    return made


async def named(connection: Connection, kind: Kind, spot: Spot) -> NodeId | None:
    """The node of a kind at a spot, also one in the trash where it is named by id."""
    found: NodeId | None = await connection.fetchval(SQL.named, kind, *spot)
    return found


async def trash_leaf(connection: Connection, node: NodeId) -> None:
    """Puts a node without contents into the trash; one that is there already stays as it is."""
    await connection.execute(SQL.trash_leaf, node)


async def find(connection: Connection, node: int) -> NodeRow | None:
    """A node, locked until the transaction ends."""
    row = await connection.fetchrow(SQL.find, node)
    return NodeRow(**{**dict(row), "kind": Kind(row["kind"])}) if row else None


async def lock(connection: Connection, projects: Iterable[NodeId | None]) -> None:
    """Keeps the trees of some projects as they are, for this transaction to change them."""
    for project in sorted({project or 0 for project in projects}):
        await connection.execute(SQL.lock_tree, project)


async def restamp(connection: Connection, node: NodeId, benefactor: NodeId) -> int:
    """Gives a node and what inherits from it another benefactor; returns how many nodes."""
    status = await connection.execute(SQL.restamp, node, benefactor)
    return int(status.rpartition(" ")[2])


async def path(connection: Connection, node: NodeId) -> list[NodeId]:
    """A node and everything above it, itself first."""
    return [NodeId(row[0]) for row in await connection.fetch(SQL.path, node)]


async def move(connection: Connection, node: NodeId, parent: NodeId) -> None:
    """Hangs a node elsewhere. The caller has made sure that the new parent is not below it."""
    await connection.execute(SQL.move, node, parent)


async def acl(connection: Connection, node: NodeId) -> dict[PrincipalId, Mask]:
    """The access list of a node that has its own."""
    rows = await connection.fetch(SQL.acl, node)
    return {principal: mask(map(Role, roles)) for principal, roles in rows}


async def replace_acl(
    connection: Connection, node: NodeId, entries: Mapping[PrincipalId, Mask]
) -> int:
    """Replaces the access list of a node; returns its new version."""
    pairs = [(who, role) for who, roles in entries.items() for role in roles_in(roles)]
    await connection.execute(
        SQL.replace_acl, node, [who for who, _ in pairs], [role for _, role in pairs]
    )
    return int(await connection.fetchval(SQL.count_version, node))


async def delete(connection: Connection, node: NodeId) -> None:
    """Removes a node without children to which nothing refers any more."""
    await connection.execute(SQL.delete, node)
