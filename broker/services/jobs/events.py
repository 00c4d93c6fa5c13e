"""Events: what happened, told to those who may know of it, for as long as they listen."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass

import orjson

from broker.domain.access import Action
from broker.errors import InvalidInput
from broker.protocol.ids import BatchId, show
from broker.services.context import Services
from broker.services.projects.batch_rights import authorised
from broker.services.requests.actor import Actor
from broker.services.requests.streams import TICK_SECONDS, Listener
from broker.storage.events import EventRow, Position

XID_MAX, EVENT_ID_MAX = 2**64 - 1, 2**63 - 1


@dataclass(frozen=True, slots=True)
class Told:
    """One event: its place in the stream, and protocol.shares.Event as JSON."""

    id: str
    data: bytes


def place(position: Position) -> str:
    """A position as clients see it."""
    return f"{position.xid}-{position.id}"


def parse_place(text: str) -> Position:
    """The position behind a `Last-Event-ID`.

    Raises:
        InvalidInput: we never gave such an id.
    """
    xid, dash, id_ = text.partition("-")
    if dash and all(part.isascii() and part.isdigit() and len(part) <= 20 for part in (xid, id_)):
        position = Position(int(xid), int(id_))
        if position.xid <= XID_MAX and position.id <= EVENT_ID_MAX:
            return position
    raise InvalidInput.of(
        "Last-Event-ID", f"expected an id that the stream gave, got {text[:80]!r}"
    )


async def start(
    services: Services, actor: Actor, last_event_id: str | None, batch: BatchId | None
) -> Position:
    """Where a listener begins: behind the last event that it saw, or now.

    Raises:
        InvalidInput: we never gave such an id.
        NotFound: the batch does not exist, or is not to be seen.
    """
    after = parse_place(last_event_id) if last_event_id is not None else None
    if batch is not None:
        async with services.database.connection() as connection:
            await authorised(connection, actor.to(Action.BATCH_VIEW), batch)
    horizon = await services.feed.horizon()
    # Never in the future: a database that was restored would have the listener wait for years.
    return horizon if after is None else min(after, horizon)


async def listen(
    services: Services, listener: Listener, position: Position, batch: BatchId | None
) -> AsyncGenerator[Told | None, None]:
    """What happens to the batches that the caller may see; None between two looks.

    Raises:
        Unauthenticated: the caller's token or account ended meanwhile.
        Unavailable: PostgreSQL is away.
    """
    with services.feed.listening():
        while not services.streams.closing:
            actor = await listener.renew()
            rows, position = await services.feed.after(position)
            for row in rows:
                if batch in (None, row.batch_id) and may_see(actor, row):
                    yield told(row)
            if not rows:
                await services.feed.wait(TICK_SECONDS)
            yield None


def may_see(actor: Actor, row: EventRow) -> bool:
    """Whether an event's batch may be viewed by the listener."""
    what = actor.world.batch(row.node_id, row.account_id, row.app_id, row.isolation)
    return actor.could(Action.BATCH_VIEW, what)


def told(row: EventRow) -> Told:
    """An event on the wire."""
    id_ = place(row.position)
    event = {
        "id": id_,
        "kind": row.kind,
        "batch": show("batch", row.batch_id),
        "jobs": [f"job_{job}" for job in row.job_ids],
        "at": row.at,
    }
    return Told(id_, orjson.dumps(event, option=orjson.OPT_UTC_Z))
