"""Batches and their jobs: stored a thousand at a time."""

from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg

from broker.protocol.ids import AccountId, AppId, BatchId, HostId, JobId, LaneId
from broker.storage import blocks
from broker.storage.database import Connection

SQL = blocks.load("batches")

JOB_COLUMNS = ("id", "batch_id", "lane_id", "priority", "name", "parameters", "inputs")

# id, batch, lane, priority, name, parameters as JSON, inputs as JSON
JobRecord = tuple[int, int, int, int, str | None, str, str | None]


@dataclass(frozen=True, slots=True)
class NewBatch:
    """A batch to insert; its id is the id of its first job."""

    id: BatchId
    account_id: AccountId
    lane_id: LaneId
    app_id: AppId
    priority: int
    name: str
    jobs: int


async def reserve_job_ids(connection: Connection, jobs: int) -> JobId:
    """The first id of a block of consecutive ids. Not inside a transaction."""
    return JobId(await connection.fetchval(SQL.reserve_job_ids, jobs))


async def return_job_ids(connection: Connection, last_used: int, last_reserved: int) -> None:
    """Gives back the unused end of a block, if nobody reserved behind it."""
    if last_used < last_reserved:
        await connection.execute(SQL.return_job_ids, last_used, last_reserved)


async def copy_jobs(connection: Connection, records: Sequence[JobRecord]) -> None:
    """Stores jobs by COPY: about 9 microseconds a row."""
    await connection.copy_records_to_table("job", records=records, columns=JOB_COLUMNS)


async def insert(connection: Connection, new: Sequence[NewBatch]) -> None:
    """Stores batches, the outbox rows of their jobs, and the event."""
    await connection.execute(
        SQL.insert,
        [b.id for b in new],
        [b.account_id for b in new],
        [b.lane_id for b in new],
        [b.app_id for b in new],
        [b.priority for b in new],
        [b.name for b in new],
        [b.jobs for b in new],
    )


async def open_jobs(connection: Connection, jobs: dict[AccountId, int]) -> set[AccountId]:
    """Counts new jobs against the accounts' limits; returns the accounts that had room."""
    accounts = sorted(jobs)
    rows = await connection.fetch(SQL.open_jobs, accounts, [jobs[a] for a in accounts])
    return {AccountId(row[0]) for row in rows}


async def room(connection: Connection, account: AccountId) -> tuple[int, int]:
    """(jobs that the account may still open, its limit)."""
    row = await connection.fetchrow(SQL.room, account)
    return (row[0], row[1]) if row else (0, 0)


async def row(connection: Connection, batch: BatchId) -> asyncpg.Record | None:
    """A batch with the names that people know."""
    return await connection.fetchrow(SQL.row, batch)


async def of_job(connection: Connection, job: JobId) -> tuple[BatchId, AccountId, AppId] | None:
    """(batch, its account, its app) of a job."""
    found = await connection.fetchrow(SQL.of_job, job)
    return (found[0], found[1], found[2]) if found else None


async def page(
    connection: Connection,
    *,
    before: int,
    rows_max: int,
    viewer: AccountId,
    apps_administered: Sequence[AppId],
    sees_all: bool,
    app: AppId | None,
    account: AccountId | None,
    open_ones: bool,
    finished_ones: bool,
) -> list[asyncpg.Record]:
    """Batches that the viewer may see, newest first."""
    return await connection.fetch(
        SQL.page,
        before,
        rows_max,
        viewer,
        apps_administered,
        sees_all,
        app,
        account,
        open_ones,
        finished_ones,
    )


async def active_counts(
    connection: Connection, batches: Sequence[tuple[int, int]]
) -> dict[tuple[int, str], int]:
    """Jobs that hold a lease, by (batch, state).

    Args:
        batches: (batch id, number of jobs) of each.
    """
    ids = [batch for batch, _ in batches]
    lasts = [batch + jobs - 1 for batch, jobs in batches]
    rows = await connection.fetch(SQL.active_counts, ids, lasts)
    return {(batch, state): jobs for batch, state, jobs in rows}


async def cancel(
    connection: Connection, batch: BatchId, first: JobId, last: JobId
) -> tuple[int, set[HostId]]:
    """Ends the queued jobs of a range and marks the others.

    Returns:
        How many jobs were touched, and the hosts that must be told.
    """
    rows = await connection.fetch(SQL.cancel, batch, first, last)
    return len(rows), {HostId(host) for _, host in rows if host is not None}
