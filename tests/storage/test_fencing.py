"""Who may do what to a lease: each condition of the statements alone decides one of these."""

from collections.abc import AsyncIterator

import pytest

from broker.protocol.ids import HostId, JobId
from broker.protocol.states import Outcome
from broker.storage import leases
from broker.storage.database import Connection, Database
from broker.storage.leases import LeaseRow
from tests.storage.scene import HOST, OTHER_HOST, PEOPLE, TERM, report, settle, submit


@pytest.fixture
async def connection(database: Database) -> AsyncIterator[Connection]:
    async with database.connection() as opened:
        await opened.execute(PEOPLE)
        yield opened


@pytest.fixture
async def job(database: Database, connection: Connection) -> JobId:
    """A queued job."""
    return JobId(await submit(database, 1))


async def claim(
    connection: Connection, job: JobId, host: HostId = HOST, term: int = TERM
) -> list[LeaseRow]:
    return await leases.claim(connection, [job], [host], lease_seconds=60, term=term)


async def leased(connection: Connection, job: JobId) -> int:
    """Leases the job to HOST; the epoch."""
    (lease,) = await claim(connection, job)
    return lease.epoch


async def column(connection: Connection, job: JobId, name: str) -> object:
    return await connection.fetchval(f"SELECT {name} FROM job WHERE id = $1", job)


async def test_only_the_leader_in_office_leases(connection: Connection, job: JobId) -> None:
    assert await claim(connection, job, term=TERM - 1) == []
    assert await claim(connection, job, term=TERM + 1) == []
    assert await column(connection, job, "state") == "queued"
    assert len(await claim(connection, job)) == 1


async def test_a_leased_job_is_not_leased_again(connection: Connection, job: JobId) -> None:
    epoch = await leased(connection, job)
    assert await claim(connection, job, OTHER_HOST) == []
    assert await column(connection, job, "host_id") == HOST
    assert await column(connection, job, "lease_epoch") == epoch


async def test_each_lease_has_a_greater_epoch(connection: Connection, job: JobId) -> None:
    first = await leased(connection, job)
    await settle(connection, report(job, first, Outcome.LOST))
    assert await leased(connection, job) == first + 1


@pytest.mark.parametrize(("epochs_later", "host"), [(0, OTHER_HOST), (1, HOST), (-1, HOST)])
async def test_nobody_but_the_holder_renews_reports_or_sends_files(
    connection: Connection, job: JobId, epochs_later: int, host: HostId
) -> None:
    await settle(connection, report(job, await leased(connection, job), Outcome.LOST))
    epoch = await leased(connection, job) + epochs_later
    expires_at = await column(connection, job, "lease_expires_at")
    renewed = await leases.renew(connection, [(job, epoch, host, True)], lease_seconds=600)
    assert renewed == {}
    assert await leases.holds(connection, job, epoch, host) is None
    assert await settle(connection, report(job, epoch), host=host) == []
    assert await leases.closed_before(connection, [(job, epoch, host)]) == set()
    await leases.lapse(connection, OTHER_HOST, [job])
    assert await column(connection, job, "lease_expires_at") == expires_at
    assert await column(connection, job, "state") == "leased"
    assert await connection.fetchval("SELECT count(*) FROM attempt") == 1  # the lost one


async def test_the_holder_renews_and_sends_files(connection: Connection, job: JobId) -> None:
    epoch = await leased(connection, job)
    expires_at = await column(connection, job, "lease_expires_at")
    renewed = await leases.renew(connection, [(job, epoch, HOST, True)], lease_seconds=600)
    assert [(key[:2], wish.cancel) for key, wish in renewed.items()] == [((job, epoch), False)]
    assert await column(connection, job, "lease_expires_at") > expires_at  # type: ignore[operator]
    assert await leases.holds(connection, job, epoch, HOST) is not None
    assert await leases.expired(connection, jobs_max=9) == []
    await leases.lapse(connection, HOST, [job])
    assert [row[0] for row in await leases.expired(connection, jobs_max=9)] == [job]


async def test_a_closed_lease_stays_closed(connection: Connection, job: JobId) -> None:
    epoch = await leased(connection, job)
    assert len(await settle(connection, report(job, epoch))) == 1
    assert await settle(connection, report(job, epoch, Outcome.FAILED)) == []
    renewed = await leases.renew(connection, [(job, epoch, HOST, True)], lease_seconds=600)
    assert renewed == {}
    assert await leases.holds(connection, job, epoch, HOST) is None
    assert await column(connection, job, "state") == "succeeded"
    assert await leases.closed_before(connection, [(job, epoch, HOST)]) == {(job, epoch, HOST)}
    assert await leases.closed_before(connection, [(job, epoch, OTHER_HOST)]) == set()
    assert await connection.fetchval("SELECT jobs_open FROM account_usage") == 0
    debits = "SELECT count(*) FROM ledger WHERE kind = 'debit'"
    assert await connection.fetchval(debits) == 1


async def test_a_lost_lease_is_not_the_hosts_own_report(connection: Connection, job: JobId) -> None:
    epoch = await leased(connection, job)
    await settle(connection, report(job, epoch, Outcome.LOST))
    assert await leases.closed_before(connection, [(job, epoch, HOST)]) == set()
    assert await settle(connection, report(job, epoch)) == []
    assert await column(connection, job, "state") == "queued"


async def test_nobody_is_charged_for_longer_than_the_lease_lasted(
    connection: Connection, job: JobId
) -> None:
    epoch = await leased(connection, job)
    (closed,) = await settle(connection, report(job, epoch, wall_seconds=3_600))
    assert 0 < closed.debit_gpu_seconds < 60


async def test_usage_of_a_half_life_ago_counts_half(connection: Connection, job: JobId) -> None:
    await connection.execute(
        "UPDATE account_usage SET usage_gpu_seconds = 1000, usage_at = now() - interval '7 days'"
    )
    await settle(connection, report(job, await leased(connection, job)))
    usage = await connection.fetchval("SELECT usage_gpu_seconds FROM account_usage")
    assert usage == pytest.approx(500, rel=1e-3)


async def test_the_last_attempt_that_fails_quarantines(connection: Connection, job: JobId) -> None:
    states = []
    for _ in range(5):  # attempts_max of the lane
        epoch = await leased(connection, job)
        await settle(connection, report(job, epoch, Outcome.LOST))
        states.append(await column(connection, job, "state"))
    assert states == ["queued"] * 4 + ["quarantined"]
