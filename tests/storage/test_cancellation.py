"""Cancellation against hosts that lease and settle the same jobs at the same moment."""

import asyncio
import random

import pytest

from broker.domain.credit import COBBLESTONES_PER_GFLOPS_SECOND
from broker.errors import Conflict
from broker.protocol.ids import AccountId, AppId, BatchId, HostId, JobId, LaneId
from broker.protocol.leases import Report, Usage
from broker.protocol.states import Outcome
from broker.services.settling import RULES, settlement
from broker.storage import admission, batches, leases
from broker.storage.batches import NewBatch
from broker.storage.database import Database
from broker.storage.leases import LeaseRow

JOBS, AT_ONCE = 1_200, 60
HOST = HostId(1)
PEOPLE = """
    INSERT INTO account (name) VALUES ('ann');
    INSERT INTO user_submit (account_id) SELECT id FROM account;
    INSERT INTO account_usage (account_id) SELECT id FROM account;
    INSERT INTO app (name, created_by) VALUES ('app', 1);
    INSERT INTO app_version (app_id, number, state, spec, created_by)
    VALUES (1, 1, 'published', '{"command": ["true"]}', 1);
    INSERT INTO lane (account_id, version_id, pool, resources, limits, slots, attempts_max)
    VALUES (1, 1, 'default', '{}', '{}', 1, 5);
    INSERT INTO host (account_id, name, pool, facts, gflops) VALUES (1, 'h', 'default', '{}', 1);
    INSERT INTO host_credit (host_id) VALUES (1);
    UPDATE leader SET term = 1;
"""


async def submit(database: Database) -> int:
    """A batch of JOBS jobs; the id of its first one."""
    async with database.connection() as connection:
        first = await batches.reserve_job_ids(connection, JOBS)
        async with connection.transaction():
            assert await admission.count(connection, {AccountId(1): JOBS})
            rows = [(first + k, first, 1, 0, None, "{}", None) for k in range(JOBS)]
            await batches.copy_jobs(connection, rows)
            batch = NewBatch(BatchId(first), AccountId(1), LaneId(1), AppId(1), 0, "", JOBS)
            await batches.insert(connection, [batch])
    return first


async def lease(database: Database, first: int, leased: "asyncio.Queue[list[LeaseRow]]") -> None:
    """Leases all jobs in portions whose order is as unlucky as can be."""
    jobs = random.sample(range(first, first + JOBS), JOBS)
    for start in range(0, JOBS, AT_ONCE):
        async with database.connection() as connection:
            wanted = jobs[start : start + AT_ONCE]
            leased.put_nowait(
                await leases.claim(
                    connection, wanted, [HOST] * len(wanted), lease_seconds=60, term=1
                )
            )


async def settle(database: Database, leased: "asyncio.Queue[list[LeaseRow]]") -> None:
    """Reports everything that was leased; half of it as lost, which a cancellation decides."""
    for _ in range(JOBS // AT_ONCE):
        reports = [
            settlement(
                HOST,
                Report(
                    job=row.job_id,
                    epoch=row.epoch,
                    outcome=random.choice([Outcome.CANCELLED, Outcome.LOST]),
                    usage=Usage(wall_seconds=0.001),
                ),
            )
            for row in await leased.get()
        ]
        async with database.connection() as connection:
            await leases.settle(
                connection,
                sorted(reports, key=lambda report: report.job_id),
                RULES,
                half_life_seconds=604_800,
                cobblestones_per_gflops_second=COBBLESTONES_PER_GFLOPS_SECOND,
            )


async def cancel(database: Database, first: int, part: int = 300) -> None:
    """Cancels the batch in parts until nothing is left to cancel."""
    for start in range(first, first + JOBS, part):
        left = True
        while left:
            async with database.connection() as connection:
                end = start + part - 1
                await batches.cancel(connection, BatchId(first), JobId(start), JobId(end))
                left = await batches.cancellable(connection, start, end)
            await asyncio.sleep(0)


async def test_cancellation_meets_leases_and_reports_without_deadlock(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("broker.storage.database.COLLISIONS_MAX", 0)  # it would hide them
    async with database.connection() as connection:
        await connection.execute(PEOPLE)
    for _ in range(3):
        first = await submit(database)
        leased: asyncio.Queue[list[LeaseRow]] = asyncio.Queue()
        try:
            await asyncio.gather(
                lease(database, first, leased),
                settle(database, leased),
                cancel(database, first),
            )
        except Conflict as error:
            raise AssertionError(f"two statements blocked each other: {error.__cause__}") from error
        async with database.connection() as connection:
            (row,) = await batches.rows(connection, [first])
            open_jobs = await connection.fetchval("SELECT jobs_open FROM account_usage")
        assert (row["cancelled"], open_jobs) == (JOBS, 0)
        assert row["finished_at"] is not None
