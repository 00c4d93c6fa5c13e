"""What runs where, as the leader reads it."""

from collections.abc import AsyncIterator

import pytest

from broker.protocol.ids import HostId, JobId
from broker.storage import gangs, leases, preemption, running
from broker.storage.database import Connection, Database
from broker.storage.leases import Place
from broker.storage.running import CPU
from tests.storage.scene import HOST, OTHER_HOST, PEOPLE, TERM, report, settle, submit

THIRD_KIND = Place(8, 2)


@pytest.fixture
async def connection(database: Database) -> AsyncIterator[Connection]:
    async with database.connection() as opened:
        await opened.execute(PEOPLE)
        yield opened


async def hold(connection: Connection, job: int, host: HostId, place: Place | None = None) -> None:
    places = [place] if place else None
    assert await leases.claim(connection, [job], [host], places, lease_seconds=60, term=TERM)


async def test_every_live_lease_has_a_row_with_its_place_and_age(
    database: Database, connection: Connection
) -> None:
    first = await submit(database, 3)
    await hold(connection, first + 1, OTHER_HOST, THIRD_KIND)
    await hold(connection, first, HOST)
    await connection.execute(
        "UPDATE job SET leased_at = now() - interval '90 s' WHERE id = $1", first
    )
    rows = await running.in_pools(connection, ["default"])
    assert rows.job_id.tolist() == [first, first + 1]
    assert rows.host_id.tolist() == [HOST, OTHER_HOST]
    assert rows.gpu_kind.tolist() == [CPU, 2]
    assert rows.epoch.tolist() == [1, 1]
    assert rows.lane_id.tolist() == [1, 1]
    assert 90 <= rows.age_seconds[0] < 150
    assert 0 <= rows.age_seconds[1] < 60
    await settle(connection, report(first, 1))
    assert (await running.in_pools(connection, ["default"])).job_id.tolist() == [first + 1]


async def test_a_gang_has_a_row_for_each_host_that_still_holds_it(
    database: Database, connection: Connection
) -> None:
    job = JobId(await submit(database, 1))
    members = [(job, 0, OTHER_HOST, Place(8, 1)), (job, 1, HOST, Place(8, 0))]
    assert await gangs.claim(connection, members, lease_seconds=60, term=TERM) == [job]
    rows = await running.in_pools(connection, ["default"])
    assert list(zip(rows.job_id, rows.host_id, rows.gpu_kind, strict=True)) == [
        (job, HOST, 0),
        (job, OTHER_HOST, 1),
    ]


async def test_who_was_asked_to_stop_is_leaving(database: Database, connection: Connection) -> None:
    first = await submit(database, 3)
    for job in range(first, first + 3):
        await hold(connection, job, HOST)
    await connection.execute("INSERT INTO preemption VALUES ('default', 0, 30, 10)")
    await preemption.request(connection, [(JobId(first), 1)])
    await connection.execute("UPDATE job SET cancel_requested = true WHERE id = $1", first + 1)
    rows = await running.in_pools(connection, ["default"])
    assert rows.leaving.tolist() == [True, True, False]


async def test_other_pools_are_left_out(database: Database, connection: Connection) -> None:
    await hold(connection, await submit(database, 1), HOST)
    rows = await running.in_pools(connection, ["elsewhere"])
    assert [column.size for column in rows] == [0] * len(rows)
    assert rows.age_seconds.dtype == float
