"""Data directories that the servers' account may enter; no server may outlive its test."""

import asyncio
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from broker.embedded import EmbeddedServers
from broker.embedded.orphans import find_servers


@contextmanager
def enterable_folder() -> Iterator[Path]:
    """Not `tmp_path`: under root its parents have mode 0700 and bar the unprivileged account."""
    base = Path(tempfile.mkdtemp(prefix="fairlead-test-", dir="/tmp")).resolve()
    base.chmod(0o755)
    yield base
    left = find_servers(base)
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    shutil.rmtree(base)
    assert left == {}


@pytest.fixture
def data_directory() -> Iterator[Path]:
    """A data directory that does not exist yet."""
    with enterable_folder() as base:
        yield base / "data"


@pytest.fixture(scope="session")
def started_once() -> Iterator[Path]:
    with enterable_folder() as base:

        async def start_and_stop() -> None:
            async with EmbeddedServers(base / "data", durable=False):
                pass

        asyncio.run(start_and_stop())
        yield base / "data"


@pytest.fixture
def used_directory(started_once: Path, data_directory: Path) -> Path:
    """A data directory after a first start: a copy, which takes a tenth of that start's time."""
    subprocess.run(["cp", "-a", started_once, data_directory], check=True)
    shutil.rmtree(data_directory / "log")  # tests read what their own servers print
    return data_directory
