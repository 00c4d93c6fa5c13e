"""What can go wrong with a request, as errors of Fairlead."""

import asyncio
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

import aiohttp
from pydantic import ValidationError

from broker import errors
from broker.protocol.problems import STATUS, Problem, to_error

ERROR_OF_STATUS: Final = {status: cls for cls, status in reversed(STATUS.items())}
GATEWAY_STATUSES: Final = frozenset({502, 503, 504})


class Interrupted(errors.Unavailable):
    """The body of an answer broke off; what was read of it is not all."""


class connection_errors:  # noqa: N801 - reads as a verb in a with statement
    """Turns what aiohttp raises when the broker is away into `Unavailable`."""

    def __init__(self, url: str, cls: type[errors.Unavailable] = errors.Unavailable) -> None:
        self._url = url
        self._cls = cls

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, aiohttp.ClientConnectorCertificateError | aiohttp.InvalidURL):
            raise errors.FairleadError(f"{self._url}: {error}") from error
        if isinstance(error, aiohttp.ClientError | asyncio.TimeoutError):
            raise self._cls(
                f"cannot reach the broker at {self._url}: {errors.reason_of(error)}",
                retry_after_seconds=0,
            ) from error


async def error_of(response: aiohttp.ClientResponse) -> errors.FairleadError:
    async with response:
        try:
            raw = await response.read()
        except aiohttp.ClientError:
            raw = b""
    retry_after = _retry_after_seconds(response.headers.get("Retry-After"))
    if problem := _problem_of(response, raw):
        return to_error(problem, retry_after)
    said = f"{response.method} {response.url.path} was answered {response.status} {response.reason}"
    if response.status in GATEWAY_STATUSES:
        return errors.Unavailable(said, retry_after_seconds=retry_after or 0)
    if response.status < 400:
        return errors.FairleadError(f"{said}: use {response.headers.get('Location', '')!r}")
    cls = ERROR_OF_STATUS.get(response.status, errors.FairleadError)
    return cls(said)


def _problem_of(response: aiohttp.ClientResponse, raw: bytes) -> Problem | None:
    """The broker's problem document; null where something between us and the broker answered."""
    if response.content_type != "application/problem+json":
        return None
    try:
        return Problem.model_validate_json(raw)
    except ValidationError:
        return None


def _retry_after_seconds(header: str | None) -> int | None:
    """Seconds that a `Retry-After` asks for (RFC 9110, 10.2.3); null for none or nonsense."""
    if header is None:
        return None
    if header.isascii() and header.isdigit():
        return int(header)
    try:
        delay = parsedate_to_datetime(header) - datetime.now(UTC)
    except (TypeError, ValueError):
        return None
    return max(0, round(delay.total_seconds()))
