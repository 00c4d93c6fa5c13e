"""What a lease says of rights: where the job's data lies, or why the job may no longer run.

Rights are asked for once more when a job is handed out, because it may have waited for days:
whoever lost a role on a data root, or whose project lost the binding of a root or a pool, gets no
path to the data and no slot of the pool. Most jobs use neither, and cost nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from broker.domain.access import World, compound
from broker.protocol.data import DataUse, LeasedData
from broker.protocol.ids import AccountId, JobId, LaneId, NodeId
from broker.services.data.wanted_roots import root_use
from broker.services.hosts.lanes import Lane
from broker.services.requests.access import Access
from broker.storage import batches, data_roots
from broker.storage.database import Database
from broker.storage.leases import LeaseRow

Fields = Mapping[str, Any]  # `data` or `refused` of protocol.leases.Lease


@dataclass(slots=True)
class LeaseRights:
    """Asks for the rights of jobs that are handed out."""

    database: Database
    access: Access

    async def of(
        self, rows: Sequence[LeaseRow], lanes: Mapping[LaneId, Lane]
    ) -> Mapping[JobId, Fields]:
        """What some leases say beyond what their lanes do; those with nothing to say are left out.

        Raises:
            Unavailable: what is known of rights is too old.
        """
        world = self.access.world
        asked = [
            row for row in rows if row.data or not world.pool_serves(lanes[row.lane_id].row.pool)
        ]
        if not asked:
            return {}
        async with self.database.connection() as connection:
            await self.access.confirm(connection)
            owners = await batches.owners(connection, {row.batch_id for row in asked})
            paths = {place.id: place.path for place in await data_roots.places(connection)}
        return {
            row.job_id: _fields(
                self.access.world, row, lanes[row.lane_id].row.pool, owners[row.batch_id], paths
            )
            for row in asked
        }


def _fields(
    world: World,
    row: LeaseRow,
    pool: str,
    owner: tuple[AccountId, NodeId],
    paths: Mapping[NodeId, str],
) -> Fields:
    account, place = owner
    node = world.nodes.get(place)
    project = node.project_id if node else None
    uses = [DataUse.model_validate(use) for use in orjson.loads(row.data or "[]")]
    asked = [root_use(world, project, use.root, use.mode) for use in uses]
    reasons = {refusal.rule for refusal in compound.use_roots(world.principal(account), asked)}
    if any(use.root not in paths for use in uses):
        reasons.add("the data root is gone")
    if not world.pool_serves(pool, project):
        reasons.add(compound.POOL_NOT_BOUND)
    if reasons:
        return {"refused": "; ".join(sorted(reasons))}
    data = [
        LeasedData(
            **use.model_dump(exclude={"root"}),
            root=use.root,
            root_path=paths[use.root],
            uid=each.uid,
            gid=each.gid,
            public=each.public,
        ).model_dump()
        for use, each in zip(uses, asked, strict=True)
    ]
    return {"data": data} if data else {}
