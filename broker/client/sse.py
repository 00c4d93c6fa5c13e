"""Server-sent events: a parser of bytes, and a stream that outlives its connections.

Source: https://html.spec.whatwg.org/multipage/server-sent-events.html (lines may end in LF or
CRLF; the lone CR of old systems is not understood).
"""

from collections.abc import AsyncGenerator, Iterator
from contextlib import suppress
from dataclasses import dataclass

from broker.client.failures import Interrupted
from broker.client.transport import Query, Transport
from broker.errors import FairleadError

LINE_BYTES_MAX = 16 * 2**20


@dataclass(frozen=True, slots=True)
class ServerEvent:
    """One event of a stream."""

    kind: str
    """Value of its `event` field; "message" when it has none."""
    data: str
    """Its data lines, joined by newlines."""
    id: str | None
    """Value of its `id` field; null when it has none."""


class Parser:
    """Cuts a stream of bytes into events; feed it chunks of any size."""

    def __init__(self) -> None:
        self._rest = b""
        self._kind = ""
        self._data: list[str] = []
        self._id: str | None = None

    def feed(self, chunk: bytes) -> Iterator[ServerEvent]:
        """The events that `chunk` completes."""
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        if len(self._rest) > LINE_BYTES_MAX:
            raise FairleadError(f"an event line of more than {LINE_BYTES_MAX} bytes")
        for line in lines:
            event = self._take(line.removesuffix(b"\r").decode("utf-8", "replace"))
            if event is not None:
                yield event

    def _take(self, line: str) -> ServerEvent | None:
        if not line:
            return self._dispatch()
        field, _, value = line.partition(":")  # a comment has an empty field
        value = value.removeprefix(" ")
        if field == "data":
            self._data.append(value)
        elif field == "event":
            self._kind = value
        elif field == "id" and "\0" not in value:
            self._id = value
        return None

    def _dispatch(self) -> ServerEvent | None:
        event = ServerEvent(self._kind or "message", "\n".join(self._data), self._id)
        empty = not self._data and not self._kind
        self._kind, self._data, self._id = "", [], None
        return None if empty else event


@dataclass(frozen=True, slots=True)
class Reconnected:
    """Stands in the stream where the connection broke and a new one was made.

    `resumed` says whether the broker was told where to go on; otherwise it starts over.
    """

    resumed: bool


async def follow(
    http: Transport, path: str, *, query: Query | None = None, last_id: str | None = None
) -> AsyncGenerator[ServerEvent | Reconnected, None]:
    """The events of a stream without end, over as many connections as it takes.

    Raises:
        FairleadError: as the broker answered.
        Unavailable: a connection could not be made again in the time that `http.retry` allows.
    """
    pauses = 0
    while True:
        headers = {"Accept": "text/event-stream"}
        if last_id is not None:
            headers["Last-Event-ID"] = last_id
        with suppress(Interrupted):  # the next connection goes on where this one broke off
            async with http.open(path, query=query, headers=headers) as response:
                if response.content_type != "text/event-stream":
                    raise FairleadError(f"{path} did not answer with an event stream")
                parser = Parser()
                async for chunk in response.content.iter_any():
                    for event in parser.feed(chunk):
                        pauses = 0
                        last_id = event.id if event.id is not None else last_id
                        yield event
        pauses += 1
        await http.retry.sleep(http.retry.pause_seconds(pauses))
        yield Reconnected(resumed=last_id is not None)
