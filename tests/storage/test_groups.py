"""The database itself keeps the tree of groups a tree, whoever writes."""

import asyncio

import asyncpg
import pytest

from broker.protocol.limits import GROUP_LEVELS_MAX
from broker.storage.database import Connection, Database
from tests.support.until import until


async def make_chain(connection: Connection, levels: int) -> None:
    """Groups 1 to `levels`, each below the one before."""
    for level in range(1, levels + 1):
        await connection.execute(
            "INSERT INTO share_group (name, parent_id) VALUES ($1, $2)",
            f"g{level}",
            level - 1 or None,
        )


async def refused_by(connection: Connection, statement: str) -> str | None:
    with pytest.raises(asyncpg.IntegrityConstraintViolationError) as refused:
        await connection.execute(statement)
    return refused.value.constraint_name


@pytest.mark.parametrize("parent", [1, 2, 3])
async def test_a_cycle_is_refused(database: Database, parent: int) -> None:
    async with database.connection() as connection:
        await make_chain(connection, 3)
        statement = f"UPDATE share_group SET parent_id = {parent} WHERE id = 1"
        assert await refused_by(connection, statement) == "share_group_no_cycle"


async def test_a_level_too_many_is_refused(database: Database) -> None:
    async with database.connection() as connection:
        await make_chain(connection, GROUP_LEVELS_MAX)
        deeper = f"INSERT INTO share_group (name, parent_id) VALUES ('x', {GROUP_LEVELS_MAX})"
        assert await refused_by(connection, deeper) == "share_group_levels_max"
        await connection.execute("INSERT INTO share_group (name) VALUES ('top')")
        whole = (
            "UPDATE share_group SET parent_id = (SELECT id FROM share_group WHERE name = 'top') "
            "WHERE id = 1"
        )
        assert await refused_by(connection, whole) == "share_group_levels_max"


@pytest.mark.parametrize(
    ("column", "value", "constraint"),
    [
        ("weight", "-1", "share_group_weight_not_negative"),
        ("weight", "'NaN'", "share_group_weight_not_negative"),
        ("weight", "'Infinity'", "share_group_weight_not_negative"),
        ("minimum_slots", "'NaN'", "share_group_minimum_not_negative"),
        ("maximum_slots", "-1", "share_group_maximum_not_negative"),
        ("minimum_slots", "5", "share_group_minimum_within_maximum"),
        ("jobs_in_progress_max", "-1", "share_group_jobs_in_progress_max_not_negative"),
    ],
)
async def test_numbers_out_of_range_are_refused(
    database: Database, column: str, value: str, constraint: str
) -> None:
    async with database.connection() as connection:
        await connection.execute("INSERT INTO share_group (name, maximum_slots) VALUES ('g', 4)")
        refused = await refused_by(connection, f"UPDATE share_group SET {column} = {value}")
        assert refused == constraint


@pytest.mark.parametrize("value", ["-1", "'NaN'", "'Infinity'", "'-Infinity'"])
@pytest.mark.parametrize(
    ("table", "column", "constraint"),
    [
        ("share_group", "weight", "share_group_weight_not_negative"),
        ("share_group", "minimum_slots", "share_group_minimum_not_negative"),
        ("share_group", "maximum_slots", "share_group_maximum_not_negative"),
        ("user_submit", "quota", "user_submit_quota_not_negative"),
        ("user_submit", "minimum_slots", "user_submit_minimum_not_negative"),
        ("user_submit", "maximum_slots", "user_submit_maximum_not_negative"),
        ("quota_mix", "factor", "quota_mix_factor_not_negative"),
        ("budget", "gpu_seconds", "budget_gpu_seconds_not_negative"),
        ("host", "gflops", "host_gflops_positive"),
    ],
)
async def test_what_shares_are_made_of_is_finite_and_not_negative(
    database: Database, table: str, column: str, constraint: str, value: str
) -> None:
    async with database.connection() as connection:
        await connection.execute(
            "INSERT INTO account (name) VALUES ('ann');"
            "INSERT INTO share_group (name) VALUES ('lab');"
            "INSERT INTO user_submit (account_id) SELECT id FROM account ON CONFLICT DO NOTHING;"
            "INSERT INTO budget (account_id, gpu_seconds) SELECT id, 1 FROM account;"
            "INSERT INTO host (account_id, name, pool, facts, gflops)"
            " SELECT id, 'h', 'default', '{}', 1 FROM account"
        )
        refused = await refused_by(connection, f"UPDATE {table} SET {column} = {value}")
        # a maximum that is none breaks both bounds that it is in
        assert refused in {constraint, f"{table}_minimum_within_maximum"}


async def waits(connection: Connection) -> bool:
    """Whether a transaction of this database waits for an advisory lock."""
    return bool(
        await connection.fetchval(
            "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))"
        )
    )


async def test_two_moves_at_once_close_no_circle(database: Database) -> None:
    move = "UPDATE share_group SET parent_id = $2 WHERE id = $1"
    async with database.connection() as first, database.connection() as second:
        await first.execute("INSERT INTO share_group (name) VALUES ('a'), ('b')")
        opened = first.transaction()
        await opened.start()
        await first.execute(move, 1, 2)
        other = asyncio.create_task(second.execute(move, 2, 1))
        async with database.connection() as observer:
            await until(lambda: waits(observer))
        await opened.commit()
        with pytest.raises(asyncpg.IntegrityConstraintViolationError) as refused:
            await other
        assert refused.value.constraint_name == "share_group_no_cycle"
