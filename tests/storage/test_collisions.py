"""Statements of hosts and the scheduler that lose a deadlock are tried again."""

import asyncio

import asyncpg

from tests.support.running import Running
from tests.support.until import until

WAITS_FOR_US = """
    SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database()
    AND pg_backend_pid() = ANY (pg_blocking_pids(pid)))"""


TRIALS_MAX = 10  # of which each ends as planned unless the machine stands still for a second


async def test_a_report_that_loses_a_deadlock_is_settled_all_the_same(
    broker: Running, database_url: str
) -> None:
    await broker.app()
    ann, agent = await broker.client("ann", submit_all_apps=True), await broker.agent(slots=1)
    (await ann.post("/v1/batches", {"app": "sleep", "jobs": [{}] * TRIALS_MAX})).expect(201)
    rival = await asyncpg.connect(database_url)
    try:
        for _ in range(TRIALS_MAX):
            (lease,) = await agent.leases(1)
            report = asyncio.create_task(agent.report([lease]))
            rival_lost = await meet(rival, int(lease["job"].removeprefix("job_")))
            assert await report == ["ok"]
            if not rival_lost:
                return
    finally:
        await rival.close()
    raise AssertionError("the report never lost")


async def meet(rival: "asyncpg.Connection[asyncpg.Record]", job: int) -> bool:
    """A transaction that wants the rows of a settlement in the other order; whether it lost.

    The settlement holds the job and waits for the account. PostgreSQL looks for a deadlock once
    somebody has waited for a second: first on behalf of the settlement, which therefore loses.
    """

    async def blocks() -> bool:
        return bool(await rival.fetchval(WAITS_FOR_US))

    try:
        async with rival.transaction():
            await rival.execute("SELECT FROM account_usage FOR UPDATE")
            await until(blocks)
            await rival.execute("SELECT FROM job WHERE id = $1 FOR UPDATE", job)
    except asyncpg.DeadlockDetectedError:
        return True
    return False
