"""The tree: a node's benefactor, depth and project follow from its place and the lists."""

import random

import asyncpg
import pytest

from broker.domain.access import mask
from broker.protocol.ids import AccountId, NodeId, PrincipalId
from broker.protocol.nodes import DEPLOYMENT, NODE_DEPTH_MAX, Kind, Role
from broker.storage import nodes
from broker.storage.database import Connection, Database
from broker.storage.nodes import PlaceRefused

ANN = "INSERT INTO account (name) VALUES ('ann') RETURNING id"
# What the tree must be, computed from nothing but parents and own lists.
WRONG = """
    WITH RECURSIVE walk AS (
        SELECT id, id AS benefactor, NULL::int AS project, 0 AS depth FROM node WHERE id = 1
        UNION ALL
        SELECT node.id,
            CASE WHEN node.parent_id = 1 OR node.id = node.benefactor_id THEN node.id
                ELSE walk.benefactor END,
            CASE WHEN node.kind IN ('project', 'workspace') THEN node.id ELSE walk.project END,
            walk.depth + 1
        FROM walk JOIN node ON node.parent_id = walk.id
    )
    SELECT node.id FROM node LEFT JOIN walk ON walk.id = node.id
    WHERE (walk.benefactor, walk.depth) IS DISTINCT FROM (node.benefactor_id, node.depth::int)
       OR walk.project IS DISTINCT FROM node.project_id
"""


async def made(connection: Connection, kind: Kind, parent: NodeId, name: str) -> NodeId:
    node = await nodes.create(connection, kind, parent, name, None)
    assert node is not None
    return node


async def forest(connection: Connection, folders: int = 200) -> tuple[NodeId, list[NodeId]]:
    """A project with folders anywhere below it."""
    project = await made(connection, Kind.PROJECT, DEPLOYMENT, "project")
    found = [project]
    chance = random.Random(7)
    for number in range(folders):
        found.append(await made(connection, Kind.FOLDER, chance.choice(found), f"f{number}"))
    return project, found[1:]


async def benefactors(connection: Connection) -> dict[int, int]:
    return dict(await connection.fetch("SELECT id, benefactor_id FROM node"))


async def test_rule_H1_an_account_has_a_workspace_of_its_own_at_once(database: Database) -> None:
    async with database.connection() as connection:
        account = await connection.fetchval(
            "INSERT INTO account (name) VALUES ('ann') RETURNING id"
        )
        row = await connection.fetchrow(
            "SELECT id, name, benefactor_id, project_id FROM node"
            " WHERE kind = 'workspace' AND created_by = $1",
            account,
        )
        assert row is not None
        assert row["name"] == "ann"
        assert row["id"] == row["benefactor_id"] == row["project_id"]
        acl = await nodes.acl(connection, NodeId(row["id"]))
        assert acl == {PrincipalId(account): mask([Role.OWNER])}


async def test_rule_Y3_restore_after_override_is_the_identity(database: Database) -> None:
    async with database.connection() as connection:
        project, folders = await forest(connection)
        before = await benefactors(connection)
        chance = random.Random(8)
        private = chance.sample(folders, 20)
        for node in private:
            await nodes.restamp(connection, node, node)
            assert await connection.fetch(WRONG) == []
        assert len(set((await benefactors(connection)).values())) > 20
        for node in sorted(private, reverse=True):  # parents came first, so they go last
            parent = await connection.fetchval("SELECT parent_id FROM node WHERE id = $1", node)
            above = await connection.fetchval(
                "SELECT benefactor_id FROM node WHERE id = $1", parent
            )
            await nodes.restamp(connection, node, above)
            assert await connection.fetch(WRONG) == []
        assert await benefactors(connection) == before
        assert before[project] == project


async def test_a_moved_subtree_follows_in_depth_project_and_benefactor(database: Database) -> None:
    async with database.connection() as connection:
        _, folders = await forest(connection)
        other = await made(connection, Kind.PROJECT, DEPLOYMENT, "other")
        deep = await made(connection, Kind.FOLDER, other, "deep")
        top, private = folders[0], folders[10]
        await nodes.restamp(connection, private, private)
        await nodes.move(connection, top, deep)
        await nodes.restamp(connection, top, other)
        assert await connection.fetch(WRONG) == []
        row = await nodes.find(connection, top)
        assert row is not None
        assert (row.parent_id, row.project_id, row.benefactor_id) == (deep, other, other)
        assert (await nodes.path(connection, top)) == [top, deep, other, DEPLOYMENT]


