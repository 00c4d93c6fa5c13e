"""What was due to accounts: written by the leader in batches, faded when read, part of a group."""

from collections.abc import AsyncIterator

import pytest

from broker.protocol.ids import AccountId, JobId
from broker.scheduling.history import faded
from broker.storage import fleet, leases
from broker.storage.database import Connection, Database
from tests.storage.scene import HALF_LIFE_SECONDS, HOST, PEOPLE, TERM, report, settle, submit

ANN = AccountId(1)


@pytest.fixture
async def connection(database: Database) -> AsyncIterator[Connection]:
    async with database.connection() as opened:
        await opened.execute(PEOPLE)
        yield opened


@pytest.fixture
async def job(database: Database, connection: Connection) -> JobId:
    """A queued job."""
    return JobId(await submit(database, 1))


async def leased(connection: Connection, job: JobId) -> int:
    """Leases the job; the epoch."""
    (lease,) = await leases.claim(connection, [job], [HOST], lease_seconds=60, term=TERM)
    return lease.epoch


async def add(connection: Connection, gpu_seconds: float, *, term: int = TERM) -> None:
    due = [(ANN, gpu_seconds)]
    await fleet.add_due(connection, due, half_life_seconds=HALF_LIFE_SECONDS, term=term)


async def due(connection: Connection) -> float:
    (row,) = await fleet.accounts(connection, half_life_seconds=HALF_LIFE_SECONDS)
    return row.due_gpu_seconds


async def test_what_is_due_adds_up_and_fades(connection: Connection, job: JobId) -> None:
    assert await due(connection) == 0
    await add(connection, 1000)
    await connection.execute("UPDATE account_due SET updated_at = now() - interval '7 days'")
    assert await due(connection) == pytest.approx(500)
    await add(connection, 100)
    assert await due(connection) == pytest.approx(600)


async def test_nothing_is_added_by_who_leads_no_more(connection: Connection, job: JobId) -> None:
    await add(connection, 1000)
    await add(connection, 1000, term=TERM - 1)
    assert await due(connection) == pytest.approx(1000)


async def test_what_is_due_to_members_without_open_jobs_is_their_groups(
    connection: Connection, job: JobId
) -> None:
    await connection.execute("INSERT INTO share_group (name) VALUES ('lab')")
    await connection.execute("UPDATE user_submit SET group_id = 1")
    await add(connection, 1000)
    (group,) = await fleet.groups(connection, half_life_seconds=HALF_LIFE_SECONDS)
    assert group.due_gpu_seconds == 0  # it stands with the account, which has an open job
    await settle(connection, report(job, await leased(connection, job)))
    (group,) = await fleet.groups(connection, half_life_seconds=HALF_LIFE_SECONDS)
    assert group.due_gpu_seconds == pytest.approx(1000)


async def test_usage_of_a_long_job_has_faded_while_it_ran(
    connection: Connection, job: JobId
) -> None:
    """As what was due to the account has: who held what was due keeps the quota."""
    epoch = await leased(connection, job)
    await connection.execute("UPDATE job SET leased_at = now() - interval '7 days'")
    week = 7 * 86_400.0
    (closed,) = await settle(connection, report(job, epoch, wall_seconds=week))
    assert closed.debit_gpu_seconds == pytest.approx(week)
    used = await connection.fetchval("SELECT usage_gpu_seconds FROM account_usage")
    assert used == pytest.approx(faded(week, HALF_LIFE_SECONDS), rel=1e-6)
    assert used < week


async def test_the_leader_counts_how_long_jobs_have_run(connection: Connection, job: JobId) -> None:
    await leased(connection, job)
    await connection.execute("UPDATE job SET leased_at = now() - interval '100 s'")
    counted, _ = await leases.active_by_lane(connection)
    ((jobs, seconds),) = counted.values()
    assert jobs == 1
    assert seconds == pytest.approx(100, abs=5)
