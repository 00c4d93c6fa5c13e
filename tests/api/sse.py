"""Server-sent events as tests read them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson
from aiohttp import ClientResponse

from broker.client.sse import Parser, ServerEvent
from tests.support.http import Http


@dataclass
class Stream:
    """An open stream."""

    response: ClientResponse
    _parser: Parser = field(default_factory=Parser)
    _ready: list[ServerEvent] = field(default_factory=list)

    async def next(self, seconds: float = 10) -> ServerEvent | None:
        """The next event; None when the stream ended."""
        async with asyncio.timeout(seconds):
            while not self._ready:
                chunk = await self.response.content.readany()
                if not chunk:
                    return None
                self._ready += self._parser.feed(chunk)
        return self._ready.pop(0)

    async def data(self, seconds: float = 10) -> Any:
        """The data of the next event."""
        event = await self.next(seconds)
        assert event is not None, "the stream ended"
        return orjson.loads(event.data)

    async def rest(self, seconds: float = 10) -> list[ServerEvent]:
        """Everything up to the end of the stream."""
        events = []
        while (event := await self.next(seconds)) is not None:
            events.append(event)
        return events


@asynccontextmanager
async def stream(http: Http, path: str, last_event_id: str | None = None) -> AsyncIterator[Stream]:
    """Opens a stream."""
    headers = {"Authorization": f"Bearer {http.token}"}
    if last_event_id is not None:
        headers["Last-Event-ID"] = last_event_id
    async with http.session.get(http.url + path, headers=headers) as response:
        assert response.status == 200, await response.read()
        assert response.content_type == "text/event-stream"
        yield Stream(response)
