"""Logs: what a job's command wrote, as a whole or while it is written."""

import asyncio
import codecs
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass, field

from broker.domain.words import count
from broker.errors import InvalidInput
from broker.protocol.ids import JobId
from broker.protocol.resources import Resources
from broker.protocol.states import ACTIVE_STATES, JobState
from broker.services.context import Services
from broker.services.infrastructure.files import LogName
from broker.services.jobs.jobs import authorise, authorised_row
from broker.services.requests.actor import Actor
from broker.services.requests.streams import Listener
from broker.storage import jobs

CHUNK_BYTES = 64 * 2**10
LOOK_SECONDS = 0.2
ASK_SECONDS = 0.6  # between two looks at the job, and at the caller's rights


@dataclass(frozen=True, slots=True)
class Log:
    """One stream of one attempt. `epoch` 0: the job has not been leased yet. `rank` is that of a
    host of a gang."""

    job: JobId
    epoch: int
    stream: str
    offset: int = 0
    rank: int = 0


@dataclass(frozen=True, slots=True)
class Piece:
    """Text, and the offset in bytes behind it."""

    text: str
    epoch: int
    offset: int


@dataclass(frozen=True, slots=True)
class End:
    """Nothing more will come from this attempt."""

    state: JobState
    epoch: int


@dataclass(slots=True)
class Text:
    """Bytes to text; a character that is cut stays until the rest of it comes."""

    offset: int
    _decoder: codecs.IncrementalDecoder = field(
        default_factory=lambda: codecs.getincrementaldecoder("utf-8")("replace")
    )

    def feed(self, chunk: bytes, *, final: bool = False) -> str:
        """The text that is complete now; `offset` moves behind it."""
        held, _ = self._decoder.getstate()
        text = self._decoder.decode(chunk, final)
        still, _ = self._decoder.getstate()
        self.offset += len(held) + len(chunk) - len(still)
        return text


async def find(
    services: Services,
    actor: Actor,
    job: JobId,
    stream: str,
    epoch: int | None,
    offset: int,
    rank: int = 0,
) -> Log:
    """The log that a request means: that of the current or last attempt unless it says which.

    Raises:
        NotFound: the job does not exist, or is not to be seen.
        InvalidInput: an attempt that the job has not had, or a rank that it has not.
    """
    async with services.database.connection() as connection:
        row = await authorised_row(connection, actor, job)
    if epoch is not None and not 1 <= epoch <= row["lease_epoch"]:
        detail = f"the job has had {row['lease_epoch']} attempts"
        raise InvalidInput.of("?epoch", detail)
    hosts = Resources.model_validate_json(row["resources"]).hosts
    if rank >= hosts:
        raise InvalidInput.of("?rank", f"the job runs on {count(hosts, 'host')}")
    return Log(job, row["lease_epoch"] if epoch is None else epoch, stream, offset, rank)


async def read(services: Services, log: Log) -> AsyncIterator[bytes]:
    """What is there from the offset on, in chunks."""
    offset = log.offset
    while chunk := await _chunk(services, log, log.epoch, offset):
        offset += len(chunk)
        yield chunk


async def follow(
    services: Services, listener: Listener, log: Log
) -> AsyncGenerator[Piece | End | None, None]:
    """What is there and what comes, until the attempt is over; None between two looks.

    A job that was never leased is waited for.

    Raises:
        Unauthenticated: the caller's token or account ended meanwhile.
        NotFound: the caller may no longer see the job.
        Unavailable: PostgreSQL is away.
    """
    clock = asyncio.get_running_loop().time
    epoch, text, over, ask_at = log.epoch, Text(log.offset), None, 0.0
    at = log.offset
    while not services.streams.closing:
        chunk = await _chunk(services, log, epoch, at) if epoch else b""
        at += len(chunk)
        piece = text.feed(chunk, final=bool(over) and not chunk)
        if piece:
            yield Piece(piece, epoch, text.offset)
        if chunk:
            continue
        if over:
            yield over
            return
        if clock() >= ask_at:
            over, epoch = await _ask(services, listener, log.job, epoch)
            ask_at = clock() + ASK_SECONDS
            if over:
                continue  # once more: the last bytes came before the report
        yield None
        await asyncio.sleep(LOOK_SECONDS)


async def _ask(
    services: Services, listener: Listener, job: JobId, epoch: int
) -> tuple[End | None, int]:
    """(the end of the attempt if it is over, the attempt to follow)."""
    actor = await listener.renew()
    async with services.database.connection() as connection:
        await authorise(connection, actor, job)
        state, current = await jobs.standing(connection, job)
    epoch = epoch or current
    live = state in ACTIVE_STATES and current == epoch
    waits = epoch == 0 and state is JobState.QUEUED
    return (None if live or waits else End(state, epoch)), epoch


async def _chunk(services: Services, log: Log, epoch: int, offset: int) -> bytes:
    return await asyncio.to_thread(
        services.files.read_log,
        LogName(log.job, epoch, log.stream, log.rank),
        offset,
        CHUNK_BYTES,
    )
