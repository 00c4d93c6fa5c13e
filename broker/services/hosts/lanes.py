"""Lanes by id, remembered: a lane never changes."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import orjson

from broker.protocol.ids import LaneId
from broker.protocol.resources import JobLimits, Resources
from broker.storage import lanes
from broker.storage.database import Database
from broker.storage.lanes import LaneRow


@dataclass(frozen=True, slots=True)
class Lane:
    """A lane, parsed. `fragments` are the fields of a lease that all its jobs share."""

    row: LaneRow
    needs: Resources
    bounds: JobLimits
    fragments: dict[str, Any]


@dataclass(slots=True)
class LaneBook:
    """Finds lanes; each is read from PostgreSQL once."""

    database: Database
    _known: dict[LaneId, Lane] = field(default_factory=dict)

    async def rows(self, wanted: Iterable[LaneId]) -> dict[LaneId, Lane]:
        """Lanes by id; ids that do not exist are left out."""
        ids = set(wanted)
        if missing := [lane for lane in ids if lane not in self._known]:
            async with self.database.connection() as connection:
                found = await lanes.by_ids(connection, missing)
            self._known.update({row.id: parsed(row) for row in found})
        return {lane: self._known[lane] for lane in ids if lane in self._known}


def parsed(row: LaneRow) -> Lane:
    """A lane with its JSON columns read."""
    return Lane(
        row,
        row.needs(),
        row.bounds(),
        {
            "account": f"account_{row.account_id}",
            "version": f"version_{row.version_id}",
            "resources": orjson.Fragment(row.resources),
            "limits": orjson.Fragment(row.limits),
        },
    )
