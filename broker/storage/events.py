"""Events: what happened to jobs, in an order that a reader can resume."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from broker.protocol.ids import AccountId, AppId, BatchId, JobId, NodeId
from broker.protocol.nodes import Isolation
from broker.storage import blocks
from broker.storage.database import LONG_STATEMENT_SECONDS_MAX, Connection

SQL = blocks.load("events")


class Position(NamedTuple):
    """A place in the stream: everything up to and including (xid, id) is behind the reader."""

    xid: int
    id: int


@dataclass(frozen=True, slots=True)
class EventRow:
    """An event, with whose batch it is about."""

    position: Position
    kind: str
    batch_id: BatchId
    job_ids: list[JobId]
    at: datetime
    account_id: AccountId
    app_id: AppId
    node_id: NodeId
    isolation: Isolation


async def after(connection: Connection, position: Position, *, rows_max: int) -> list[EventRow]:
    """What happened after a position, oldest first.

    Only transactions older than every open one are shown, so nothing can turn up later behind
    the last row.
    """
    rows = await connection.fetch(SQL.after, str(position.xid), position.id, rows_max)
    return [
        EventRow(
            Position(int(row["xid"]), row["id"]),
            row["kind"],
            row["batch_id"],
            row["job_ids"],
            row["at"],
            row["account_id"],
            row["app_id"],
            row["node_id"],
            Isolation(row["isolation"]),
        )
        for row in rows
    ]


async def horizon(connection: Connection) -> Position:
    """The position of a reader who wants to see only what is still to come."""
    return Position(int(await connection.fetchval(SQL.horizon)), 0)


async def prune(connection: Connection, *, hours: float) -> None:
    """Forgets old events."""
    await connection.execute(SQL.prune, hours, timeout=LONG_STATEMENT_SECONDS_MAX)
