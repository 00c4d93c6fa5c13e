"""A real server on loopback that answers from a script and remembers what it was asked."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import orjson
from aiohttp import web
from pydantic import BaseModel

from broker.client.portal import Portal
from broker.errors import FairleadError
from broker.protocol.problems import to_problem

Responder = Callable[[web.Request, bytes], Awaitable[web.StreamResponse]]


@dataclass
class Seen:
    """One request."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes = field(repr=False)

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)


class FakeBroker:
    """Give it answers with `on`; the last one for a route is repeated."""

    def __init__(self) -> None:
        self.seen: list[Seen] = []
        self.unread: set[Responder] = set()
        """Answers that come before the body of the request was read."""
        self._answers: dict[tuple[str, str], list[Responder]] = {}
        self._portal = Portal()
        self._runner: web.AppRunner | None = None
        self.url = self._portal.run(self._start())

    async def _start(self) -> str:
        app = web.Application(client_max_size=2**30)
        app.router.add_route("*", "/{tail:.*}", self._handle)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        return f"http://{host}:{port}"

    def stop(self) -> None:
        assert self._runner is not None
        self._portal.run(self._runner.cleanup())
        self._portal.close()

    def on(self, method: str, path: str, *answers: Responder) -> None:
        self._answers[method, path] = list(answers)

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        answers = self._answers.get((request.method, request.path), [unknown])
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        body = b"" if answer in self.unread else await request.read()
        headers = {name.title(): value for name, value in request.headers.items()}
        self.seen.append(Seen(request.method, request.raw_path, dict(request.query), headers, body))
        return await answer(request, body)


async def unknown(request: web.Request, body: bytes) -> web.StreamResponse:
    return web.Response(status=404, text=f"no answer for {request.method} {request.path}")


def says(
    content: Any = None, status: int = 200, headers: dict[str, str] | None = None
) -> Responder:
    """Answer JSON: a model, a value, or nothing."""
    if isinstance(content, BaseModel):
        raw = content.model_dump_json().encode()
    else:
        raw = b"" if content is None else orjson.dumps(content)

    async def answer(request: web.Request, body: bytes) -> web.StreamResponse:
        return web.Response(
            body=raw, status=status, headers=headers, content_type="application/json"
        )

    return answer


def serves(raw: bytes, content_type: str = "application/octet-stream") -> Responder:
    """Answer bytes."""

    async def answer(request: web.Request, body: bytes) -> web.StreamResponse:
        return web.Response(body=raw, content_type=content_type)

    return answer


def refuses(error: FairleadError, headers: dict[str, str] | None = None) -> Responder:
    """Answer a problem document."""
    problem = to_problem(error)

    async def answer(request: web.Request, body: bytes) -> web.StreamResponse:
        return web.Response(
            body=problem.model_dump_json().encode(),
            status=problem.status,
            headers=headers,
            content_type="application/problem+json",
        )

    return answer


def hangs_up() -> Responder:
    """Close the connection without an answer."""

    async def answer(request: web.Request, body: bytes) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    return answer


def streams(*chunks: str, then_waits: bool = False) -> Responder:
    """Answer server-sent events, then close the connection, or keep it open."""

    async def answer(request: web.Request, body: bytes) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for chunk in chunks:
            await response.write(chunk.encode())
        if then_waits:
            await asyncio.Event().wait()
        return response

    return answer


def breaks_off(raw: bytes, size: int) -> Responder:
    """Promise `size` bytes, send `raw`, and close the connection."""

    async def answer(request: web.Request, body: bytes) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": str(size)})
        await response.prepare(request)
        await response.write(raw)
        assert request.transport is not None
        request.transport.close()
        return response

    return answer
