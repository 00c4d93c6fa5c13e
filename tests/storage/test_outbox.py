"""What the outbox hands out, and when."""

from broker.protocol.ids import JobId
from broker.protocol.states import Outcome
from broker.storage import leases, outbox
from broker.storage.database import Database
from tests.storage.scene import HOST, PEOPLE, TERM, report, settle, submit


async def test_a_job_that_a_host_lost_waits_before_it_is_queued_again(database: Database) -> None:
    async with database.connection() as connection:
        await connection.execute(PEOPLE)
        job = JobId(await submit(database, 1))
        assert [row.first_job_id for row in await outbox.take(connection, rows_max=9)] == [job]
        (lease,) = await leases.claim(connection, [job], [HOST], lease_seconds=60, term=TERM)
        await settle(connection, report(job, lease.epoch, Outcome.LOST))
        assert await outbox.take(connection, rows_max=9) == []
        await connection.execute("UPDATE outbox SET available_at = now()")
        assert [row.first_job_id for row in await outbox.take(connection, rows_max=9)] == [job]
        assert await outbox.take(connection, rows_max=9) == []
