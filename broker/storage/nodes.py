"""The tree: nodes made, moved, and given access lists of their own.

Whoever changes the shape of a project's tree locks it first; see `lock_tree` in schema.sql.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg

from broker.domain.access.roles import Mask, mask, roles_in
from broker.protocol.ids import AccountId, NodeId, PrincipalId
from broker.protocol.nodes import Kind, Node, Role, show_node
from broker.storage import blocks
from broker.storage.database import LONG_STATEMENT_SECONDS_MAX, Connection

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


class PlaceRefused(Exception):
    """A node cannot lie there: it would be too deep (`node_depth_max`), its kind does not fit
    (`node_kind_fits_parent`), or the place is in the trash (`node_parent_is_not_trashed`)."""

    def __init__(self, constraint: str) -> None:
        super().__init__(constraint)
        self.constraint = constraint


PLACE_CONSTRAINTS = frozenset(
    {"node_depth_max", "node_kind_fits_parent", "node_parent_is_not_trashed"}
)


@contextmanager
def _placed() -> Iterator[None]:
    try:
        yield
    except asyncpg.IntegrityConstraintViolationError as error:
        if error.constraint_name in PLACE_CONSTRAINTS:
            raise PlaceRefused(error.constraint_name) from None
        raise


async def create(
    connection: Connection, kind: Kind, parent: NodeId, name: str, creator: AccountId | None
) -> NodeId | None:
    """A new node; None when a sibling of its kind has the name.

    Raises:
        PlaceRefused: it cannot lie there.
    """
    with _placed():
        made: NodeId | None = await connection.fetchval(SQL.create, kind, parent, name, creator)
    return made


async def row(connection: Connection, node: int) -> NodeRow | None:
    """A node, as it is now."""
    return _row_of(await connection.fetchrow(SQL.row, node))


async def find(connection: Connection, node: int) -> NodeRow | None:
    """A node, locked until the transaction ends."""
    return _row_of(await connection.fetchrow(SQL.find, node))


def _row_of(found: asyncpg.Record | None) -> NodeRow | None:
    return NodeRow(**{**dict(found), "kind": Kind(found["kind"])}) if found else None


async def hold(connection: Connection, nodes: Iterable[NodeId]) -> None:
    """Holds nodes still until the transaction ends."""
    await connection.execute(SQL.hold, list(nodes))


async def views(connection: Connection, nodes: Sequence[int]) -> list[Node]:
    """Nodes as people see them, newest first."""
    return [view_of(dict(row)) for row in await connection.fetch(SQL.views, nodes)]


def view_of(row: Mapping[str, Any]) -> Node:
    """A node from its row of the block `views`."""
    return Node(**view_fields(row))


def view_fields(row: Mapping[str, Any]) -> dict[str, Any]:
    """The same as fields: ids become public ones."""

    def shown(name: str) -> str | None:
        if row[f"{name}_id"] is None:
            return None
        mine = row[f"{name}_id"] == row["id"]
        return identity if mine else show_node(Kind(row[f"{name}_kind"]), row[f"{name}_id"])

    identity = show_node(Kind(row["kind"]), row["batch_id"] or row["id"])
    around = {"parent": shown("parent"), "project": shown("project")}
    return {**row, **around, "id": identity, "benefactor_id": shown("benefactor")}


async def children(
    connection: Connection,
    parent: NodeId,
    *,
    before: int,
    rows_max: int,
    kind: Kind | None,
    everything: bool,
    inheriting: Collection[Kind],
    own: Collection[NodeId],
) -> list[Node]:
    """What lies in a node and is seen, newest first.

    Args:
        everything: the caller sees all of it; else these two decide.
        inheriting: kinds that are seen where they inherit.
        own: nodes with lists of their own that are seen.
    """
    rows = await connection.fetch(
        SQL.children, parent, before, rows_max, kind, everything, list(inheriting), list(own)
    )
    return await views(connection, [row[0] for row in rows])


async def rename(connection: Connection, node: NodeId, name: str) -> bool:
    """Gives a node another name; False when a sibling of its kind has it."""
    try:
        return await connection.fetchval(SQL.rename, node, name) is not None
    except asyncpg.UniqueViolationError:  # somebody took it at this moment
        return False


async def lock(connection: Connection, projects: Iterable[NodeId | None]) -> None:
    """Keeps the trees of some projects as they are, for this transaction to change them."""
    for project in sorted({project or 0 for project in projects}):
        await connection.execute(SQL.lock_tree, project)


async def restamp(connection: Connection, node: NodeId, benefactor: NodeId) -> int:
    """Gives a node and what inherits from it another benefactor; returns how many nodes."""
    status = await connection.execute(
        SQL.restamp, node, benefactor, timeout=LONG_STATEMENT_SECONDS_MAX
    )
    return int(status.rpartition(" ")[2])


async def path(connection: Connection, node: NodeId) -> list[NodeId]:
    """A node and everything above it, itself first."""
    return [NodeId(row[0]) for row in await connection.fetch(SQL.path, node)]


async def move(connection: Connection, node: NodeId, parent: NodeId) -> bool:
    """Hangs a node elsewhere; False when a new sibling of its kind has its name. The caller has
    made sure that the new parent is not below it.

    Raises:
        PlaceRefused: it, or something below it, would be too deep.
    """
    try:
        with _placed():
            await connection.execute(SQL.move, node, parent, timeout=LONG_STATEMENT_SECONDS_MAX)
    except asyncpg.UniqueViolationError:
        return False
    return True


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
