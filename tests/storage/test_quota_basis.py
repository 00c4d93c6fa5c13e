"""What weights are made from: read for one account and for all, it is the same."""

import pytest

from broker.storage import fleet, quotas, shares
from broker.storage.database import Connection, Database

HALF_LIFE = 100.0


async def make_world(connection: Connection) -> None:
    """Five accounts, one for each policy, with everything that a policy could count."""
    await connection.execute(
        """
        INSERT INTO account (name) SELECT 'a' || n FROM generate_series(1, 5) AS n;
        INSERT INTO share_group (name) VALUES ('g');
        INSERT INTO user_submit (account_id, quota, quota_policy, group_id, minimum_slots,
            maximum_slots, quota_boost, quota_boost_until)
        SELECT n, n, (enum_range(NULL::quota_policy))[n], nullif(n, 5) / n, n, n + 1,
            CASE n WHEN 2 THEN 77 WHEN 3 THEN 88 END,
            CASE n WHEN 2 THEN now() + interval '1 h' WHEN 3 THEN now() - interval '1 s' END
        FROM generate_series(1, 5) AS n;
        INSERT INTO account_usage (account_id, jobs_open, usage_gpu_seconds)
        SELECT n, 1, n FROM generate_series(1, 5) AS n;
        INSERT INTO host (account_id, name, pool, facts, gflops)
        SELECT 1 + n % 4, 'h', 'p', '{}', 1 FROM generate_series(1, 8) AS n;
        INSERT INTO host_credit (host_id, credit_recent, recent_at)
        SELECT n, 100 * n, now() - n * interval '10 s' FROM generate_series(1, 8) AS n;
        INSERT INTO donation VALUES (1, 4, 0.5), (2, 4, 0.25), (1, 2, 0.5), (5, 4, 1);
        INSERT INTO contribution (account_id, points, points_at)
        VALUES (5, 40, now() - interval '100 s'), (1, 3, now());
        UPDATE quota_mix SET factor = 2 WHERE policy <> 'donated'"""
    )


async def test_rule_B17_one_account_and_all_accounts_are_weighed_alike(database: Database) -> None:
    async with database.transaction() as connection:  # one now() for all
        await make_world(connection)
        for_plan = await fleet.accounts(connection, half_life_seconds=HALF_LIFE)
        for_table = await shares.accounts(
            connection, [], half_life_seconds=HALF_LIFE, accounts_max=10
        )
        weights = {row.id: row.weight for row in for_plan}
        assert weights == {row.id: row.weight for row in for_table}
        mix = await quotas.mix(connection)
        for row in for_plan:
            one = await quotas.of_account(connection, row.id, half_life_seconds=HALF_LIFE)
            alone = quotas.policies(mix)[one.policy].weight(one.basis)
            assert alone == pytest.approx(row.weight, rel=1e-12)
            assert (one.group_id, one.minimum_slots) == (row.group_id, row.minimum_slots)
            assert one.maximum_slots == row.maximum_slots
    own = {n: sum(100 * h * 0.5 ** (h / 10) for h in range(1, 9) if 1 + h % 4 == n) for n in (1, 2)}
    assert weights[2] == 77  # manual, boosted
    assert weights[3] == pytest.approx(
        sum(100 * h * 0.5 ** (h / 10) for h in range(1, 9) if 1 + h % 4 == 3)
    )
    assert weights[4] == pytest.approx(0.5 * own[1] + 0.25 * own[2])  # volunteer 5 has no host
    assert weights[5] == pytest.approx(20)  # a half-life ago it had 40 points
    assert weights[1] == pytest.approx(2 * (1 + own[1] + 3))


async def test_a_boost_that_is_over_counts_no_more(database: Database) -> None:
    async with database.transaction() as connection:
        await make_world(connection)
        await connection.execute("UPDATE user_submit SET quota_policy = 'manual'")
        rows = await fleet.accounts(connection, half_life_seconds=HALF_LIFE)
    assert {row.id: row.weight for row in rows} == {1: 1, 2: 77, 3: 3, 4: 4, 5: 5}


async def test_only_accounts_with_open_jobs_are_weighed(database: Database) -> None:
    async with database.transaction() as connection:
        await make_world(connection)
        await connection.execute("UPDATE account_usage SET jobs_open = 0 WHERE account_id > 2")
        rows = await fleet.accounts(connection, half_life_seconds=HALF_LIFE)
    assert {row.id for row in rows} == {1, 2}
