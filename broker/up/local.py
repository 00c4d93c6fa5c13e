"""Servers and a broker in one data directory of this machine."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import structlog
from pydantic import SecretStr

from broker.config import Settings, read
from broker.embedded import EmbeddedServers, default_data_directory
from broker.errors import StartupError
from broker.main import Broker
from broker.services.people import bootstrap

log = structlog.get_logger(__name__)

ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Announcement:
    """What a person wants to know once everything runs.

    `admin_token` is None unless this was the first start, for only its hash is kept.
    """

    url: str
    admin_token: str | None
    directory: Path
    notes: list[str]


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
    # Before the servers start: they are private ones, and their addresses not known yet.
    settings = read(
        Settings,
        database_url=database_url or "",
        redis_url=redis_url or "",
        files_directory=home / "files",
        host=host,
        port=port,
    )
    if database_url and redis_url:
        async with Broker(settings) as broker:
            yield await _announced(broker, None, home)
        return
    async with EmbeddedServers(home) as servers, Broker(_with(settings, servers)) as broker:
        yield await _announced(broker, servers, home)


def _with(settings: Settings, servers: EmbeddedServers) -> Settings:
    """The same settings, and where the private servers are."""
    urls = {"database_url": servers.database_url, "redis_url": servers.redis_url}
    return settings.model_copy(update={name: SecretStr(url) for name, url in urls.items()})


async def _announced(broker: Broker, servers: EmbeddedServers | None, home: Path) -> LocalBroker:
    async with broker.services.database.transaction() as connection:
        token = None
        if not await bootstrap.has_admin(connection):
            token = await bootstrap.admin_token(connection, ADMIN)
    notes = list(servers.notes) if servers else ["using the servers that the environment names"]
    return LocalBroker(broker, servers, Announcement(broker.url, token, home, notes))
