"""Gangs: the leases of jobs that run on several hosts at once.

The members of a gang renew and report each for itself. The first that does not succeed has the
others stopped; with the last one the attempt is closed as one, by the same statement as any other.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from broker.domain import gangs as rules
from broker.domain.credit import COBBLESTONES_PER_GFLOPS_SECOND
from broker.domain.gangs import MemberEnd
from broker.protocol.ids import HostId, JobId, LaneId
from broker.protocol.leases import Usage
from broker.protocol.states import JobState
from broker.queues import lanes
from broker.queues.client import Queues
from broker.storage import gangs, leases
from broker.storage.database import Connection, Database, once_more
from broker.storage.gangs import Ended
from broker.storage.leases import Place, Rule, Settled, Settlement

STOP_GRACE_SECONDS = 10.0  # of the members that are stopped because another one failed

Member = tuple[JobId, int, HostId]


@dataclass(slots=True)
class Outcomes:
    """What some reports of members led to."""

    ended: set[Member] = field(default_factory=set)
    closed: list[Settled] = field(default_factory=list)  # whole attempts
    stop: set[HostId] = field(default_factory=set)  # must hear now that their gang is over


@dataclass(frozen=True, slots=True)
class Grant:
    """One job of a lane for all of these hosts together, in the order of their ranks.

    `places` says what it takes of each of them.
    """

    lane_id: LaneId
    hosts: tuple[HostId, ...]
    places: tuple[Place, ...]


async def lease(
    database: Database,
    queues: Queues,
    grants: Sequence[Grant],
    *,
    cycle: str,
    lease_seconds: float,
    term: int,
) -> list[tuple[JobId, Grant]]:
    """Leases one job to the hosts of each grant, to all or to none; what is not returned is not
    leased.

    Args:
        cycle: a name that no other cycle has.
    """
    wanted = Counter(grant.lane_id for grant in grants)
    popped = await lanes.pop(queues, cycle, list(wanted.items()))
    supply = {lane: iter(jobs.tolist()) for lane, jobs in zip(wanted, popped, strict=True)}
    given = [(next(supply[grant.lane_id], None), grant) for grant in grants]
    chosen = {JobId(job): grant for job, grant in given if job is not None}
    members = [
        (job, rank, host, place)
        for job, grant in chosen.items()
        for rank, (host, place) in enumerate(zip(grant.hosts, grant.places, strict=True))
    ]
    async with database.connection() as connection:
        claimed = await gangs.claim(connection, members, lease_seconds=lease_seconds, term=term)
    await lanes.confirm(queues, cycle)
    return [(job, chosen[job]) for job in claimed]


async def settle(
    database: Database,
    reports: Sequence[Settlement],
    meaning: Sequence[Rule],
    *,
    half_life_seconds: float,
) -> Outcomes:
    """Closes the leases of members, and each attempt whose last member it was.

    What is no live member's report is left out of the answer.
    """

    async def attempt() -> Outcomes:
        async with database.transaction() as connection:
            return await _settle(connection, reports, meaning, half_life_seconds)

    return await once_more(attempt)


async def _settle(
    connection: Connection,
    reports: Sequence[Settlement],
    meaning: Sequence[Rule],
    half_life_seconds: float,
) -> Outcomes:
    jobs = sorted({report.job_id for report in reports})
    await gangs.lock(connection, jobs)
    ended = await gangs.end(connection, reports, stop_grace_seconds=STOP_GRACE_SECONDS)
    outcomes = Outcomes({(job, epoch, host) for job, epoch, host, _ in ended})
    if not ended:
        return outcomes
    if stopped := [job for job, _, _, stop in ended if stop]:
        outcomes.stop = await gangs.hosts(connection, stopped)
    whole = by_attempt(await gangs.finished(connection, [job for job, *_ in ended]))
    if whole:
        await gangs.hand_over(connection, [leader(members) for members in whole])
        outcomes.closed = await leases.settle_once(
            connection,
            [settlement(members) for members in whole],
            meaning,
            half_life_seconds=half_life_seconds,
            cobblestones_per_gflops_second=COBBLESTONES_PER_GFLOPS_SECOND,
        )
        await _credit(connection, outcomes.closed, whole, half_life_seconds)
    return outcomes


async def _credit(
    connection: Connection,
    closed: Sequence[Settled],
    whole: Sequence[Sequence[Ended]],
    half_life_seconds: float,
) -> None:
    size = {members[0].job_id: len(members) for members in whole}
    earned = [
        (attempt.job_id, attempt.epoch, attempt.debit_gpu_seconds / size[attempt.job_id])
        for attempt in closed
        if attempt.state == JobState.SUCCEEDED
    ]
    if earned:
        await gangs.credit(
            connection,
            earned,
            half_life_seconds=half_life_seconds,
            cobblestones_per_gflops_second=COBBLESTONES_PER_GFLOPS_SECOND,
        )


def by_attempt(members: Sequence[Ended]) -> list[list[Ended]]:
    """Members in the order in which they ended, an attempt each."""
    attempts: dict[JobId, list[Ended]] = defaultdict(list)
    for member in members:
        attempts[member.job_id].append(member)
    return list(attempts.values())


def leader(members: Sequence[Ended]) -> tuple[JobId, HostId]:
    """The job and its host of rank 0."""
    first = min(members, key=lambda member: member.rank)
    return first.job_id, first.host_id


def settlement(members: Sequence[Ended]) -> Settlement:
    """How the attempt ends of which these are all members, in the order in which they ended."""
    ends = [
        MemberEnd(
            member.rank,
            member.outcome,
            member.asked,
            member.exit_code,
            member.message,
            Usage.model_validate_json(member.usage),
        )
        for member in members
    ]
    decisive, used = rules.decisive(ends), rules.usage(ends)
    job, host = leader(members)
    message = decisive.message and f"rank {decisive.rank}: {decisive.message}"
    return Settlement(
        job,
        members[0].epoch,
        host,
        decisive.outcome,
        decisive.exit_code,
        message,
        used.wall_seconds,
        used.model_dump_json(exclude_unset=True),
    )
