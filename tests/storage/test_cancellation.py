"""Cancellation against hosts that lease and settle the same jobs at the same moment."""

import asyncio
import random

import pytest

from broker.errors import Conflict
from broker.protocol.ids import BatchId, JobId
from broker.protocol.states import Outcome
from broker.storage import batches, leases
from broker.storage.database import Database
from broker.storage.leases import LeaseRow
from tests.storage.scene import HOST, PEOPLE, TERM, report, settle, submit

JOBS, AT_ONCE = 1_200, 60


async def lease(database: Database, first: int, leased: "asyncio.Queue[list[LeaseRow]]") -> None:
    """Leases all jobs in portions whose order is as unlucky as can be."""
    jobs = random.sample(range(first, first + JOBS), JOBS)
    for start in range(0, JOBS, AT_ONCE):
        async with database.connection() as connection:
            wanted = jobs[start : start + AT_ONCE]
            leased.put_nowait(
                await leases.claim(
                    connection, wanted, [HOST] * len(wanted), lease_seconds=60, term=TERM
                )
            )


async def report_all(database: Database, leased: "asyncio.Queue[list[LeaseRow]]") -> None:
    """Reports everything that was leased; half of it as lost, which a cancellation decides."""
    for _ in range(JOBS // AT_ONCE):
        outcomes = [Outcome.CANCELLED, Outcome.LOST]
        reports = [
            report(row.job_id, row.epoch, random.choice(outcomes)) for row in await leased.get()
        ]
        async with database.connection() as connection:
            await settle(connection, *reports)


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
        first = await submit(database, JOBS)
        leased: asyncio.Queue[list[LeaseRow]] = asyncio.Queue()
        try:
            await asyncio.gather(
                lease(database, first, leased),
                report_all(database, leased),
                cancel(database, first),
            )
        except Conflict as error:
            raise AssertionError(f"two statements blocked each other: {error.__cause__}") from error
        async with database.connection() as connection:
            (row,) = await batches.rows(connection, [first])
            open_jobs = await connection.fetchval("SELECT jobs_open FROM account_usage")
        assert (row["cancelled"], open_jobs) == (JOBS, 0)
        assert row["finished_at"] is not None
