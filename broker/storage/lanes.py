"""Lanes: rows that tell the scheduler what a queue is made of."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from broker.protocol.ids import AccountId, AppId, LaneId, VersionId
from broker.protocol.resources import HostFacts, JobLimits, Resources
from broker.storage import blocks
from broker.storage.database import LONG_STATEMENT_SECONDS_MAX, Connection

SQL = blocks.load("lanes")
REBUILD_JOBS_PER_PAGE = 50_000


@dataclass(frozen=True, slots=True)
class LaneRow:
    """A lane. `resources` and `limits` are canonical JSON; `slots` are of each of its hosts."""

    id: LaneId
    account_id: AccountId
    version_id: VersionId
    pool: str
    resources: str
    limits: str
    slots: int
    hosts: int
    app_id: AppId

    def needs(self) -> Resources:
        return Resources.model_validate_json(self.resources)

    def bounds(self) -> JobLimits:
        return JobLimits.model_validate_json(self.limits)


async def ensure(
    connection: Connection,
    account: AccountId,
    version: VersionId,
    pool: str,
    needs: Resources,
    bounds: JobLimits,
) -> LaneId:
    """The lane of these properties, made when missing."""
    arguments = (
        account,
        version,
        pool,
        needs.model_dump_json(),
        bounds.model_dump_json(),
        needs.slots,
        bounds.attempts,
        needs.hosts,
    )
    lane = await connection.fetchval(SQL.ensure, *arguments)
    if lane is None:  # another broker made it between our INSERT and our SELECT
        lane = await connection.fetchval(SQL.ensure, *arguments)
    return LaneId(lane)


async def by_ids(connection: Connection, lanes: Sequence[int]) -> list[LaneRow]:
    """Lanes by id."""
    return [LaneRow(*row) for row in await connection.fetch(SQL.by_ids, lanes)]


async def queued_runs(
    connection: Connection,
) -> AsyncIterator[list[tuple[LaneId, int, int, int]]]:
    """All queued jobs as (lane, priority, first job, jobs), a page at a time."""
    after = 0
    while rows := await connection.fetch(
        SQL.queued_runs, after, REBUILD_JOBS_PER_PAGE, timeout=LONG_STATEMENT_SECONDS_MAX
    ):
        yield [(LaneId(lane), priority, first, jobs) for lane, priority, first, jobs in rows]
        after = max(first + jobs - 1 for _, _, first, jobs in rows)


async def queued(connection: Connection, lane: LaneId) -> int:
    """Queued jobs of a lane."""
    return int(await connection.fetchval(SQL.queued, lane))


async def hosts_of_lane(connection: Connection, lane: LaneId) -> list[tuple[HostFacts, Resources]]:
    """(facts, needs) for each active host of the lane's pool."""
    return [
        (HostFacts.model_validate_json(facts), Resources.model_validate_json(needs))
        for facts, needs in await connection.fetch(SQL.hosts_of_lane, lane)
    ]
