"""Statements of hosts and the scheduler that lose a deadlock are tried again."""

import asyncio

import asyncpg

from tests.support.running import Running
from tests.support.until import until

WAITS_FOR_US = """
    SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database()
    AND pg_backend_pid() = ANY (pg_blocking_pids(pid)))"""


async def test_a_report_that_loses_a_deadlock_is_settled_all_the_same(
    broker: Running, database_url: str
) -> None:
    await broker.app()
    ann, agent = await broker.client("ann", submit_all_apps=True), await broker.agent()
    (await ann.post("/v1/batches", {"app": "sleep", "jobs": [{}]})).expect(201)
    leases = await agent.leases(1)
    rival = await asyncpg.connect(database_url)

    async def blocks() -> bool:
        return bool(await rival.fetchval(WAITS_FOR_US))

    async with rival.transaction():
        await rival.execute("SELECT FROM account_usage FOR UPDATE")
        report = asyncio.create_task(agent.report(leases))
        # It holds the job and waits for the account. PostgreSQL looks for a deadlock when one has
        # waited for a second: first on behalf of the report, which therefore loses.
        await until(blocks)
        await rival.execute("SELECT FROM job FOR UPDATE")
    assert await report == ["ok"]
    assert await rival.fetchval("SELECT state::text FROM job") == "succeeded"
    await rival.close()
