"""What is remembered of rights, read whole or by what changed: the same world either way."""

import random
from collections.abc import Awaitable, Callable
from contextlib import suppress

import asyncpg

from broker.domain.access import Action
from broker.protocol.ids import NodeId
from broker.protocol.nodes import DEPLOYMENT, Kind
from broker.services.requests.access import Access
from broker.storage import access, nodes
from broker.storage.database import Connection, Database

Step = Callable[[Connection, random.Random], Awaitable[object]]


async def any_id(connection: Connection, chance: random.Random, table: str, where: str) -> int:
    rows = await connection.fetch(f"SELECT id FROM {table} WHERE {where} ORDER BY id")
    return int(chance.choice(rows)[0])


async def add_account(connection: Connection, chance: random.Random) -> None:
    name = f"a{chance.getrandbits(40)}"
    await connection.execute(
        "WITH new AS (INSERT INTO account (name) VALUES ($1) RETURNING id)"
        " INSERT INTO user_submit (account_id) SELECT id FROM new",
        name,
    )


async def add_node(connection: Connection, chance: random.Random) -> None:
    parents = "kind IN ('project', 'workspace', 'folder') AND depth < 30"
    parent = NodeId(await any_id(connection, chance, "node", parents))
    kind = chance.choice([Kind.FOLDER, Kind.FILE, Kind.TABLE])
    await nodes.create(connection, kind, parent, f"n{chance.getrandbits(40)}", None)


async def add_project(connection: Connection, chance: random.Random) -> None:
    name = f"p{chance.getrandbits(40)}"
    node = await nodes.create(connection, Kind.PROJECT, DEPLOYMENT, name, None)
    await connection.execute("INSERT INTO project (id, import_enabled) VALUES ($1, false)", node)


async def override(connection: Connection, chance: random.Random) -> None:
    node = NodeId(await any_id(connection, chance, "node", "kind = 'folder'"))
    await nodes.restamp(connection, node, node)


async def grant(connection: Connection, chance: random.Random) -> None:
    node = await any_id(connection, chance, "node", "id = benefactor_id AND id <> 1")
    who = await any_id(connection, chance, "account", "true")
    role = chance.choice(["reader", "editor", "owner"])
    await connection.execute(
        "INSERT INTO acl VALUES ($1, $2, $3::acl_role) ON CONFLICT DO NOTHING", node, who, role
    )


async def revoke(connection: Connection, chance: random.Random) -> None:
    await connection.execute(
        "DELETE FROM acl WHERE ctid = (SELECT ctid FROM acl WHERE principal_id > 0 LIMIT 1)"
    )


async def join(connection: Connection, chance: random.Random) -> None:
    await connection.execute(
        "INSERT INTO team (name) VALUES ('t' || $1::int) ON CONFLICT DO NOTHING",
        chance.randrange(3),
    )
    team = await any_id(connection, chance, "team", "true")
    who = await any_id(connection, chance, "account", "true")
    await connection.execute(
        "INSERT INTO team_member VALUES ($1, $2) ON CONFLICT DO NOTHING", team, who
    )


async def leave(connection: Connection, chance: random.Random) -> None:
    who = await any_id(connection, chance, "account", "true")
    await connection.execute("DELETE FROM team_member WHERE account_id = $1", who)


async def suspend(connection: Connection, chance: random.Random) -> None:
    who = await any_id(connection, chance, "account", "true")
    await connection.execute("UPDATE account SET state = 'suspended' WHERE id = $1", who)


async def promote(connection: Connection, chance: random.Random) -> None:
    who = await any_id(connection, chance, "account", "true")
    await connection.execute(
        "UPDATE user_submit SET admin_all_apps = NOT admin_all_apps WHERE account_id = $1", who
    )


async def trash(connection: Connection, chance: random.Random) -> None:
    node = await any_id(connection, chance, "node", "kind = 'folder'")
    await connection.execute(
        "UPDATE node SET trash_id = $1, trashed_at = now() WHERE id = $1", node
    )


async def bind(connection: Connection, chance: random.Random) -> None:
    project = await any_id(connection, chance, "project", "true")
    mode = chance.choice(["read", "write"])
    await connection.execute(
        "INSERT INTO binding VALUES ($1, 2, $2::binding_mode) ON CONFLICT DO NOTHING", project, mode
    )


async def close_pool(connection: Connection, chance: random.Random) -> None:
    await connection.execute("UPDATE pool SET open = NOT open")


STEPS: list[Step] = [
    add_account, add_node, add_project, override, grant, revoke, join, leave, suspend, promote,
    trash, bind, close_pool,
]  # fmt: skip


async def test_what_changed_gives_the_same_world_as_everything(database: Database) -> None:
    chance = random.Random(5)
    known = Access(database)
    await known.catch_up()
    async with database.connection() as connection:
        for step in (add_account, add_project, add_node, add_node, add_node, add_node):
            await step(connection, chance)
        for _ in range(150):
            # a step may find nothing to choose from, or a parent that lies in the trash
            with suppress(IndexError, asyncpg.IntegrityConstraintViolationError):
                await chance.choice(STEPS)(connection, chance)
            await known.catch_up()
    whole = Access(database)
    await whole.catch_up()
    assert known.world.epoch == whole.world.epoch > 100
    for part in ("nodes", "acls", "accounts", "teams", "bindings", "open_pools", "imports_off"):
        mine, theirs = getattr(known.world, part), getattr(whole.world, part)
        assert mine == theirs, part
    for account in whole.world.accounts:
        assert known.world.principal(account) == whole.world.principal(account)
        who = whole.world.principal(account)
        for action in (Action.PROJECT_VIEW, Action.SHARE):
            assert known.world.visible(who, action) == whole.world.visible(who, action)


async def test_a_rolled_back_change_is_no_change(database: Database) -> None:
    async with database.connection() as connection:
        before = await access.epoch(connection)
        transaction = connection.transaction()
        await transaction.start()
        await add_account(connection, random.Random(1))
        await transaction.rollback()
        assert await access.epoch(connection) == before
        await add_account(connection, random.Random(1))
        assert await access.epoch(connection) > before


async def test_files_are_not_remembered(database: Database) -> None:
    async with database.connection() as connection:
        chance = random.Random(1)
        await add_account(connection, chance)
        workspace = NodeId(await any_id(connection, chance, "node", "kind = 'workspace'"))
        before = await access.epoch(connection)
        assert await nodes.create(connection, Kind.FILE, workspace, "x", None)
        assert await access.epoch(connection) == before


async def test_whoever_was_away_for_too_long_reads_everything(database: Database) -> None:
    known = Access(database)
    await known.catch_up()
    async with database.connection() as connection:
        chance = random.Random(1)
        for _ in range(3):
            await add_account(connection, chance)
        await access.prune(connection, hours=0)
        await add_account(connection, chance)
    await known.catch_up()
    assert len(known.world.accounts) == 4
