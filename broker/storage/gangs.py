"""Gangs: jobs on several hosts at once, one live lease a host.

A member is named by (job, epoch, host): a host has one member of a gang at most, so the pair that
an agent knows a lease by, (job, epoch), names its own.
"""

from collections.abc import Sequence
from typing import NamedTuple

from broker.protocol.ids import HostId, JobId
from broker.protocol.states import Outcome
from broker.storage import blocks
from broker.storage.database import Connection, once_more
from broker.storage.leases import LeaseRow, Place, Settlement, Wish

SQL = blocks.load("gangs")


class Ended(NamedTuple):
    """A member that has ended; `asked` when the whole attempt was to be stopped before."""

    job_id: JobId
    epoch: int
    rank: int
    host_id: HostId
    asked: bool
    outcome: Outcome
    exit_code: int | None
    message: str
    usage: str


class Member(NamedTuple):
    """A member of an attempt, past or present; `outcome` is None while it lives."""

    epoch: int
    rank: int
    host_id: HostId
    host_name: str | None
    running: bool
    outcome: Outcome | None
    exit_code: int | None
    message: str


async def claim(
    connection: Connection,
    members: Sequence[tuple[JobId, int, HostId, Place]],
    *,
    lease_seconds: float,
    term: int,
) -> list[JobId]:
    """Leases queued jobs to all hosts of each; a job that is not returned has no lease at all.

    Args:
        members: (job, rank, host, place), ranks from 0, every host of a job another one.
    """
    rows = [(job, rank, host, *place) for job, rank, host, place in members]
    columns = list(zip(*rows, strict=True)) or [(), (), (), (), ()]
    found = await once_more(lambda: connection.fetch(SQL.claim, *columns, lease_seconds, term))
    return [JobId(job) for (job,) in found]


async def of_host(connection: Connection, host: HostId, jobs: Sequence[JobId]) -> list[LeaseRow]:
    """The live leases of a host that are members of gangs."""
    rows = await connection.fetch(SQL.of_host, host, jobs)
    return [LeaseRow(*row) for row in rows]


async def renew(
    connection: Connection,
    wanted: Sequence[tuple[JobId, int, HostId, bool]],
    *,
    lease_seconds: float,
) -> dict[tuple[JobId, int, HostId], Wish]:
    """Extends the leases of members; as `storage.leases.renew`."""
    columns = list(zip(*wanted, strict=True)) or [(), (), (), ()]
    rows = await connection.fetch(SQL.renew, *columns, lease_seconds)
    return {(JobId(job), epoch, HostId(host)): Wish(*wish) for job, epoch, host, *wish in rows}


async def lock(connection: Connection, jobs: Sequence[JobId]) -> None:
    """Keeps others from ending members of these gangs until the transaction ends."""
    await connection.execute(SQL.lock, jobs)


async def end(
    connection: Connection, reports: Sequence[Settlement], *, stop_grace_seconds: float
) -> list[tuple[JobId, int, HostId, bool]]:
    """Closes the leases of members; after `lock`.

    Returns:
        (job, epoch, host, whether the others must stop now) of each that was closed.
    """
    rows = await connection.fetch(
        SQL.end,
        [r.job_id for r in reports],
        [r.epoch for r in reports],
        [r.host_id for r in reports],
        [r.outcome for r in reports],
        [r.exit_code for r in reports],
        [r.message for r in reports],
        [r.usage for r in reports],
        stop_grace_seconds,
    )
    return [(JobId(job), epoch, HostId(host), stop) for job, epoch, host, stop in rows]


async def finished(connection: Connection, jobs: Sequence[JobId]) -> list[Ended]:
    """The members of gangs that have none left, a gang's in the order in which they ended."""
    rows = await connection.fetch(SQL.finished, jobs)
    return [Ended._make(row)._replace(outcome=Outcome(row["outcome"])) for row in rows]


async def hand_over(connection: Connection, leaders: Sequence[tuple[JobId, HostId]]) -> None:
    """Makes the host of rank 0 the holder of the whole attempt, so that it can be settled."""
    columns = list(zip(*leaders, strict=True)) or [(), ()]
    await connection.execute(SQL.hand_over, *columns)


async def credit(
    connection: Connection,
    earned: Sequence[tuple[JobId, int, float]],
    *,
    half_life_seconds: float,
    cobblestones_per_gflops_second: float,
) -> None:
    """Credits the hosts of ranks above 0.

    Args:
        earned: (job, epoch, slot-seconds of one member).
    """
    columns = list(zip(*earned, strict=True)) or [(), (), ()]
    await connection.execute(
        SQL.credit, *columns, half_life_seconds, cobblestones_per_gflops_second
    )


async def hosts(connection: Connection, jobs: Sequence[JobId]) -> set[HostId]:
    """The hosts on which some gangs still run."""
    return {HostId(host) for (host,) in await connection.fetch(SQL.hosts, jobs)}


async def members(connection: Connection, job: JobId) -> list[Member]:
    """Every member that a job has had, by attempt and rank."""
    return [Member._make(row) for row in await connection.fetch(SQL.members, job)]
