"""Budgets: what accounts were debited is counted once, where they belong, whoever counts."""

import asyncio

import pytest

from broker.protocol.ids import AccountId, GroupId
from broker.storage import budgets
from broker.storage.database import Connection, Database

ANN, BOB, EVE = AccountId(1), AccountId(2), AccountId(3)
LAB, TOP = GroupId(2), GroupId(1)


async def make_world(connection: Connection) -> None:
    """ann and bob in group 2 below group 1, eve in no group; budgets of all three kinds."""
    await connection.execute(
        """
        INSERT INTO account (name) VALUES ('ann'), ('bob'), ('eve');
        INSERT INTO share_group (name) VALUES ('top');
        INSERT INTO share_group (name, parent_id) VALUES ('lab', 1);
        INSERT INTO user_submit (account_id, group_id) VALUES (1, 2), (2, 2), (3, NULL);
        INSERT INTO account_usage (account_id, jobs_open) VALUES (1, 1), (2, 1), (3, 1)"""
    )
    await budgets.put(connection, (None, TOP), 1000.0, None)
    await budgets.put(connection, (None, LAB), 100.0, 7)
    await budgets.put(connection, (ANN, None), 50.0, 30)


async def debit(connection: Connection, account: AccountId, gpu_seconds: float) -> None:
    await connection.execute(
        "UPDATE account_usage SET debited_gpu_seconds = debited_gpu_seconds + $2"
        " WHERE account_id = $1",
        account,
        gpu_seconds,
    )


async def spent(connection: Connection) -> tuple[float, ...]:
    """Of the top, the lab and ann."""
    held = await budgets.of(connection, [ANN], [TOP, LAB])
    return tuple(held[key].spent_gpu_seconds for key in ((None, TOP), (None, LAB), (ANN, None)))


async def test_what_was_debited_counts_at_once_and_carrying_changes_nothing(
    database: Database,
) -> None:
    async with database.connection() as connection:
        await make_world(connection)
        await debit(connection, ANN, 10)
        await debit(connection, BOB, 5)
        await debit(connection, EVE, 77)
        assert await spent(connection) == (15, 15, 10)
        for _ in range(3):
            await budgets.carry(connection)
            assert await spent(connection) == (15, 15, 10)
        await debit(connection, ANN, 1)
        await budgets.carry(connection, [ANN])
        assert await spent(connection) == (16, 16, 11)
        stored = await connection.fetchval("SELECT sum(spent_gpu_seconds) FROM budget")
        assert stored == 16 + 16 + 11


async def test_carrying_and_debiting_at_the_same_time_loses_nothing(database: Database) -> None:
    async with database.connection() as connection:
        await make_world(connection)

    async def debits(account: AccountId) -> None:
        for _ in range(40):
            async with database.transaction() as connection:
                await debit(connection, account, 1)

    async def carries() -> None:
        for _ in range(40):
            async with database.transaction() as connection:
                await budgets.carry(connection)

    await asyncio.gather(debits(ANN), debits(BOB), carries(), carries())
    async with database.connection() as connection:
        assert await spent(connection) == (80, 80, 40)
        await budgets.carry(connection)
        assert await spent(connection) == (80, 80, 40)


async def test_a_period_that_is_over_starts_anew_on_its_own_grid(database: Database) -> None:
    async with database.connection() as connection:
        await make_world(connection)
        await debit(connection, ANN, 30)
        await budgets.carry(connection)
        await connection.execute("UPDATE budget SET started_at = now() - interval '15 days'")
        assert await spent(connection) == (30, 0, 30)  # 7 days are over, 30 are not
        await budgets.carry(connection)
        assert await spent(connection) == (30, 0, 30)
        age = await connection.fetchval(
            "SELECT extract(epoch FROM now() - started_at)::float8 FROM budget WHERE group_id = $1",
            LAB,
        )
        assert age == pytest.approx(86_400, abs=60)  # two whole periods later


async def test_another_amount_keeps_what_was_spent_and_another_period_starts_now(
    database: Database,
) -> None:
    async with database.connection() as connection:
        await make_world(connection)
        await debit(connection, ANN, 30)
        await budgets.carry(connection)
        await budgets.put(connection, (None, LAB), 500.0, 7)
        assert await spent(connection) == (30, 30, 30)
        await budgets.put(connection, (None, LAB), 500.0, 14)
        assert await spent(connection) == (30, 0, 30)


async def test_reservations_count_for_all_budgets_above(database: Database) -> None:
    async with database.connection() as connection:
        await make_world(connection)
        await budgets.reserve(connection, {ANN: 5.0, BOB: 7.0, EVE: 100.0})
        held = await budgets.of(connection, [ANN], [TOP, LAB])
        assert {key: budget.reserved_gpu_seconds for key, budget in held.items()} == {
            (None, TOP): 12,
            (None, LAB): 12,
            (ANN, None): 5,
        }
        await budgets.reserve(connection, {})
        held = await budgets.of(connection, [ANN])
        assert held[ANN, None].reserved_gpu_seconds == 0


async def test_the_leader_sees_what_is_left_and_who_draws(database: Database) -> None:
    async with database.connection() as connection:
        await make_world(connection)
        await debit(connection, BOB, 40)
        drawn = {row.id: row for row in await budgets.drawn(connection)}
        assert {number: row.left_gpu_seconds for number, row in drawn.items()} == {
            1: 960,
            2: 60,
            3: 50,
        }
        assert sorted(drawn[1].accounts) == [ANN, BOB]
        assert list(drawn[3].accounts) == [ANN]
        assert await budgets.tightest(connection, EVE) is None
        holder = await budgets.tightest(connection, BOB)
        assert holder is not None
        assert holder[0] == "group lab"
