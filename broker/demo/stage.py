"""Where the demo plays: a broker with private servers, and one worker with a few CPU slots."""

import asyncio
import os
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import structlog

from broker.errors import StartupError
from broker.up import LocalBroker, local_broker, stop_worker


@dataclass(frozen=True, slots=True)
class Stage:
    """A broker that runs, the token of its admin, and its worker."""

    local: LocalBroker
    admin_token: str
    slots: int
    directory: Path
    log: IO[str]

    @property
    def url(self) -> str:
        return self.local.announcement.url

    @asynccontextmanager
    async def worker(self) -> AsyncIterator[asyncio.Task[None]]:
        """A worker as a process of its own; the task ends with an error when something dies."""
        process = await self._start_worker()
        try:
            watch = asyncio.create_task(self._watch(process))
            yield watch
        finally:
            watch.cancel()
            await asyncio.gather(watch, return_exceptions=True)
            await stop_worker(process)

    async def _start_worker(self) -> asyncio.subprocess.Process:
        # Not up.start_worker: that one offers the machine's GPUs too, and writes to the terminal.
        environment = {k: v for k, v in os.environ.items() if not k.startswith("FAIRLEAD_")}
        environment |= {
            "FAIRLEAD_URL": self.url,
            "FAIRLEAD_STATE_DIRECTORY": str(self.directory / "worker"),
            "FAIRLEAD_NAME": "demo",
            "FAIRLEAD_SLOTS": str(self.slots),
            "FAIRLEAD_GPUS": "none",
            "FAIRLEAD_DRAIN_SECONDS": "2",
            "FAIRLEAD_ENROLLMENT_TOKEN": await self.local.enrollment_token("demo"),
        }
        command = (sys.executable, "-m", "broker", "worker")
        return await asyncio.create_subprocess_exec(
            *command,
            env=environment,
            start_new_session=True,  # out of reach of the terminal's Ctrl-C
            stdin=asyncio.subprocess.DEVNULL,
            stdout=self.log,
            stderr=self.log,
        )

    async def _watch(self, process: asyncio.subprocess.Process) -> None:
        worker = asyncio.create_task(self._worker_failure(process))
        servers = asyncio.create_task(self._server_failure())
        try:
            await asyncio.wait({worker, servers}, return_when=asyncio.FIRST_COMPLETED)
            raise StartupError((servers if servers.done() else worker).result())
        finally:
            for task in (worker, servers):
                task.cancel()
            await asyncio.gather(worker, servers, return_exceptions=True)

    async def _worker_failure(self, process: asyncio.subprocess.Process) -> str:
        code = await process.wait()
        return f"the worker ended by itself with exit code {code}; {self.log.name} says why"

    async def _server_failure(self) -> str:
        if self.local.servers is None:
            await asyncio.Event().wait()
        assert self.local.servers is not None
        return (await self.local.servers.wait_failed()).message


@asynccontextmanager
async def set_up(directory: Path | None, log_file: Path, slots: int) -> AsyncIterator[Stage]:
    """Starts the servers and the broker; everything is gone when it ends.

    Args:
        directory: an empty place for the data, which stays; None takes one that is removed.
        log_file: where broker and worker write what they would say on a terminal.
        slots: CPU slots of the worker.

    Raises:
        StartupError: something cannot start, or a broker has lived in the directory before.
    """
    _refuse_shared_servers()
    with _log_into(log_file) as log, _place(directory) as place:
        async with local_broker(place, port=0) as local:
            token = local.announcement.admin_token
            if token is None:
                raise StartupError(f"{place} belongs to another broker; give the demo an empty one")
            yield Stage(local, token, slots, place, log)


def _refuse_shared_servers() -> None:
    """The demo's accounts must not get into a database that somebody means to keep."""
    named = [n for n in ("FAIRLEAD_DATABASE_URL", "FAIRLEAD_REDIS_URL") if os.environ.get(n)]
    if named:
        raise StartupError(f"the demo brings its own servers: unset {' and '.join(named)}")


@contextmanager
def _place(directory: Path | None) -> Iterator[Path]:
    if directory is not None:
        yield directory
        return
    # Directly in /tmp: a TMPDIR of root is closed to the servers' unprivileged account, and the
    # path of a socket must be short.
    where = "/tmp" if os.path.isdir("/tmp") else None  # noqa: S108  mkdtemp makes it private
    folder = Path(tempfile.mkdtemp(prefix="fairlead-demo-", dir=where))
    folder.chmod(0o755)
    try:
        yield folder / "data"
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _log_into(file: Path) -> Iterator[IO[str]]:
    """Sends this process's log into a file while the demo has the terminal."""
    before = structlog.get_config()
    with file.open("w", encoding="utf-8", buffering=1) as log:
        structlog.configure(
            processors=[
                structlog.processors.add_log_level,
                structlog.processors.TimeStamper(fmt="iso"),
                structlog.processors.format_exc_info,
                structlog.processors.JSONRenderer(),
            ],
            logger_factory=structlog.PrintLoggerFactory(log),
        )
        try:
            yield log
        finally:
            structlog.configure(**before)
