"""Batches and their jobs: stored a thousand at a time."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import asyncpg

from broker.protocol.ids import AccountId, AppId, BatchId, HostId, JobId, LaneId, NodeId
from broker.protocol.nodes import Isolation, Mode
from broker.storage import blocks
from broker.storage.database import LONG_STATEMENT_SECONDS_MAX, Connection

SQL = blocks.load("batches")

JOB_COLUMNS = ("id", "batch_id", "lane_id", "priority", "name", "parameters", "inputs", "data")

# id, batch, lane, priority, name, and as JSON parameters, inputs, data
JobRecord = tuple[int, int, int, int, str | None, str, str | None, str | None]


@dataclass(frozen=True, slots=True)
class NewBatch:
    """A batch to insert; its id is the id of its first job.

    Args:
        roots: the data roots that its jobs use, and how.
    """

    id: BatchId
    account_id: AccountId
    lane_id: LaneId
    app_id: AppId
    node_id: NodeId
    isolation: Isolation
    priority: int
    name: str
    jobs: int
    roots: Collection[tuple[NodeId, Mode]] = ()


@dataclass(frozen=True, slots=True)
class Scope:
    """Which batches a list may show: all, or what some nodes govern and what some apps ran.

    Args:
        viewer: whose strictly personal batches count among all and among those of apps.
        nodes: visible by their access lists; trashed ones are left out.
        apps: all of whose batches are visible, but strictly personal ones.
        shared_apps: whose shared batches are visible.
        accounts: in the place of everything, where only their batches are wanted.
    """

    viewer: AccountId | None = None
    everything: bool = False
    nodes: Sequence[NodeId] = ()
    apps: Sequence[AppId] = ()
    shared_apps: Sequence[AppId] = ()
    accounts: Sequence[AccountId] = ()


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
        [b.node_id for b in new],
        [b.isolation for b in new],
        [b.priority for b in new],
        [b.name for b in new],
        [b.jobs for b in new],
    )
    if uses := [(b.id, root, mode) for b in new for root, mode in b.roots]:
        await connection.execute(SQL.insert_roots, *zip(*uses, strict=True))


async def roots(connection: Connection, batch: BatchId) -> list[tuple[NodeId, Mode]]:
    """The data roots that the jobs of a batch use, and how."""
    rows = await connection.fetch(SQL.roots, batch)
    return [(NodeId(root), Mode(mode)) for root, mode in rows]


async def owners(
    connection: Connection, batches: Collection[int]
) -> dict[int, tuple[AccountId, NodeId]]:
    """The account of each batch, and the node that governs it."""
    rows = await connection.fetch(SQL.owners, batches)
    return {batch: (AccountId(account), NodeId(node)) for batch, account, node in rows}


async def rows(connection: Connection, batches: Sequence[int]) -> list[asyncpg.Record]:
    """Batches with the names that people know, newest first; those that do not exist are left
    out."""
    return await connection.fetch(SQL.rows, batches)


async def place(connection: Connection, batch: BatchId, node: NodeId) -> None:
    """Has another node govern a batch."""
    await connection.execute(SQL.place, batch, node)


async def of_job(connection: Connection, job: JobId) -> asyncpg.Record | None:
    """The batch of a job: its id and what governs it."""
    return await connection.fetchrow(SQL.of_job, job)


async def visible(
    connection: Connection,
    scope: Scope,
    *,
    before: int,
    rows_max: int,
    app: AppId | None = None,
    account: AccountId | None = None,
    having: str = "any",
) -> list[tuple[int, int]]:
    """(id, number of jobs) of the batches within a scope, newest first.

    Args:
        before: only ids below this one.
        app: only of this app.
        account: only of this submitter.
        having: "any", "open", "finished", or a terminal state that at least one job must be in.
    """
    found = await connection.fetch(
        SQL.visible,
        before,
        rows_max,
        scope.everything,
        scope.nodes,
        scope.apps,
        app,
        account,
        having,
        scope.viewer,
        scope.accounts,
        scope.shared_apps,
    )
    return [(batch, jobs) for batch, jobs in found]


async def unshare(connection: Connection, batch: BatchId) -> None:
    """Only its place's people see a batch from now on."""
    await connection.execute(SQL.unshare, batch)


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
    return len({job for job, _ in rows}), {HostId(host) for _, host in rows if host is not None}


async def cancellable(connection: Connection, first: int, last: int) -> bool:
    """Whether a range holds jobs that `cancel` would still touch."""
    return bool(await connection.fetchval(SQL.cancellable, first, last))


async def copy_range(
    connection: Connection, first: int, last: int, *, shift: int, batch: BatchId, lane: LaneId
) -> None:
    """Submits a range of jobs again as jobs of a new batch; their ids grow by `shift`."""
    await connection.execute(
        SQL.copy_range, first, last, shift, batch, lane, timeout=LONG_STATEMENT_SECONDS_MAX
    )


async def copy_unsuccessful(
    connection: Connection,
    after: int,
    last: int,
    *,
    rows_max: int,
    first_new: int,
    batch: BatchId,
    lane: LaneId,
) -> tuple[int, int]:
    """Submits failed, cancelled and quarantined jobs of a range again, with consecutive ids.

    Returns:
        How many, and the last one that was looked at.
    """
    row = await connection.fetchrow(
        SQL.copy_unsuccessful,
        *(after, last, rows_max, first_new, batch, lane),
        timeout=LONG_STATEMENT_SECONDS_MAX,
    )
    assert row is not None, "an aggregate has a row"
    return row[0], row[1] or last
