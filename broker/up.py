"""`fairlead up`: servers, broker and one worker on this machine, in one data directory.

With FAIRLEAD_DATABASE_URL and FAIRLEAD_REDIS_URL set, those servers are used instead of private
ones. The worker is a process of its own, as it is on any other host.
"""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import structlog
from pydantic import SecretStr

from broker import console
from broker.config import Settings
from broker.embedded import EmbeddedServers, default_data_directory
from broker.errors import StartupError
from broker.main import Broker, rest_memory, until_signal
from broker.services import bootstrap

log = structlog.get_logger(__name__)

ADMIN = "admin"
WORKER_STOP_SECONDS_MAX = 45.0  # longer than the agent's own grace for running jobs
WORKER_RESTART_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Announcement:
    """What a person wants to know once everything runs.

    `admin_token` is None unless this was the first start, for only its hash is kept.
    """

    url: str
    admin_token: str | None
    directory: Path
    notes: list[str]


async def up(
    directory: Path | None,
    host: str,
    port: int,
    slots: int | None,
    worker: bool,
    announce: Callable[[Announcement], None],
) -> None:
    """Starts everything, calls `announce`, and runs until SIGINT or SIGTERM.

    Args:
        directory: data directory; None takes the user's own.
        port: 0 takes a free one.
        slots: CPU slots of the worker; None lets it decide.
        worker: whether to run a worker here.

    Raises:
        StartupError: something cannot start, or a server died and does not come up again.
    """
    console.configure()
    async with until_signal() as stop, local_broker(directory, host, port) as local:
        rest_memory()
        announce(local.announcement)
        ends = [asyncio.create_task(stop.wait()), asyncio.create_task(local.keep_servers())]
        keeper = None
        if worker:
            keeper = asyncio.create_task(keep_worker(local, slots))
            ends.append(keeper)
        try:
            done, _ = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in ends:
                task.cancel()
            await asyncio.gather(*ends, return_exceptions=True)


@dataclass(slots=True)
class LocalBroker:
    """A broker of this machine and, unless the environment names others, its servers."""

    broker: Broker
    servers: EmbeddedServers | None
    announcement: Announcement

    async def keep_servers(self) -> None:
        """Starts a private server again when it dies; the broker waits for it meanwhile.

        Raises:
            EmbeddedError: it does not come up again; the message has its last words.
        """
        if self.servers is None:
            await asyncio.Event().wait()
            return
        while True:
            failure = await self.servers.wait_failed()
            log.error("a server died and is started again", reason=failure.message)
            await self.servers.restart(failure.name)

    async def enrollment_token(self, name: str = "local", pool: str = "default") -> str:
        """A token with which one host may join."""
        async with self.broker.services.database.transaction() as connection:
            return await bootstrap.enrollment_token(connection, name, pool)


@asynccontextmanager
async def local_broker(
    directory: Path | None, host: str = "127.0.0.1", port: int = 0
) -> AsyncIterator[LocalBroker]:
    """Servers and a broker in a data directory; the first admin is made on the first start.

    Raises:
        StartupError: something cannot start; the message says what to do.
    """
    database_url, redis_url = (os.environ.get(f"FAIRLEAD_{n}_URL") for n in ("DATABASE", "REDIS"))
    if bool(database_url) != bool(redis_url):
        raise StartupError("set both FAIRLEAD_DATABASE_URL and FAIRLEAD_REDIS_URL, or neither")
    home = directory or default_data_directory()
    if database_url and redis_url:
        async with _broker(home, host, port, database_url, redis_url) as broker:
            yield await _announced(broker, None, home)
        return
    async with (
        EmbeddedServers(home) as servers,
        _broker(home, host, port, servers.database_url, servers.redis_url) as broker,
    ):
        yield await _announced(broker, servers, home)


@asynccontextmanager
async def _broker(
    home: Path, host: str, port: int, database_url: str, redis_url: str
) -> AsyncIterator[Broker]:
    settings = Settings.model_validate(
        {
            "database_url": SecretStr(database_url),
            "redis_url": SecretStr(redis_url),
            "files_directory": home / "files",
            "host": host,
            "port": port,
        }
    )
    async with Broker(settings) as broker:
        yield broker


async def _announced(broker: Broker, servers: EmbeddedServers | None, home: Path) -> LocalBroker:
    async with broker.services.database.transaction() as connection:
        token = None
        if not await bootstrap.has_admin(connection):
            token = await bootstrap.admin_token(connection, ADMIN)
    notes = list(servers.notes) if servers else ["using the servers that the environment names"]
    return LocalBroker(broker, servers, Announcement(broker.url, token, home, notes))


async def keep_worker(local: LocalBroker, slots: int | None) -> None:
    """Runs the local worker, and starts it again when it ends by itself."""
    state = local.announcement.directory / "worker"
    while True:
        token = "" if (state / "host.json").exists() else await local.enrollment_token()
        process = await start_worker(local.announcement.url, state, token, slots)
        try:
            status = await process.wait()
        finally:
            await stop_worker(process)
        log.warning("the worker ended and is started again", exit_code=status)
        await asyncio.sleep(WORKER_RESTART_SECONDS)


async def start_worker(
    url: str, state: Path, token: str, slots: int | None, name: str = "local"
) -> asyncio.subprocess.Process:
    """Starts a worker as a process of its own, out of reach of the terminal's Ctrl-C."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("FAIRLEAD_")}
    environment |= {
        "FAIRLEAD_URL": url,
        "FAIRLEAD_STATE_DIRECTORY": str(state),
        "FAIRLEAD_NAME": name,
    }
    if token:
        environment["FAIRLEAD_ENROLLMENT_TOKEN"] = token
    if slots is not None:
        environment["FAIRLEAD_SLOTS"] = str(slots)
    command = (sys.executable, "-m", "broker", "worker")
    return await asyncio.create_subprocess_exec(
        *command, env=environment, start_new_session=True, stdin=asyncio.subprocess.DEVNULL
    )


async def stop_worker(process: asyncio.subprocess.Process) -> None:
    """Drains a worker, then kills it."""
    if process.returncode is not None:
        return
    process.send_signal(signal.SIGTERM)
    try:
        await asyncio.wait_for(process.wait(), WORKER_STOP_SECONDS_MAX)
    except TimeoutError:
        process.kill()
        await process.wait()
