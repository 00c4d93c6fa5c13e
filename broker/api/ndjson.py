"""NDJSON bodies: lines as they arrive, in chunks, with their numbers.

A line is bounded, the body is bounded, and nothing but the current chunk is in memory.
"""

import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import orjson
from aiohttp import StreamReader

from broker.errors import BodyTooLarge, FieldError, InvalidInput
from broker.protocol.limits import LINE_BYTES_MAX, STREAM_BODY_BYTES_MAX
from broker.services.submission.job_requests import JobRow, check_jobs
from broker.services.submission.prepared import Prepared

LINES_PER_CHUNK = 2_000


@dataclass(slots=True)
class Lines:
    """The lines of one body.

    Args:
        content: the request's body.
    """

    content: StreamReader
    number: int = 0
    bytes_read: int = 0
    _digest: "hashlib._Hash" = field(default_factory=hashlib.sha256)
    _rest: bytes = b""
    _ended: bool = False

    def digest(self) -> bytes:
        """SHA-256 of what was read so far."""
        return self._digest.digest()

    async def first(self) -> bytes:
        """The first line.

        Raises:
            InvalidInput: an empty body.
        """
        while b"\n" not in self._rest and await self._more():
            pass
        line, _, self._rest = self._rest.partition(b"\n")
        self.number = 1
        if not line.strip():
            raise InvalidInput.of("line 1", "expected the batch: an object with at least `app`")
        return line

    async def chunks(self) -> AsyncIterator[tuple[int, list[bytes]]]:
        """(number of the first line, lines) of each chunk; blank lines are left out."""
        more = True
        while more:
            more = await self._more()
            whole, newline, rest = self._rest.rpartition(b"\n")
            if more and whole.count(b"\n") < LINES_PER_CHUNK:
                continue
            if more:
                self._rest = rest
            else:
                whole, self._rest = whole + newline + rest, b""
            lines = whole.split(b"\n")
            for start in range(0, len(lines), LINES_PER_CHUNK):
                part = lines[start : start + LINES_PER_CHUNK]
                number, self.number = self.number + 1, self.number + len(part)
                yield number, part

    async def drain(self) -> None:
        """Reads the body to its end, for its digest."""
        while await self._more():
            self._rest = b""

    async def _more(self) -> bool:
        data = await self.content.readany()
        if not data:
            return False
        self.bytes_read += len(data)
        if self.bytes_read > STREAM_BODY_BYTES_MAX:
            raise BodyTooLarge(
                f"the body has more than {STREAM_BODY_BYTES_MAX} bytes",
                errors=[FieldError("", f"at most {STREAM_BODY_BYTES_MAX} bytes")],
            )
        self._digest.update(data)
        self._rest += data
        if len(self._rest) > LINE_BYTES_MAX and b"\n" not in self._rest[-LINE_BYTES_MAX:]:
            at = f"line {self.number + self._rest.count(bytes([10])) + 1}"
            detail = f"more than {LINE_BYTES_MAX} bytes"
            raise BodyTooLarge(f"{at}: {detail}", errors=[FieldError(at, detail)])
        return True


async def jobs_of(lines: Lines, prepared: Prepared) -> AsyncIterator[list[JobRow]]:
    """The jobs of a body, checked chunk by chunk.

    Raises:
        InvalidInput: naming the line, and the field within it.
    """
    async for number, chunk in lines.chunks():
        numbered = [(number + k, line) for k, line in enumerate(chunk) if line.strip()]
        if numbered:
            yield checked(prepared, numbered)


def checked(prepared: Prepared, numbered: list[tuple[int, bytes]]) -> list[JobRow]:
    """Job rows of numbered lines.

    Raises:
        InvalidInput: naming the line, and the field within it.
    """
    array = b"[" + b",".join(line for _, line in numbered) + b"]"
    try:
        rows = check_jobs(
            prepared.runnable, prepared.order, array, lambda index: f"line {numbered[index][0]}: "
        )
    except InvalidInput:
        refuse_malformed(numbered)
        raise
    if len(rows) != len(numbered):
        refuse_malformed(numbered)
    return rows


def refuse_malformed(numbered: list[tuple[int, bytes]]) -> None:
    """Finds the line that is not one JSON value.

    Raises:
        InvalidInput: naming the line.
    """
    for number, line in numbered:
        try:
            orjson.loads(line)
        except orjson.JSONDecodeError as error:
            detail = f"not valid JSON: {error.msg}, at column {error.colno}"
            raise InvalidInput.of(f"line {number}", detail) from None
