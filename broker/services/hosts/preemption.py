"""Preemption: running jobs are handed back for accounts below their share, in pools that allow it.

The request stands on the job's row; the host hears of it in its open poll or at its next renewal.
The job returns to its lane with its own id, which is older than what waits there: so it is the
first to go on. It counts no failure and nothing is debited; the slots that it held are usage, for
else whoever writes checkpoints would compute for nothing.
"""

import time
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import structlog

from broker.errors import NotFound, Unavailable
from broker.protocol.ids import HostId, JobId
from broker.protocol.pools import Preemption, PreemptionRules
from broker.queues import asks
from broker.queues.client import GenerationLost, Queues
from broker.services.hosts.waiting import WaitingRoom
from broker.services.requests.actor import Actor
from broker.storage import preemption
from broker.storage.database import Connection, Database

log = structlog.get_logger(__name__)

MINUTE_SECONDS = 60.0


@dataclass(slots=True)
class Pace:
    """How many jobs of each pool were taken back within the last minute; the leader's memory."""

    clock: Callable[[], float] = time.monotonic
    _times: dict[str, deque[float]] = field(default_factory=lambda: defaultdict(deque))

    def room(self, pool: str, jobs_per_minute_max: int) -> int:
        """How many more may be taken back now."""
        times = self._times[pool]
        while times and times[0] <= self.clock() - MINUTE_SECONDS:
            times.popleft()
        return max(0, jobs_per_minute_max - len(times))

    def took(self, pool: str, jobs: int) -> None:
        """So many were taken back."""
        self._times[pool].extend([self.clock()] * jobs)


async def request(
    database: Database,
    queues: Queues,
    waiting: WaitingRoom,
    leases: Sequence[tuple[JobId, int]],
) -> list[JobId]:
    """Has hosts hand jobs back; leases that are gone or that their pool protects are left alone.

    Args:
        leases: (job, epoch) of each.

    Returns:
        The jobs whose hosts were asked now.
    """
    async with database.connection() as connection:
        asked = await preemption.request(connection, leases)
    hosts: set[HostId] = set().union(*asked.values())
    waiting.wake(hosts)
    try:
        await asks.wake_hosts(queues, sorted(hosts))
    except (Unavailable, GenerationLost) as error:
        log.info("hosts hear of a preemption when they renew", reason=str(error))
    return list(asked)


async def rules(connection: Connection, actor: Actor) -> list[Preemption]:
    """The pools that allow it."""
    actor.require()
    return await preemption.every(connection)


async def put(
    connection: Connection, actor: Actor, pool: str, wanted: PreemptionRules
) -> Preemption:
    """Allows it in a pool, or changes how.

    Raises:
        NotFound: the pool is not registered, and no host has ever joined it.
    """
    actor.require()
    if not await preemption.exists(connection, pool):
        raise NotFound(f"no host has joined a pool {pool}", ids=(pool,))
    await preemption.put(connection, pool, wanted)
    found = await preemption.of_pool(connection, pool)
    assert found is not None, "it was stored just now"
    return found


async def remove(connection: Connection, actor: Actor, pool: str) -> None:
    """Leaves running jobs of a pool alone from now on.

    Raises:
        NotFound: the pool did not allow it.
    """
    actor.require()
    if await preemption.of_pool(connection, pool) is None:
        raise NotFound(f"pool {pool} does not allow preemption", ids=(pool,))
    await preemption.remove(connection, pool)
