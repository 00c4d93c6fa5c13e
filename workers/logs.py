"""Ships stdout and stderr while the command runs.

The command writes to files; this reads them and sends what is new, by offset, so that a piece
sent twice is stored once. Memory use is one piece whatever the command prints, and the files are
cut at the limit so that a chatty job cannot fill the disk. Nothing here ever fails a job.
"""

import asyncio
import os
from dataclasses import dataclass
from pathlib import Path

import structlog

from broker.errors import FairleadError, Fenced, InvalidInput
from broker.protocol.limits import LOG_CHUNK_BYTES_MAX
from workers.backoff import Backoff
from workers.broker_api import BrokerApi
from workers.leases import Key
from workers.state_directory import AttemptDirectory

FLUSH_SECONDS = 0.5
LAST_FLUSH_SECONDS = 10.0
STREAMS = ("stdout", "stderr")

log = structlog.get_logger()


@dataclass(slots=True)
class LogStream:
    """One stream: what of its file has been sent, and what comes next. No network.

    `sent` counts bytes of the stream; `start` is where in the stream the file's first byte lies,
    which moves only when the command truncates its own output (as `> /dev/stdout` does).
    """

    name: str
    path: Path
    bytes_max: int
    sent: int = 0
    start: int = 0
    overflowed: bool = False

    def next_piece(self, *, last: bool) -> bytes:
        """What to send at offset `sent`; empty when there is nothing now.

        Args:
            last: the command has ended, so the file has its final size.

        Raises:
            OSError: the file cannot be read.
        """
        size = self.path.stat().st_size
        if self.start + size < self.sent:
            self.start = self.sent
        if self.start + size > self.bytes_max:
            self.overflowed = True
            os.truncate(self.path, max(0, self.bytes_max - self.start))
        keep = self.bytes_max
        if self.overflowed or not last:
            keep = max(0, keep - len(self._notice()))  # room for the line that says so
        if self.sent < keep:
            with self.path.open("rb") as file:
                file.seek(self.sent - self.start)
                if piece := file.read(min(LOG_CHUNK_BYTES_MAX, keep - self.sent)):
                    return piece
        if self.overflowed and last and self.sent < self.bytes_max:
            return self._notice()[: self.bytes_max - self.sent]
        return b""

    def accepted(self, offset: int) -> None:
        """The broker has the stream up to here; it may know more or less than we thought."""
        self.sent = max(offset, self.start)

    def _notice(self) -> bytes:
        return f"\n[fairlead: the rest is beyond {self.bytes_max} bytes and was dropped]\n".encode()


class LogShipper:
    """Sends both streams of one attempt."""

    def __init__(self, api: BrokerApi, key: Key, attempt: AttemptDirectory, bytes_max: int) -> None:
        self._api = api
        self._key = key
        self._streams = [LogStream(name, attempt.log(name), bytes_max) for name in STREAMS]
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to ship every half second."""
        self._task = asyncio.create_task(self._run())

    async def finish(self, seconds: float = LAST_FLUSH_SECONDS) -> None:
        """Ship what is left, for a limited time: the report must not wait for logs for ever."""
        await self.abandon()
        try:
            async with asyncio.timeout(seconds):
                await self._until_shipped()
        except TimeoutError:
            log.warning("log not shipped whole", lease=str(self._key))

    async def abandon(self) -> None:
        """Stop shipping; what was not sent is lost."""
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def _run(self) -> None:
        backoff = Backoff(FLUSH_SECONDS, 30)
        delay = FLUSH_SECONDS
        while True:
            await asyncio.sleep(delay)
            try:
                await self._flush(last=False)
            except _HOPELESS as error:
                log.debug("log refused", lease=str(self._key), error=str(error))
                return
            except FairleadError as error:
                delay = backoff.after(error)
            else:
                backoff.reset()
                delay = FLUSH_SECONDS

    async def _until_shipped(self) -> None:
        backoff = Backoff(0.2, 5)
        while True:
            try:
                await self._flush(last=True)
            except _HOPELESS as error:
                log.debug("log refused", lease=str(self._key), error=str(error))
                return
            except FairleadError as error:
                await asyncio.sleep(backoff.after(error))
            else:
                return

    async def _flush(self, *, last: bool) -> None:
        for stream in self._streams:
            while piece := stream.next_piece(last=last):
                before = stream.sent
                stream.accepted(await self._api.log(self._key, stream.name, stream.sent, piece))
                if stream.sent == before:  # the broker stores no more of this stream
                    stream.sent = stream.bytes_max


_HOPELESS = (Fenced, InvalidInput, OSError)
