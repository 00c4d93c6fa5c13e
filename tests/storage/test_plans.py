"""Queries whose cost must not grow with the jobs of a batch: the index that each walks."""

import pytest

from broker.storage import batches, jobs
from broker.storage.database import Connection, Database

JOBS = 20_000
FILL = """
    INSERT INTO job (id, batch_id, lane_id, state, finished_at, parameters)
    SELECT id, 1, 1, (CASE WHEN id % 1000 = 0 THEN 'failed' ELSE 'succeeded' END)::job_state,
        now(), '{}'
    FROM generate_series(1, $1::int) AS id"""


async def plan(connection: Connection, block: str, arguments: str) -> str:
    """The plan of a block for whatever arguments, as it may run from the sixth time on."""
    await connection.execute("SET LOCAL plan_cache_mode = force_generic_plan")
    await connection.execute("PREPARE asked AS " + block)
    rows = await connection.fetch(f"EXPLAIN EXECUTE asked ({arguments})")
    await connection.execute("DEALLOCATE asked")
    return "\n".join(row[0] for row in rows)


@pytest.fixture
async def filled(database: Database) -> Database:
    async with database.connection() as connection:
        await connection.execute(FILL, JOBS)
        await connection.execute("ANALYZE job")
    return database


async def test_a_rerun_reads_only_the_jobs_that_failed(filled: Database) -> None:
    async with filled.transaction() as connection:
        arguments = f"0, {JOBS}, 100, {10 * JOBS}, 2, 1"
        found = await plan(connection, batches.SQL.copy_unsuccessful, arguments)
    assert "job_unsuccessful" in found
    assert "Seq Scan" not in found


async def test_a_page_of_jobs_is_read_in_order_and_no_further(filled: Database) -> None:
    async with filled.transaction() as connection:
        arguments = f"'{{1}}', '{{{JOBS}}}', {2**40}, 'failed', 10"
        found = await plan(connection, jobs.SQL.of_batches, arguments)
    walks = [
        line.split(" using ")[1].split()[0] for line in found.splitlines() if " Scan Back" in line
    ]
    assert walks == ["job_pkey", "job_unsuccessful"], found
    assert found.count("One-Time Filter") == 2, "only one of the branches may run"
