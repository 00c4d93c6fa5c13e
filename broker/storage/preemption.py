"""Preemption: which pools allow it, and which leases are to be handed back."""

from collections.abc import Sequence

from broker.protocol.ids import HostId, JobId
from broker.protocol.pools import Preemption, PreemptionRules
from broker.storage import blocks
from broker.storage.database import Connection

SQL = blocks.load("preemption")


async def request(
    connection: Connection, leases: Sequence[tuple[JobId, int]]
) -> dict[JobId, set[HostId]]:
    """Asks hosts to hand jobs back, where their pool's rules allow it.

    Args:
        leases: (job, epoch) of each.

    Returns:
        The jobs that were asked for, each with its hosts.
    """
    columns = list(zip(*leases, strict=True)) or [(), ()]
    asked: dict[JobId, set[HostId]] = {}
    for job, host in await connection.fetch(SQL.request, *columns):
        asked.setdefault(JobId(job), set()).add(HostId(host))
    return asked


async def every(connection: Connection) -> list[Preemption]:
    """The pools that allow preemption."""
    return [Preemption(**row) for row in await connection.fetch(SQL.all)]


async def of_pool(connection: Connection, pool: str) -> Preemption | None:
    """A pool's rules; None where running jobs are left alone."""
    row = await connection.fetchrow(SQL.of_pool, pool)
    return Preemption(**row) if row else None


async def exists(connection: Connection, pool: str) -> bool:
    """Whether a pool is registered, or was joined by a host."""
    return bool(await connection.fetchval(SQL.exists, pool))


async def put(connection: Connection, pool: str, rules: PreemptionRules) -> None:
    """Allows preemption in a pool."""
    await connection.execute(
        SQL.set, pool, rules.minimum_run_seconds, rules.grace_seconds, rules.jobs_per_minute_max
    )


async def remove(connection: Connection, pool: str) -> None:
    """Leaves the running jobs of a pool alone."""
    await connection.execute(SQL.remove, pool)
