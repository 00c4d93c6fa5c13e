"""Files that go up as job inputs and come down as outputs, each under its SHA-256."""

import asyncio
import hashlib
import os
import re
import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

from broker.client.failures import Interrupted
from broker.client.transport import Transport
from broker.errors import FairleadError, InvalidInput
from broker.protocol.batches import InputContent
from broker.protocol.jobs import Output
from broker.protocol.limits import INLINE_INPUT_BYTES_MAX

CHUNK_BYTES: Final = 1 * 2**20
DOWNLOAD_ATTEMPTS_MAX: Final = 5
SAFE_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*\Z")


class DigestMismatch(FairleadError):
    """Bytes that arrived are not the bytes that were stored under this digest."""

    code = "digest_mismatch"


class FileContent:
    """A file as a request body; each retry reads it from its start."""

    content_type = "application/octet-stream"
    failure: BaseException | None = None

    def __init__(self, path: Path) -> None:
        self._path = path

    async def chunks(self) -> AsyncIterator[bytes]:
        """The content, read beside the event loop."""
        try:
            file = await asyncio.to_thread(self._path.open, "rb")
            with file:
                while chunk := await asyncio.to_thread(file.read, CHUNK_BYTES):
                    yield chunk
        except OSError as error:
            self.failure = InvalidInput(f"cannot read {self._path}: {error.strerror}")
            raise


async def upload(http: Transport, path: Path | str) -> InputContent:
    """Make a file the content of a job's input: small text goes in place, the rest as a blob.

    Raises:
        InvalidInput: the file cannot be read.
    """
    path = Path(path)
    try:
        text = await asyncio.to_thread(_small_text, path)
        if text is not None:
            return InputContent(text=text)
        digest = await asyncio.to_thread(digest_of, path)
    except OSError as error:
        raise InvalidInput(f"cannot read {path}: {error.strerror}") from error
    await http.act("PUT", f"/v1/blobs/{digest}", body=FileContent(path))
    return InputContent(sha256=digest)


def _small_text(path: Path) -> str | None:
    """The file's text, or null when it is too long or no text."""
    if path.stat().st_size > INLINE_INPUT_BYTES_MAX:
        return None
    try:
        text = path.read_bytes().decode()
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text


def digest_of(path: Path) -> str:
    """SHA-256 of a file in lower-case hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class PartFile:
    """A download under a temporary name beside its target, until its digest is proven."""

    def __init__(self, target: Path) -> None:
        self._target = target
        self._path = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
        target.parent.mkdir(parents=True, exist_ok=True)
        self._file = self._path.open("xb")
        self._digest = hashlib.sha256()

    def write(self, chunk: bytes) -> None:
        """Append bytes."""
        self._file.write(chunk)
        self._digest.update(chunk)

    def commit(self, sha256: str) -> None:
        """Give the file its name, in one step; raises DigestMismatch and leaves nothing."""
        self._file.close()
        if self._digest.hexdigest() != sha256:
            self._path.unlink()
            raise DigestMismatch(
                f"{self._target.name}: expected SHA-256 {sha256}, got {self._digest.hexdigest()}"
            )
        os.replace(self._path, self._target)

    def discard(self) -> None:
        """Remove what is there; after a commit, nothing."""
        self._file.close()
        self._path.unlink(missing_ok=True)


async def fetch(http: Transport, path: str, output: Output, directory: Path) -> Path:
    """Download one output into a directory.

    Args:
        http: the transport.
        path: where the broker serves it.
        output: its name, size and digest.
        directory: made when it is missing.

    Raises:
        DigestMismatch: the content is not what the job wrote.
        InvalidInput: the name is not a plain file name.
    """
    if not SAFE_NAME.match(output.name):  # never let a broker write outside the directory
        raise InvalidInput(f"refusing an output named {output.name[:200]!r}")
    target = directory / output.name
    return await fetch_content(http, path, output.sha256, output.size_bytes, target)


async def fetch_content(
    http: Transport, path: str, sha256: str, size_bytes: int, target: Path
) -> Path:
    """Download a content of known digest and size, unless it is there already.

    Raises:
        DigestMismatch: what came is something else.
    """
    if await asyncio.to_thread(_is_whole, target, sha256, size_bytes):
        return target
    attempt = 0
    while True:
        try:
            await _fetch_once(http, path, sha256, target)
        except Interrupted:
            attempt += 1
            if attempt == DOWNLOAD_ATTEMPTS_MAX:
                raise
            await http.retry.sleep(http.retry.pause_seconds(attempt))
        else:
            return target


def _is_whole(target: Path, sha256: str, size_bytes: int) -> bool:
    return target.is_file() and target.stat().st_size == size_bytes and digest_of(target) == sha256


async def _fetch_once(http: Transport, path: str, sha256: str, target: Path) -> None:
    part = await asyncio.to_thread(PartFile, target)
    try:
        async with http.open(path) as response:
            async for chunk in response.content.iter_chunked(CHUNK_BYTES):
                await asyncio.to_thread(part.write, chunk)
        await asyncio.to_thread(part.commit, sha256)
    finally:
        part.discard()
