"""The floor: the same rows moved by bare asyncpg, with nothing else in between.

COPY in, claim, finish, attempt and ledger, in batches of 1,000 on one connection, against the
same tables with the same constraints and indexes, fsync on. What a broker does beyond it (HTTP,
validation, permissions, queues, fair share, usage, batches, events) is the difference.
"""

import time

import asyncpg

from broker.storage import schema

ROWS = 1_000

CLAIM = """
UPDATE job SET state = 'leased', lease_epoch = lease_epoch + 1, host_id = 1, leased_at = now(),
    lease_expires_at = now() + interval '60 seconds'
WHERE id = ANY ($1::bigint[]) AND state = 'queued'
RETURNING id, lease_epoch, parameters"""
FINISH = """
UPDATE job SET state = 'succeeded', lease_expires_at = NULL, finished_at = now(), exit_code = 0
FROM unnest($1::bigint[]) AS r (id)
WHERE job.id = r.id AND lease_epoch = 1 AND state = 'leased'"""
ATTEMPT = """
INSERT INTO attempt (job_id, epoch, host_id, leased_at, debited_gpu_seconds, exit_code, outcome,
    usage)
SELECT id, 1, 1, now(), 0.001, 0, 'succeeded', '{}' FROM unnest($1::bigint[]) AS r (id)"""
LEDGER = """
INSERT INTO ledger (job_id, epoch, account_id, host_id, amount, kind)
SELECT id, 1, 1, 1, 0.001, kind::ledger_kind
FROM unnest($1::bigint[]) AS r (id), unnest('{debit,credit}'::text[]) AS k (kind)"""
COLUMNS = ("id", "batch_id", "lane_id", "priority", "name", "parameters", "inputs")


async def floor_jobs_per_second(database_url: str, jobs: int) -> float:
    """Jobs a second through COPY, claim, finish, attempt and ledger, in a database of its own."""
    connection = await asyncpg.connect(database_url)
    await connection.execute("DROP DATABASE IF EXISTS fairlead_floor")
    await connection.execute("CREATE DATABASE fairlead_floor")
    await connection.close()
    url = database_url.replace("/fairlead?", "/fairlead_floor?")
    connection = await asyncpg.connect(url)
    try:
        await schema.apply(connection)
        started = time.perf_counter()
        for first in range(1, jobs + 1, ROWS):
            ids = list(range(first, min(first + ROWS, jobs + 1)))
            records = [(id_, first, 1, 0, None, '{"x":1.0}', None) for id_ in ids]
            await connection.copy_records_to_table("job", records=records, columns=COLUMNS)
        for first in range(1, jobs + 1, ROWS):
            ids = list(range(first, min(first + ROWS, jobs + 1)))
            await connection.fetch(CLAIM, ids)
            async with connection.transaction():
                await connection.execute(FINISH, ids)
                await connection.execute(ATTEMPT, ids)
                await connection.execute(LEDGER, ids)
        return jobs / (time.perf_counter() - started)
    finally:
        await connection.close()
        connection = await asyncpg.connect(database_url)
        await connection.execute("DROP DATABASE fairlead_floor WITH (FORCE)")
        await connection.close()
