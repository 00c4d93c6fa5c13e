"""Why one job started before another: the facts behind `domain.comparisons`."""

from collections.abc import Mapping
from typing import Any

from broker.domain.comparisons import Recorded, Story, compare
from broker.protocol.ids import LaneId, show
from broker.protocol.jobs import Comparison
from broker.storage import decisions
from broker.storage.database import Connection
from broker.storage.decisions import Decision


async def compare_jobs(
    connection: Connection, mine: Mapping[str, Any], other: Mapping[str, Any]
) -> Comparison:
    """Why `other` started before `mine`; the caller authorises both.

    Args:
        mine, other: rows of `storage.jobs.row`.
    """
    then: dict[LaneId, Decision] = {}
    if other["leased_at"] is not None:
        wanted = [LaneId(row["lane_id"]) for row in (mine, other)]
        then = await decisions.near(connection, wanted, other["leased_at"])
    explained = compare(_story(mine, then), _story(other, then))
    return Comparison(
        other=other["id"],
        reason=explained.reason,
        sentence=explained.sentence,
        numbers=explained.numbers,
    )


def _story(row: Mapping[str, Any], then: Mapping[LaneId, Decision]) -> Story:
    decision = then.get(LaneId(row["lane_id"]))
    return Story(
        job=show("job", row["id"]),
        account=row["account_name"],
        lane=row["lane_id"],
        priority=row["priority"],
        submitted_at=row["created_at"],
        started_at=row["leased_at"],
        failures=row["failures"],
        then=Recorded(
            decision.reason,
            decision.allocated_slots,
            decision.entitlement_slots,
            decision.weight_adjusted,
            decision.account_rank,
        )
        if decision
        else None,
    )
