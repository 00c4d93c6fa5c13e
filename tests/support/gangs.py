"""Gangs for tests: leased as the scheduler would, without waiting for its plan."""

from typing import Any

from broker.protocol.ids import HostId, parse
from broker.services.hosts import gangs
from broker.storage.leases import CPU_SLOT
from tests.support.agent import Agent
from tests.support.running import Running
from tests.support.until import until


async def lease_gang(broker: Running, agents: list[Agent] | list[str]) -> str:
    """Leases the one queued gang to hosts, in the order of their ranks; returns its job."""
    services = broker.services
    hosts = [each if isinstance(each, str) else each.host for each in agents]
    wanted = tuple(HostId(parse("host", host, "")) for host in hosts)
    await until(lambda: services.dispatch.term is not None)
    assert services.dispatch.term is not None
    async with services.database.connection() as connection:
        lane = await connection.fetchval("SELECT lane_id FROM job WHERE state = 'queued'")
    leased: list[Any] = []

    async def try_once() -> bool:
        leased.extend(
            await gangs.lease(
                services.database,
                services.queues,
                [gangs.Grant(lane, wanted, (CPU_SLOT,) * len(wanted))],
                cycle="test",
                lease_seconds=services.settings.lease_seconds,
                term=services.dispatch.term or 0,
            )
        )
        return bool(leased)

    await until(try_once)  # the feeder may not have told Redis of the job yet
    services.waiting.wake(wanted)
    return f"job_{leased[0][0]}"
