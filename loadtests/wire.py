"""HTTP/1.1 over raw keep-alive connections: a load generator that costs next to nothing.

One request at a time on each connection, no pipelining; a request is bytes made beforehand. It
reads what the broker's JSON routes send: a head and a body with a Content-Length.
"""

import asyncio
import resource
from typing import Any, cast
from urllib.parse import urlsplit

import orjson

HEAD_END = b"\r\n\r\n"
LENGTH = b"content-length:"


class Connection(asyncio.Protocol):
    """One keep-alive connection."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None
        self._buffer = b""
        self._whole_bytes = 0  # head and body of the answer being read; 0: its head is not there

    @classmethod
    async def open(cls, url: str) -> "Connection":
        """Connects to the host and port of a URL."""
        where = urlsplit(url)
        assert where.port is not None, url
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(cls, where.hostname or "", where.port)
        return connection

    async def send(self, request: bytes) -> tuple[int, bytes]:
        """Sends a request; (status, body) of its answer.

        Raises:
            ConnectionError: the broker closed the connection.
        """
        if self._transport is None or self._transport.is_closing():
            raise ConnectionResetError("the connection is closed")
        assert self._answer is None, "one request at a time"
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answer

    async def call(self, request: bytes) -> Any:
        """Sends a request; its answer as JSON.

        Raises:
            RuntimeError: the broker refused.
        """
        status, body = await self.send(request)
        if status >= 400:
            raise RuntimeError(f"{request[:60]!r}: {status} {body[:500]!r}")
        return orjson.loads(body) if body else None

    def close(self) -> None:
        """Closes the connection; an open request ends with ConnectionError."""
        if self._transport is not None:
            self._transport.close()

    # -- asyncio.Protocol -------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass of it

    def data_received(self, data: bytes) -> None:
        self._buffer = self._buffer + data if self._buffer else data
        if not self._whole_bytes:
            head = self._buffer.find(HEAD_END)
            if head < 0:
                return
            self._whole_bytes = head + len(HEAD_END) + body_length(self._buffer[:head])
        if len(self._buffer) < self._whole_bytes:
            return
        answer, self._buffer = self._buffer[: self._whole_bytes], b""
        self._whole_bytes = 0
        waiting, self._answer = self._answer, None
        if waiting and not waiting.done():
            status = int(answer[9:12])
            waiting.set_result((status, answer[answer.find(HEAD_END) + len(HEAD_END) :]))

    def connection_lost(self, error: Exception | None) -> None:
        waiting, self._answer = self._answer, None
        if waiting and not waiting.done():
            waiting.set_exception(error or ConnectionResetError("closed by the broker"))


def body_length(head: bytes) -> int:
    """Content-Length in an answer's head; 0 where there is none."""
    lower = head.lower()
    at = lower.find(LENGTH)
    return int(lower[at + len(LENGTH) :].split(b"\r\n", 1)[0]) if at >= 0 else 0


def request(method: str, path: str, token: str, body: Any) -> bytes:
    """A request with a JSON body, ready to send any number of times."""
    content = orjson.dumps(body)
    head = (
        f"{method} {path} HTTP/1.1\r\nHost: broker\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content


def poll_request(host: str, token: str, free_slots: int, wait_seconds: float) -> bytes:
    """A host's long poll; it holds nothing that the broker does not know of."""
    body = {"free_slots": free_slots, "wait_seconds": wait_seconds}
    return request("POST", f"/v1/hosts/{host}:poll", token, body)


def report_request(token: str, leases: list[dict[str, Any]]) -> bytes:
    """Reports leases as succeeded at once."""
    reports = [
        {
            "job": lease["job"],
            "epoch": lease["epoch"],
            "outcome": "succeeded",
            "exit_code": 0,
            "usage": {"wall_seconds": 0.001},
        }
        for lease in leases
    ]
    return request("POST", "/v1/leases:report", token, {"reports": reports})


def allow_open_files(wanted: int) -> None:
    """Raises the soft limit on open files, of this process and those that it will start.

    Raises:
        RuntimeError: the hard limit is lower.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < wanted:
        raise RuntimeError(f"{wanted} open files are needed, the hard limit is {hard}: ulimit -Hn")
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
