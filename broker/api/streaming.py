"""Answers that are sent piece by piece: files with ranges, text, server-sent events.

Errors must come before the first byte: from then on a stream can only end.
"""

import asyncio
import base64
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import BinaryIO

import structlog
from aiohttp import web

from broker.api.headers import SECURITY_HEADERS
from broker.api.problems import PROBLEM_JSON
from broker.errors import FairleadError, Unavailable
from broker.protocol.problems import Problem

log = structlog.get_logger(__name__)

CHUNK_BYTES = 256 * 2**10
HEARTBEAT_SECONDS = 15.0
WRITE_SECONDS_MAX = 60.0  # a client that reads nothing for so long is taken to be gone
EVENT_STREAM = "text/event-stream"


@dataclass(frozen=True, slots=True)
class Frame:
    """One server-sent event. `data` is one line, which JSON always is."""

    data: bytes
    kind: str = ""
    id: str = ""

    def encoded(self) -> bytes:
        head = (f"event: {self.kind}\n" if self.kind else "") + (
            f"id: {self.id}\n" if self.id else ""
        )
        return head.encode() + b"data: " + self.data + b"\n\n"


async def begin(
    request: web.Request, headers: Mapping[str, str], status: int = HTTPStatus.OK
) -> web.StreamResponse:
    """A response whose head is sent; the middleware comes too late for its headers."""
    response = web.StreamResponse(status=status, headers={**SECURITY_HEADERS, **headers})
    await response.prepare(request)
    return response


# -- text -----------------------------------------------------------------------------------


async def send_text(request: web.Request, chunks: AsyncIterator[bytes]) -> web.StreamResponse:
    """Bytes of unknown origin, as plain text that no browser takes for anything else."""
    response = await begin(request, {"Content-Type": "text/plain; charset=utf-8"})
    async for chunk in chunks:
        await response.write(chunk)
    await response.write_eof()
    return response


# -- server-sent events ---------------------------------------------------------------------


async def send_events(
    request: web.Request, frames: AsyncGenerator[Frame | None, None]
) -> web.StreamResponse:
    """Events until there are no more or the client is gone; None is a chance for a heartbeat.

    An error of ours ends the stream: the client comes back and is told why.
    """
    response = await begin(request, {"Content-Type": EVENT_STREAM, "X-Accel-Buffering": "no"})
    try:
        async with aclosing(frames):
            await _send_frames(response, frames)
    except (FairleadError, TimeoutError) as error:
        log.info("stream ended", path=request.path, reason=str(error))
    except ConnectionResetError:
        return response
    except Exception:
        log.exception("stream failed", path=request.path)
    await response.write_eof()
    return response


async def _send_frames(response: web.StreamResponse, frames: AsyncIterator[Frame | None]) -> None:
    clock = asyncio.get_running_loop().time
    await response.write(b": welcome\n\n")
    sent_at = clock()
    async for frame in frames:
        if frame is None and clock() - sent_at < HEARTBEAT_SECONDS:
            continue
        async with asyncio.timeout(WRITE_SECONDS_MAX):
            await response.write(frame.encoded() if frame else b": still here\n\n")
        sent_at = clock()


# -- files ----------------------------------------------------------------------------------


async def send_file(
    request: web.Request, path: Path, *, name: str, sha256: str, size_bytes: int
) -> web.StreamResponse:
    """A file as a download, whole or in the range that the client asks for (RFC 9110, 14).

    Raises:
        Unavailable: the file is not where it should be.
    """
    etag = f'"{sha256}"'
    if any(tag.value in (sha256, "*") for tag in request.if_none_match or ()):
        return web.Response(status=HTTPStatus.NOT_MODIFIED, headers={"ETag": etag})
    part = wanted_range(request, size_bytes, etag)
    if part is not None and not part:
        return _unsatisfiable(size_bytes)
    start, stop = (part.start, part.stop) if part else (0, size_bytes)
    headers = {
        "Content-Type": "application/octet-stream",
        "Content-Disposition": f'attachment; filename="{safe_name(name)}"',
        "Content-Length": str(stop - start),
        "Accept-Ranges": "bytes",
        "ETag": etag,
        "Repr-Digest": f"sha-256=:{base64.b64encode(bytes.fromhex(sha256)).decode()}:",
    }
    if part:
        headers["Content-Range"] = f"bytes {start}-{stop - 1}/{size_bytes}"
    try:
        file = await asyncio.to_thread(path.open, "rb")
    except OSError as error:
        raise Unavailable(f"the content of {name} cannot be read: {error.strerror}") from error
    with file:
        status = HTTPStatus.PARTIAL_CONTENT if part else HTTPStatus.OK
        response = await begin(request, headers, status)
        await _send_part(response, file, start, stop)
    await response.write_eof()
    return response


async def _send_part(response: web.StreamResponse, file: BinaryIO, start: int, stop: int) -> None:
    file.seek(start)
    while start < stop:
        chunk = await asyncio.to_thread(file.read, min(CHUNK_BYTES, stop - start))
        if not chunk:
            raise ConnectionResetError("the file is shorter than recorded")
        start += len(chunk)
        await response.write(chunk)


def wanted_range(request: web.Request, size_bytes: int, etag: str) -> range | None:
    """The bytes that the client asks for: empty when there are none such, None for all.

    Several ranges at once, or a Range header that makes no sense, are answered with everything.
    """
    if request.headers.get("If-Range", etag) != etag:
        return None
    try:
        asked = request.http_range
    except ValueError:
        return None
    if asked.start is None:
        return None
    if asked.start < 0:
        return range(max(0, size_bytes + asked.start), size_bytes)
    return range(asked.start, size_bytes if asked.stop is None else min(asked.stop, size_bytes))


def safe_name(name: str) -> str:
    """A file name that needs no quoting and is no path, whatever was recorded."""
    kept = "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "_" for c in name)
    return kept.lstrip(".") or "output"


def _unsatisfiable(size_bytes: int) -> web.Response:
    code, status = "http_error", HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE
    problem = Problem(
        type=f"/problems/{code}",
        title=status.phrase,
        status=status,
        detail=f"the range begins behind the end: the file has {size_bytes} bytes",
        code=code,
    )
    return web.Response(
        body=problem.model_dump_json().encode(),
        status=status,
        content_type=PROBLEM_JSON,
        headers={"Content-Range": f"bytes */{size_bytes}"},
    )
