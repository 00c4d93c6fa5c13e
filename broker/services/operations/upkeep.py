"""Upkeep: what must happen now and then, whoever calls or not."""

from dataclasses import dataclass

from broker.protocol.limits import IDEMPOTENCY_HOURS
from broker.queues import asks
from broker.services.hosts.leasing import Leasing
from broker.services.hosts.settling import Settling
from broker.services.infrastructure.files import Files
from broker.services.leader.dispatch import Dispatch
from broker.services.people import departures
from broker.storage import access, budgets, decisions, events, idempotency
from broker.storage.database import Database

LEASES_PER_SWEEP_MAX = 1_000
RIGHTS_HOURS = 1.0  # a broker that was away for longer reads all rights anew


@dataclass(slots=True)
class Upkeep:
    """The bodies of the slower daemons. Those that only the leader should do ask for the term."""

    database: Database
    dispatch: Dispatch
    leasing: Leasing
    settling: Settling
    files: Files
    events_keep_hours: float
    decisions_keep_hours: float

    async def expire_leases(self) -> bool:
        """The reaper: jobs of silent hosts go back to the queue. True when there are more."""
        if self.dispatch.term is None:
            return False
        expired = await self.settling.expire(jobs_max=LEASES_PER_SWEEP_MAX)
        return expired == LEASES_PER_SWEEP_MAX

    async def look_at_hosts(self) -> None:
        """Writes down who was heard, and tells the scheduler who counts as capacity."""
        await self.leasing.flush_seen()
        await self.dispatch.refresh_hosts()

    async def end_work_of_deleted_accounts(self) -> None:
        """A submission that was under way while its account was deleted ends here."""
        if self.dispatch.term is not None:
            hosts = await departures.sweep(self.database)
            self.leasing.waiting.wake(hosts)
            await asks.wake_hosts(self.leasing.queues, sorted(hosts))

    async def remove_personal(self) -> bool:
        """What is strictly personal goes with its account. True when there is more."""
        if self.dispatch.term is None:
            return False
        more = await departures.remove_personal(self.database, self.files)
        if not more:
            await departures.remove_contents(self.database, self.files)
        return more

    async def keep_budgets(self) -> None:
        """Carries what was debited into the budgets, and writes down what running jobs hold."""
        if self.dispatch.term is not None:
            async with self.database.transaction() as connection:
                await budgets.carry(connection)
                await budgets.reserve(connection, self.dispatch.held_back())

    async def prune(self) -> None:
        """The janitor: old events, decisions, idempotency keys and told changes of rights."""
        async with self.database.connection() as connection:
            await events.prune(connection, hours=self.events_keep_hours)
            await decisions.prune(connection, hours=self.decisions_keep_hours)
            await idempotency.prune(connection, hours=IDEMPOTENCY_HOURS)
            await access.prune(connection, hours=RIGHTS_HOURS)
