"""The door to the broker: one method per message of the pull protocol, errors as our own.

Whatever goes wrong on the way becomes a `FairleadError`: a problem document becomes the error that
it names, anything else (refused, reset, timed out, a proxy's page) becomes `Unreachable`. Polls,
heartbeats and data have connections of their own, so that an upload or a full pool can never
delay a renewal. Knows HTTP; decides nothing about leases.
"""

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar
from urllib.parse import urlsplit

import aiohttp
import stamina
from pydantic import BaseModel, ValidationError

from broker import errors
from broker.protocol.base import View
from broker.protocol.hosts import HostRotationRequest
from broker.protocol.ids import HostId, show
from broker.protocol.leases import (
    CheckpointRequest,
    CheckpointResponse,
    Enrolled,
    EnrollRequest,
    OutputFile,
    PollRequest,
    PollResponse,
    RenewRequest,
    RenewResponse,
    ReportRequest,
    ReportResponse,
)
from broker.protocol.problems import Problem, to_error
from workers.backoff import retry_after
from workers.leases import Key

Answer = TypeVar("Answer", bound=BaseModel)
Result = TypeVar("Result")

CHUNK_BYTES = 256 * 2**10
PROBLEM_BYTES_MAX = 64 * 2**10
RETRY_AFTER_SECONDS_MAX = 300
_POLL_SLACK_SECONDS = 15.0
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


class Unreachable(errors.Unavailable):
    """No usable answer came; whether the request was carried out is unknown."""

    def __init__(self, message: str) -> None:
        super().__init__(message, retry_after_seconds=0)


class NeverSent(Unreachable):
    """No connection could be made, so the request was certainly not carried out."""


class LogOffset(View):
    """Answer to a piece of log."""

    offset: int
    """Bytes of the stream that the broker has; the next piece starts here."""


