"""Declared outputs: found in the working directory, checked, uploaded.

Only regular files directly in the working directory count, and links are not followed: otherwise
a job could have the agent publish a file that the job's owner must not read.
"""

import asyncio
import hashlib
import os
import stat
from collections.abc import AsyncIterator
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

from broker.errors import FairleadError, InvalidInput
from broker.protocol.apps import VersionSpec
from broker.protocol.leases import OutputFile
from broker.protocol.resources import JobLimits
from workers.broker_api import CHUNK_BYTES, BrokerApi
from workers.leases import Key


class OutputInvalid(Exception):
    """A declared output is missing, too large or no regular file; the message names it."""


@dataclass(frozen=True, slots=True)
class FoundOutput:
    """A declared output that is there."""

    name: str
    path: Path
    size_bytes: int


def find(directory: Path, spec: VersionSpec, limits: JobLimits) -> list[FoundOutput]:
    """The declared outputs that the command wrote.

    Raises:
        OutputInvalid: a required one is missing, or one is too large or no regular file.
    """
    found = []
    for name, declared in spec.outputs.items():
        path = directory / name
        try:
            status = path.lstat()
        except FileNotFoundError:
            if declared.required:
                raise OutputInvalid(f"output {name!r} was not written") from None
            continue
        if not stat.S_ISREG(status.st_mode):
            raise OutputInvalid(f"output {name!r} is no regular file")
        largest = min(declared.maximum_bytes, limits.output_bytes)
        if status.st_size > largest:
            raise OutputInvalid(
                f"output {name!r} has {status.st_size} bytes, more than the limit of {largest}"
            )
        found.append(FoundOutput(name, path, status.st_size))
    return found


async def upload(api: BrokerApi, key: Key, output: FoundOutput) -> OutputFile:
    """Send one output; tries until the broker answers.

    Raises:
        OutputInvalid: the broker does not accept it, or got other bytes than were sent.
        Fenced: the lease is gone.
    """
    digest = hashlib.sha256()

    async def content() -> AsyncIterator[bytes]:
        nonlocal digest
        digest = hashlib.sha256()
        file.seek(0)
        left = output.size_bytes
        while left and (piece := await asyncio.to_thread(file.read, min(CHUNK_BYTES, left))):
            left -= len(piece)
            digest.update(piece)
            yield piece

    with _open(output) as file:
        try:
            stored = await api.store_output(key, output.name, output.size_bytes, content)
        except InvalidInput as error:
            raise OutputInvalid(f"output {output.name!r} was refused: {error.message}") from error
    if stored.size_bytes != output.size_bytes or stored.sha256 != digest.hexdigest():
        raise FairleadError(f"output {output.name!r} was stored with other content")
    return stored


def _open(output: FoundOutput) -> FileIO:
    """Open without following links: `find` looked at one moment, this opens at another."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        return FileIO(os.open(output.path, flags), "rb")
    except OSError as error:
        raise OutputInvalid(f"output {output.name!r} cannot be read: {error.strerror}") from error
