"""What can be followed: logs of jobs, and events."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

import orjson
from aiohttp import web
from pydantic import Field

from broker.api.call import Call
from broker.api.route import Route
from broker.api.streaming import EVENT_STREAM, Frame, send_events, send_text
from broker.domain.access import Action
from broker.errors import InvalidInput
from broker.protocol.base import Message
from broker.protocol.ids import BatchId, JobId, parse
from broker.protocol.limits import HOSTS_PER_JOB_MAX
from broker.services.infrastructure.files import STREAMS
from broker.services.jobs import events, logs
from broker.services.jobs.logs import End, Piece
from broker.services.requests.streams import Listener

OFFSET_MAX = 2**40
EPOCH_MAX = 2**31 - 1
PLAIN_TEXT = "text/plain"


class LogQuery(Message):
    """The query of a log."""

    follow: bool = False
    """Go on as server-sent events while the job runs."""
    rank: int = Field(0, ge=0, lt=HOSTS_PER_JOB_MAX)
    """Which host of a job on several hosts, counted from 0."""
    offset: int = Field(0, ge=0, le=OFFSET_MAX)
    """Bytes to leave out from the beginning."""
    epoch: int | None = Field(None, ge=1, le=EPOCH_MAX)
    """Which attempt, counted from 1; left out for the current or last one."""


class EventsQuery(Message):
    """The query of the event stream."""

    batch: str | None = None
    """Only of this batch."""


async def read_log(call: Call) -> web.StreamResponse:
    query, stream = call.query(LogQuery), call.path("stream")
    if stream not in STREAMS:
        raise InvalidInput.of("{stream}", "expected stdout or stderr")
    epoch, offset = query.epoch, query.offset
    if query.follow and (seen := call.request.headers.get("Last-Event-ID")) is not None:
        epoch, offset = seen_before(seen)
    job = JobId(call.id("job"))
    log = await logs.find(call.services, call.actor, job, stream, epoch, offset, query.rank)
    if not query.follow:
        return await send_text(call.request, logs.read(call.services, log))
    with call.services.streams.one(call.actor.account_id):
        followed = logs.follow(call.services, _listener(call), log)
        return await send_events(call.request, _log_frames(followed))


async def listen(call: Call) -> web.StreamResponse:
    call.actor.require()
    batch = call.query(EventsQuery).batch
    only = BatchId(parse("batch", batch, "?batch")) if batch is not None else None
    last = call.request.headers.get("Last-Event-ID")
    position = await events.start(call.services, call.actor, last, only)
    with call.services.streams.one(call.actor.account_id):
        told = events.listen(call.services, _listener(call), position, only)
        return await send_events(call.request, _event_frames(told))


def _listener(call: Call) -> Listener:
    authorization = call.request.headers.get("Authorization")
    return Listener(call.services.identity, authorization, call.actor)


async def _event_frames(
    told: AsyncGenerator[events.Told | None, None],
) -> AsyncGenerator[Frame | None, None]:
    async with aclosing(told):
        async for event in told:
            yield Frame(event.data, id=event.id) if event else None


async def _log_frames(
    followed: AsyncGenerator[Piece | End | None, None],
) -> AsyncGenerator[Frame | None, None]:
    async with aclosing(followed):
        async for item in followed:
            yield _log_frame(item)


def _log_frame(item: Piece | End | None) -> Frame | None:
    match item:
        case Piece(text, epoch, offset):
            data = orjson.dumps({"text": text, "offset": offset})
            return Frame(data, "data", f"{epoch}-{offset}")
        case End(state, epoch):
            return Frame(orjson.dumps({"state": state, "epoch": epoch}), "end")
        case None:
            return None


def seen_before(last_event_id: str) -> tuple[int | None, int]:
    """(attempt, offset) of the last piece that a client saw.

    Raises:
        InvalidInput: we never gave such an id.
    """
    epoch, dash, offset = last_event_id.partition("-")
    numbers = all(part.isascii() and part.isdigit() and len(part) <= 13 for part in (epoch, offset))
    if dash and numbers and 1 <= int(epoch) <= EPOCH_MAX and int(offset) <= OFFSET_MAX:
        return int(epoch), int(offset)
    detail = f"expected an id that the stream gave, got {last_event_id[:80]!r}"
    raise InvalidInput.of("Last-Event-ID", detail)


ROUTES = [
    Route(
        "GET",
        "/v1/jobs/{job}/logs/{stream}",
        read_log,
        Action.BATCH_OUTPUT,
        "Reads what a job wrote: plain text, or with `follow` server-sent events until the "
        'attempt is over: `data` with `{"text", "offset"}`, then `end` with `{"state", "epoch"}`.',
        answer=(PLAIN_TEXT, EVENT_STREAM),
        query=LogQuery,
    ),
    Route(
        "GET",
        "/v1/events",
        listen,
        Action.EVENTS_VIEW,
        "Tells what happens to the batches that the caller may see, as server-sent events whose "
        "data is an Event; `Last-Event-ID` resumes.",
        answer=EVENT_STREAM,
        query=EventsQuery,
    ),
]
