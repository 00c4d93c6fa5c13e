"""HTTP of the SDK: one place that sends, retries, and turns answers into models or errors.

It knows nothing of accounts or jobs; the modules named for the nouns build their calls on it, and
so can the worker agent.
"""

import copy
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final, Protocol, TypeVar
from urllib.parse import quote, urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
from pydantic import BaseModel, ValidationError

from broker import errors
from broker.client.failures import Interrupted, connection_errors, error_of
from broker.client.retry import Retry
from broker.protocol import ids

Answer = TypeVar("Answer", bound=BaseModel)
Ref = int | str
"""Names an object: the number in a model's `id`, the public id ("job_17"), or a handle."""
Query = Mapping[str, str | int | bool | None]

TIMEOUT: Final = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=90)


class Content(Protocol):
    """A body that is streamed, and can be streamed again for a retry."""

    content_type: str
    failure: BaseException | None
    """Why the source of the body failed; null while it works."""

    def chunks(self) -> AsyncIterator[bytes]:
        """The body from its first byte."""


def name_of(kind: str, value: Ref) -> str:
    """What the broker calls an object: its public id or handle."""
    return ids.show(kind, value) if isinstance(value, int) else value


def ref(kind: str, value: Ref) -> str:
    """The same as one path segment: nothing in it can change the path."""
    return quote(name_of(kind, value), safe="")


def query_of(query: Query | None) -> dict[str, str]:
    """A query without its nulls, in the words of the wire."""
    return {
        name: str(value).lower() if isinstance(value, bool) else str(value)
        for name, value in (query or {}).items()
        if value is not None
    }


class Transport:
    """Sends requests to one broker as one caller.

    Args:
        url: base URL of the broker, e.g. "https://broker.example.org".
        token: bearer token; null sends none.
        session: an aiohttp session to use and leave open; null opens one with the first request.
        retry: how patiently requests are repeated.
    """

    def __init__(
        self,
        url: str,
        token: str | None = None,
        *,
        session: aiohttp.ClientSession | None = None,
        retry: Retry | None = None,
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise errors.InvalidInput.of(
                "url", f"expected http(s)://host[:port], got {url[:200]!r}"
            )
        self.url = url.rstrip("/")
        self.retry = retry or Retry()
        self._token = token
        self._session = _Session(session)
        self._proxy = None if proxy_bypass(parts.hostname) else getproxies().get(parts.scheme)

    def patient(self) -> "Transport":
        """The same transport for long waits: it outlives a restart of the broker."""
        other = copy.copy(self)
        other.retry = self.retry.patient()
        return other

    async def close(self) -> None:
        """Close the session, unless it was injected."""
        await self._session.close()

    async def call(
        self,
        method: str,
        path: str,
        answer: type[Answer],
        *,
        body: BaseModel | bytes | Content | None = None,
        query: Query | None = None,
        key: str | None = None,
    ) -> Answer:
        """Send a request until it is answered, and parse the answer.

        Args:
            method: GET, POST, PUT, PATCH or DELETE.
            path: path below the base URL, e.g. "/v1/me".
            answer: model of the answer's body.
            body: a message, its JSON, or something streamed.
            query: query parameters; nulls are left out.
            key: Idempotency-Key of a mutation; null makes one. Repeats carry the same.

        Raises:
            FairleadError: as the broker answered.
            Unavailable: the broker could not be reached in the time that `retry` allows.
        """
        raw = await self._read(method, path, body, query, key)
        try:
            return answer.model_validate_json(raw)
        except ValidationError as error:
            raise errors.FairleadError(
                f"{method} {path}: the answer is not what this version of Fairlead expects: "
                f"{error.error_count()} fields differ, first {error.errors()[0]['loc']}"
            ) from error

    async def act(
        self,
        method: str,
        path: str,
        *,
        body: BaseModel | bytes | Content | None = None,
        key: str | None = None,
    ) -> None:
        """Like `call`, for requests whose answer says nothing but that it is done."""
        await self._read(method, path, body, None, key)

    async def _read(
        self,
        method: str,
        path: str,
        body: BaseModel | bytes | Content | None,
        query: Query | None,
        key: str | None,
    ) -> bytes:
        headers: dict[str, str] = {}
        if method != "GET":
            headers["Idempotency-Key"] = key or secrets.token_urlsafe(18)
        if isinstance(body, BaseModel):
            body = body.model_dump_json(exclude_unset=True).encode()

        async def attempt() -> bytes:
            response = await self._send(method, path, headers, query, body)
            with connection_errors(self.url):
                async with response:
                    return await response.read()

        return await self.retry.run(attempt)

    @asynccontextmanager
    async def open(
        self, path: str, *, query: Query | None = None, headers: Mapping[str, str] | None = None
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """A GET whose body the caller reads as it comes.

        The request is repeated until it is answered; a body that breaks off raises `Interrupted`.
        """
        response = await self.retry.run(
            lambda: self._send("GET", path, dict(headers or {}), query, None)
        )
        try:
            with connection_errors(self.url, Interrupted):
                yield response
        finally:
            response.close()

    async def _send(
        self,
        method: str,
        path: str,
        headers: dict[str, str],
        query: Query | None,
        body: bytes | Content | None,
    ) -> aiohttp.ClientResponse:
        headers = {**headers, "User-Agent": USER_AGENT}
        if self._token is not None:
            headers["Authorization"] = f"Bearer {self._token}"
        data: Any = body
        if isinstance(body, bytes):
            headers["Content-Type"] = "application/json"
        elif body is not None:
            headers["Content-Type"] = body.content_type
            data = body.chunks()
        try:
            with connection_errors(self.url):
                response = await self._session.get().request(
                    method,
                    self.url + path,
                    params=query_of(query),
                    headers=headers,
                    data=data,
                    proxy=self._proxy,
                    allow_redirects=False,  # a redirect would carry the token elsewhere
                    timeout=TIMEOUT,
                )
        except errors.Unavailable:
            if body is not None and not isinstance(body, bytes) and body.failure is not None:
                raise body.failure from None  # our own source broke, not the connection
            raise
        if response.status >= 300:
            raise await error_of(response)
        return response


class _Session:
    """An aiohttp session: the injected one, or our own, opened inside the loop that uses it."""

    def __init__(self, injected: aiohttp.ClientSession | None) -> None:
        self._session = injected
        self._owned = injected is None

    def get(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession()
        return self._session

    async def close(self) -> None:
        if self._owned and self._session is not None:
            await self._session.close()
            self._session = None


def _user_agent() -> str:
    try:
        return f"fairlead/{version('fairlead')}"
    except PackageNotFoundError:  # run from a source tree that was never installed
        return "fairlead"


USER_AGENT: Final = _user_agent()