class BrokerApi:
    """Use as an async context manager.

    Args:
        url: address of the broker without trailing slash.
        token: the host's credential; may be set after enrolment.
    """

    def __init__(self, url: str, token: str = "") -> None:
        self._url = url
        self.token = token
        self._direct = urlsplit(url).hostname in _LOOPBACK
        self._stack = contextlib.AsyncExitStack()

    async def __aenter__(self) -> Self:
        self._polls = await self._session(connections=2)
        self._heartbeats = await self._session(connections=2)
        self._data = await self._session(connections=16)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stack.aclose()

    async def _session(self, connections: int) -> aiohttp.ClientSession:
        return await self._stack.enter_async_context(
            aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=connections, keepalive_timeout=75),
                trust_env=not self._direct,  # clusters reach out through a proxy
                auto_decompress=True,
            )
        )

    # Messages

    async def enroll(self, request: EnrollRequest, token: str) -> Enrolled:
        """Join. Repeated only while no connection can be made: the token works once."""
        async for attempt in stamina.retry_context(on=NeverSent, attempts=None, timeout=60):
            with attempt:
                return await self._post(
                    self._data, "/v1/hosts:enroll", request, Enrolled, 30, token
                )
        raise AssertionError("unreachable")

    async def rotate_token(self, host: HostId) -> Enrolled:
        """Another token in the place of this host's own, which works on for a day."""
        path = f"/v1/hosts/{show('host', host)}:rotate-token"
        return await self._post(self._data, path, HostRotationRequest(), Enrolled, 30)

    async def poll(self, host: HostId, request: PollRequest) -> PollResponse:
        """Ask for work; waits as long as the request says."""
        path = f"/v1/hosts/{show('host', host)}:poll"
        seconds = request.wait_seconds + _POLL_SLACK_SECONDS
        return await self._post(self._polls, path, request, PollResponse, seconds)

    async def renew(self, request: RenewRequest, seconds: float) -> RenewResponse:
        """Keep leases; an answer after `seconds` would be of no use."""
        return await self._post(
            self._heartbeats, "/v1/leases:renew", request, RenewResponse, seconds
        )

    async def report(self, request: ReportRequest) -> ReportResponse:
        """Tell how attempts ended."""
        return await self._post(self._data, "/v1/leases:report", request, ReportResponse, 60)

    async def checkpoints(self, request: CheckpointRequest) -> CheckpointResponse:
        """Ask which of some jobs have ended."""
        path = "/v1/leases:checkpoints"
        return await self._post(self._data, path, request, CheckpointResponse, 60)

    async def log(self, key: Key, stream: str, offset: int, piece: bytes) -> int:
        """Append to a log stream; gives the offset that the broker expects next."""
        path = f"{_lease_path(key)}/logs?stream={stream}&offset={offset}"
        answer = await self._send(
            self._data, "POST", path, piece, _model(LogOffset), aiohttp.ClientTimeout(total=20)
        )
        return answer.offset

    async def fetch_input(self, key: Key, name: str, sha256: str, target: Path) -> None:
        """Download an input into a new file and check its digest.

        Raises:
            InvalidInput: the content has another digest.
            FairleadError: it cannot be had, also after a minute of trying.
        """

        async def save(response: aiohttp.ClientResponse) -> None:
            digest = hashlib.sha256()
            with target.open("wb") as file:
                async for piece in response.content.iter_chunked(CHUNK_BYTES):
                    digest.update(piece)
                    await asyncio.to_thread(file.write, piece)
            if digest.hexdigest() != sha256:
                raise errors.InvalidInput(f"content of input {name!r} has another digest")

        path = f"{_lease_path(key)}/inputs/{name}"
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=60)
        async for attempt in stamina.retry_context(on=_again, attempts=None, timeout=60):
            with attempt:
                await self._send(self._data, "GET", path, None, save, timeout)

    async def store_output(
        self, key: Key, name: str, size_bytes: int, content: Callable[[], AsyncIterator[bytes]]
    ) -> OutputFile:
        """Upload an output; tries until the broker answers or the caller gives up.

        Args:
            content: starts the content over; called once for every try.
        """
        path = f"{_lease_path(key)}/outputs/{name}"
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=60)
        headers = {"Content-Length": str(size_bytes)}
        async for attempt in stamina.retry_context(
            on=_again, attempts=None, timeout=None, wait_max=30
        ):
            with attempt:
                return await self._send(
                    self._data, "PUT", path, content(), _model(OutputFile), timeout, headers
                )
        raise AssertionError("unreachable")

    # HTTP

    async def _post(
        self,
        session: aiohttp.ClientSession,
        path: str,
        body: BaseModel,
        answer: type[Answer],
        seconds: float,
        token: str | None = None,
    ) -> Answer:
        timeout = aiohttp.ClientTimeout(total=seconds, sock_connect=10)
        headers = {"Content-Type": "application/json"}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        payload = body.model_dump_json().encode()
        return await self._send(session, "POST", path, payload, _model(answer), timeout, headers)

    async def _send(
        self,
        session: aiohttp.ClientSession,
        method: str,
        path: str,
        body: bytes | AsyncIterator[bytes] | None,
        read: Callable[[aiohttp.ClientResponse], Awaitable[Result]],
        timeout: aiohttp.ClientTimeout,
        headers: dict[str, str] | None = None,
    ) -> Result:
        content_type = {} if body is None else {"Content-Type": "application/octet-stream"}
        try:
            async with session.request(
                method,
                self._url + path,
                data=body,
                timeout=timeout,
                headers={
                    "Authorization": f"Bearer {self.token}",
                    **content_type,
                    **(headers or {}),
                },
                allow_redirects=False,  # the credential goes to this broker and nowhere else
            ) as response:
                if response.status >= 300:
                    raise await _error(response)
                return await read(response)
        except aiohttp.ClientConnectorError as error:
            raise NeverSent(f"no connection to {self._url}: {error.strerror}") from error
        except TimeoutError as error:
            raise Unreachable(f"no answer to {method} {path} in time") from error
        except aiohttp.ClientError as error:
            raise Unreachable(f"{method} {path}: {type(error).__name__}: {error}") from error


def _lease_path(key: Key) -> str:
    return f"/v1/leases/{show('job', key.job)}/{key.epoch}"


def _again(error: Exception) -> bool | float:
    """Whether an idempotent call may be repeated, and when if the broker said so."""
    if not isinstance(error, errors.Unavailable | errors.LimitExceeded):
        return False
    return retry_after(error) or True


def _model(answer: type[Answer]) -> Callable[[aiohttp.ClientResponse], Awaitable[Answer]]:
    async def read(response: aiohttp.ClientResponse) -> Answer:
        body = await response.read()
        try:
            return answer.model_validate_json(body)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            raise errors.FairleadError(
                f"the broker's answer is no {answer.__name__}: {first['msg']} at {first['loc']}"
            ) from error

    return read


async def _error(response: aiohttp.ClientResponse) -> errors.FairleadError:
    body = b""
    async for piece in response.content.iter_chunked(PROBLEM_BYTES_MAX):
        body += piece
        if len(body) >= PROBLEM_BYTES_MAX:
            break
    header = response.headers.get("Retry-After", "")
    seconds = min(int(header), RETRY_AFTER_SECONDS_MAX) if header.isdigit() else None
    try:
        return to_error(Problem.model_validate_json(body), seconds)
    except ValidationError:
        message = f"HTTP {response.status} from {response.url.path} without a problem document"
        if response.status >= 500 or response.status == 429:
            return errors.Unavailable(message, retry_after_seconds=seconds or 2)
        if response.status == 401:
            return errors.Unauthenticated(message)
        return errors.FairleadError(message)
