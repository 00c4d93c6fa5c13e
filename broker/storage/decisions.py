"""What the leader wrote down of its decisions."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from broker.protocol.ids import AccountId, LaneId
from broker.storage import blocks
from broker.storage.database import LONG_STATEMENT_SECONDS_MAX, Connection

SQL = blocks.load("decisions")
LATE_SECONDS_MAX = 10.0  # the leader writes every five seconds


class Decision(NamedTuple):
    """A lane and its account after a cycle, as the board had it; `granted_jobs` since the row
    before."""

    lane_id: LaneId
    account_id: AccountId
    term: int
    cycle: int
    reason: str
    granted_jobs: int
    pending_jobs: int
    allocated_slots: float
    entitlement_slots: float
    weight_adjusted: float
    account_rank: int


async def insert(connection: Connection, decisions: Sequence[Decision]) -> None:
    """Stores decisions, at database time."""
    await connection.copy_records_to_table("decision", records=decisions, columns=Decision._fields)


async def near(
    connection: Connection, lanes: Sequence[LaneId], at: datetime
) -> dict[LaneId, Decision]:
    """What was last written of lanes up to a time, or soon after; those of which nothing is kept
    are left out."""
    rows = await connection.fetch(SQL.near, lanes, at, LATE_SECONDS_MAX)
    return {LaneId(row[0]): Decision._make(row) for row in rows}


async def prune(connection: Connection, *, hours: float) -> None:
    """Forgets old decisions."""
    await connection.execute(SQL.prune, hours, timeout=LONG_STATEMENT_SECONDS_MAX)
