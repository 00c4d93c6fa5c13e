"""What hosts are told of the data of jobs: where it lies, and under which uid and gid.

The rights are asked for once more when a job is handed out, because it may have waited for days:
whoever lost a role on a root, or whose project lost the binding, gets no path to it any more.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from broker.domain.access import World, compound
from broker.protocol.data import DataUse, LeasedData
from broker.protocol.ids import AccountId, JobId, NodeId
from broker.services.access import Access
from broker.services.wanted_roots import root_use
from broker.storage import batches, data_roots
from broker.storage.database import Database
from broker.storage.leases import LeaseRow

Fields = Mapping[str, Any]  # `data` or `data_refused` of protocol.leases.Lease


@dataclass(slots=True)
class LeasedPlaces:
    """Finds the data of leases."""

    database: Database
    access: Access

    async def of(self, rows: Sequence[LeaseRow]) -> Mapping[JobId, Fields]:
        """The fields of the leases that use data, by job; most use none, and cost nothing.

        Raises:
            Unavailable: what is known of rights is too old.
        """
        wanted = {row.job_id: _uses(row.data) for row in rows if row.data}
        if not wanted:
            return {}
        batch_of = {row.job_id: row.batch_id for row in rows if row.data}
        async with self.database.connection() as connection:
            await self.access.confirm(connection)
            owners = await batches.owners(connection, set(batch_of.values()))
            paths = {place.id: place.path for place in await data_roots.places(connection)}
        world = self.access.world
        return {
            job: _fields(world, *owners[batch_of[job]], uses, paths) for job, uses in wanted.items()
        }


def _uses(text: str) -> list[DataUse]:
    return [DataUse.model_validate(use) for use in orjson.loads(text)]


def _fields(
    world: World,
    account: AccountId,
    place: NodeId,
    uses: Sequence[DataUse],
    paths: Mapping[NodeId, str],
) -> Fields:
    node = world.nodes.get(place)
    project = node.project_id if node else None
    asked = [root_use(world, project, use.root, use.mode) for use in uses]
    refusals = compound.use_roots(world.principal(account), asked)
    if refusals or any(use.root not in paths for use in uses):
        reasons = {refusal.rule for refusal in refusals} or {"the data root is gone"}
        return {"data_refused": "; ".join(sorted(reasons))}
    return {
        "data": [
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
    }
