"""Jobs as people look at them; `batches` stores them and `leases` moves them."""

from collections.abc import Sequence

import asyncpg

from broker.protocol.ids import AppId, BatchId, JobId
from broker.protocol.resources import HostFacts
from broker.protocol.states import JobState
from broker.storage import blocks
from broker.storage.batches import Scope
from broker.storage.database import Connection

SQL = blocks.load("jobs")


async def row(connection: Connection, job: JobId) -> asyncpg.Record | None:
    """A job with its batch and the names that people know."""
    return await connection.fetchrow(SQL.row, job)


async def attempts(connection: Connection, job: JobId) -> list[asyncpg.Record]:
    """The closed leases of a job, oldest first."""
    return await connection.fetch(SQL.attempts, job)


async def of_batches(
    connection: Connection,
    batches: Sequence[tuple[int, int]],
    *,
    before: int,
    state: JobState | None,
    rows_max: int,
) -> list[asyncpg.Record]:
    """Jobs of some batches, newest first.

    Args:
        batches: (batch id, number of jobs) of each.
        before: only ids below this one.
        state: only in this state; None for any.
    """
    ids = [batch for batch, _ in batches]
    lasts = [batch + jobs - 1 for batch, jobs in batches]
    return await connection.fetch(SQL.of_batches, ids, lasts, before, state, rows_max)


async def active(
    connection: Connection,
    scope: Scope,
    state: JobState,
    *,
    before: int,
    rows_max: int,
    app: AppId | None,
    batch: BatchId | None,
) -> list[asyncpg.Record]:
    """Jobs within a scope that hold a lease, newest first."""
    return await connection.fetch(
        SQL.active,
        state,
        before,
        rows_max,
        scope.everything,
        scope.nodes,
        scope.apps,
        app,
        batch,
        scope.viewer,
        scope.shared_apps,
    )


async def backing_off(connection: Connection, job: JobId) -> float | None:
    """Seconds until a requeued job is offered again; None when it does not wait for that."""
    seconds = await connection.fetchval(SQL.backing_off, job)
    return None if seconds is None else float(seconds)


async def handed_back(connection: Connection, job: JobId) -> int:
    """How often a job was preempted."""
    return int(await connection.fetchval(SQL.handed_back, job))


async def pool(
    connection: Connection, name: str, *, silent_seconds: float, hosts_max: int
) -> list[tuple[HostFacts, bool]]:
    """(facts, whether heard of lately) of the active hosts of a pool."""
    found = await connection.fetch(SQL.pool, name, silent_seconds, hosts_max)
    return [(HostFacts.model_validate_json(facts), heard) for facts, heard in found]


async def standing(connection: Connection, job: JobId) -> tuple[JobState, int]:
    """(state, number of leases so far) of a job that exists."""
    found = await connection.fetchrow(SQL.standing, job)
    assert found is not None, "jobs are never removed"
    return JobState(found[0]), found[1]
