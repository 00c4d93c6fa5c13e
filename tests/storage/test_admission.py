"""Members of a group with a limit of jobs cannot take the same room twice."""

import asyncio

from broker.protocol.ids import AccountId
from broker.storage import admission
from broker.storage.database import Connection, Database
from tests.storage.test_groups import waits
from tests.support.until import until

ANN, BOB, EVE = AccountId(1), AccountId(2), AccountId(3)


async def make_world(connection: Connection, jobs_max: int | None) -> None:
    """ann and bob in a group with a limit of jobs, eve in none."""
    await connection.execute(
        """
        INSERT INTO account (name) VALUES ('ann'), ('bob'), ('eve');
        INSERT INTO share_group (name) VALUES ('lab');
        INSERT INTO user_submit (account_id, group_id, jobs_in_progress_max)
        VALUES (1, 1, 10), (2, 1, 10), (3, NULL, 10);
        INSERT INTO account_usage (account_id) VALUES (1), (2), (3)"""
    )
    await connection.execute("UPDATE share_group SET jobs_in_progress_max = $1", jobs_max)


async def test_the_second_of_two_members_sees_what_the_first_one_took(database: Database) -> None:
    async with database.connection() as first, database.connection() as second:
        await make_world(first, 5)

        async def as_bob() -> dict[AccountId, admission.Breach]:
            async with second.transaction():
                assert await admission.count(second, {BOB: 3}) == {BOB: True}
                return await admission.breaches(second, [BOB])

        opened = first.transaction()
        await opened.start()
        assert await admission.count(first, {ANN: 3}) == {ANN: True}
        assert await admission.breaches(first, [ANN]) == {}
        other = asyncio.create_task(as_bob())
        async with database.connection() as observer:
            await until(lambda: waits(observer))
        await opened.commit()
        breach = (await other)[BOB]
    assert (breach.holder, breach.allowed, breach.used) == ("group lab", 5, 6)


async def test_where_nothing_limits_groups_nobody_is_asked_to_look(database: Database) -> None:
    async with database.transaction() as connection:
        await make_world(connection, None)
        counted = await admission.count(connection, {ANN: 3, BOB: 11, EVE: 10})
        assert counted == {ANN: False, EVE: False}  # bob has no room of his own
        own = await admission.of_account(connection, BOB)
        assert (own.holder, own.allowed, own.used) == ("account bob", 10, 0)
        await admission.uncount(connection, {ANN: 3})
        assert (await admission.of_account(connection, ANN)).used == 0