@pytest.mark.parametrize(
    ("kind", "parent", "constraint"),
    [
        (Kind.FOLDER, DEPLOYMENT, "node_kind_fits_parent"),
        (Kind.PROJECT, 2, "node_kind_fits_parent"),
    ],
)
async def test_a_node_lies_only_where_its_kind_may(
    database: Database, kind: Kind, parent: int, constraint: str
) -> None:
    async with database.connection() as connection:
        with pytest.raises(PlaceRefused) as refused:
            await nodes.create(connection, kind, NodeId(parent), "x", None)
        assert refused.value.constraint == constraint


async def test_a_node_lies_in_a_node(database: Database) -> None:
    async with database.connection() as connection:
        with pytest.raises(asyncpg.IntegrityConstraintViolationError):
            await nodes.create(connection, Kind.FOLDER, NodeId(999), "x", None)


async def test_the_tree_is_bounded_in_depth(database: Database) -> None:
    async with database.connection() as connection:
        node = await made(connection, Kind.PROJECT, DEPLOYMENT, "project")
        for _ in range(NODE_DEPTH_MAX - 1):
            node = await made(connection, Kind.FOLDER, node, "f")
        with pytest.raises(PlaceRefused) as refused:
            await nodes.create(connection, Kind.FOLDER, node, "f", None)
        assert refused.value.constraint == "node_depth_max"


async def test_siblings_of_a_kind_have_different_names(database: Database) -> None:
    async with database.connection() as connection:
        project = await made(connection, Kind.PROJECT, DEPLOYMENT, "project")
        await made(connection, Kind.FOLDER, project, "x")
        assert await nodes.create(connection, Kind.FOLDER, project, "x", None) is None
        await made(connection, Kind.TABLE, project, "x")


@pytest.mark.parametrize(
    ("principal", "role", "constraint"),
    [
        (-1, "downloader", "acl_everyone_may_at_most_view"),
        (-2, "owner", "acl_registered_get_little"),
        (1, "member", "acl_members_of_the_deployment"),
        (77, "reader", "acl_principal_id_fkey"),
    ],
)
async def test_a_list_holds_no_entry_that_rules_forbid(
    database: Database, principal: int, role: str, constraint: str
) -> None:
    async with database.connection() as connection:
        await connection.execute("INSERT INTO account (name) VALUES ('ann')")
        with pytest.raises(asyncpg.IntegrityConstraintViolationError) as refused:
            await connection.execute(
                "INSERT INTO acl VALUES (2, $1, $2::acl_role)", principal, role
            )
        assert refused.value.constraint_name == constraint


async def test_an_access_list_is_replaced_whole(database: Database) -> None:
    async with database.connection() as connection:
        for name in ("ann", "bob"):
            await connection.execute("INSERT INTO account (name) VALUES ($1)", name)
        ann, bob = PrincipalId(1), PrincipalId(2)
        node = await nodes.create(connection, Kind.PROJECT, DEPLOYMENT, "p", AccountId(1))
        assert node is not None
        both = mask([Role.READER, Role.EDITOR])
        assert await nodes.replace_acl(connection, node, {ann: both}) == 2
        wanted = {ann: mask([Role.EDITOR]), bob: mask([Role.OWNER])}
        assert await nodes.replace_acl(connection, node, wanted) == 3
        assert await nodes.acl(connection, node) == wanted


async def test_rule_Y12_the_audit_names_what_is_not_governed_by_its_project(
    database: Database,
) -> None:
    async with database.connection() as connection:
        project = await made(connection, Kind.PROJECT, DEPLOYMENT, "p")
        private = await made(connection, Kind.FOLDER, project, "private")
        below = await made(connection, Kind.FILE, private, "file")
        await made(connection, Kind.FOLDER, project, "plain")
        assert await connection.fetch("SELECT id FROM benefactor_audit") == []
        await nodes.restamp(connection, private, private)
        rows = await connection.fetch(
            "SELECT id, benefactor_id, has_own_acl FROM benefactor_audit ORDER BY id"
        )
        assert [tuple(row) for row in rows] == [(private, private, True), (below, private, False)]
