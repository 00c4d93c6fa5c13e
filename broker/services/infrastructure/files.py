"""The files of a deployment: contents by digest, and logs.

A directory that all brokers share. Contents are written beside their place and renamed into it,
so a file that is there is whole; equal contents are kept once.
"""

import asyncio
import hashlib
import os
import secrets
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from broker.errors import BodyTooLarge, FieldError, InvalidInput, StartupError, reason_of
from broker.protocol.ids import JobId

STREAMS = ("stdout", "stderr")


@dataclass(frozen=True, slots=True)
class Content:
    """A stored content."""

    sha256: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class LogName:
    """One stream of one attempt; of a gang, of one rank."""

    job: JobId
    epoch: int
    stream: str
    rank: int = 0

    def __str__(self) -> str:
        rank = f".{self.rank}" if self.rank else ""
        return f"{self.job}.{self.epoch}.{self.stream}{rank}"


@dataclass(frozen=True, slots=True)
class Files:
    """Contents under `contents/`, logs under `logs/`."""

    root: Path

    def __post_init__(self) -> None:
        try:
            for folder in ("contents", "logs", "incoming"):
                (self.root / folder).mkdir(parents=True, exist_ok=True)
            self.root.chmod(0o700)  # results are for those whom the API lets see them
        except OSError as error:
            raise StartupError(
                f"cannot use {self.root} for files: {reason_of(error)}; "
                "check FAIRLEAD_FILES_DIRECTORY"
            ) from error

    def content_path(self, sha256: str) -> Path:
        """Where a content is, or would be."""
        return self.root / "contents" / sha256[:2] / sha256

    async def store(
        self, chunks: AsyncIterator[bytes], *, bytes_max: int, expected: str | None = None
    ) -> Content:
        """Stores a content while it arrives.

        Args:
            bytes_max: more than that is refused and nothing is kept.
            expected: the digest that it must have, if known.

        Raises:
            BodyTooLarge: too many bytes.
            InvalidInput: another digest than expected.
        """
        incoming = self.root / "incoming" / secrets.token_hex(8)
        whole, size = hashlib.sha256(), 0
        try:
            with incoming.open("xb") as file:
                async for chunk in chunks:
                    size += len(chunk)
                    if size > bytes_max:
                        detail = f"more than {bytes_max} bytes"
                        raise BodyTooLarge(detail, errors=[FieldError("", detail)])
                    whole.update(chunk)
                    await asyncio.to_thread(file.write, chunk)
                await asyncio.to_thread(_sync, file.fileno(), file.flush)
            digest = whole.hexdigest()
            if expected is not None and digest != expected:
                raise InvalidInput.of("{sha256}", f"the content's digest is {digest}")
            path = self.content_path(digest)
            path.parent.mkdir(exist_ok=True)
            incoming.rename(path)
        finally:
            incoming.unlink(missing_ok=True)
        return Content(digest, size)

    def log_path(self, log: LogName) -> Path:
        """Where a log is."""
        return self.root / "logs" / f"{int(log.job) // 10_000}" / str(log)

    def append_log(self, log: LogName, offset: int, chunk: bytes, *, bytes_max: int) -> int:
        """Writes a chunk at its offset, so that a repeated one changes nothing.

        Returns:
            The offset behind the chunk; when the chunk would leave a gap, the offset at which
            the log ends and the sender must go on.
        """
        path = self.log_path(log)
        path.parent.mkdir(exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            size = os.fstat(descriptor).st_size
            if offset > size:
                return size
            kept = chunk[: max(0, bytes_max - offset)]
            os.pwrite(descriptor, kept, offset)
        finally:
            os.close(descriptor)
        return offset + len(chunk)

    def read_log(self, log: LogName, offset: int, bytes_max: int) -> bytes:
        """What the log holds from an offset on; empty when there is nothing (yet)."""
        try:
            with self.log_path(log).open("rb") as file:
                file.seek(offset)
                return file.read(bytes_max)
        except FileNotFoundError:
            return b""

    def remove_logs(self, first: int, last: int) -> None:
        """Removes the logs of the jobs from `first` to `last`, all attempts; again is no error."""
        for folder in range(first // 10_000, last // 10_000 + 1):
            for path in (self.root / "logs" / str(folder)).glob("*.*.*"):
                job = path.name.partition(".")[0]
                if job.isdigit() and first <= int(job) <= last:
                    path.unlink(missing_ok=True)

    def remove_content(self, sha256: str, older_than_seconds: float) -> None:
        """Removes a content, unless it was stored (anew) lately; again is no error.

        It is looked at after it was taken out of its place, so that one that is stored meanwhile
        is either the one looked at or not touched.
        """
        path, aside = self.content_path(sha256), self.root / "incoming" / secrets.token_hex(8)
        try:
            path.rename(aside)
        except FileNotFoundError:
            return
        if time.time() - aside.stat().st_mtime < older_than_seconds and not path.exists():
            aside.rename(path)
        else:
            aside.unlink()


def _sync(descriptor: int, flush: object) -> None:
    if callable(flush):
        flush()
    os.fsync(descriptor)
