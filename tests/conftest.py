"""Fixtures for every suite: real servers once a run, a fresh database and broker for each test."""

import logging
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import structlog
from aiohttp import ClientSession, TCPConnector
from hypothesis import settings as hypothesis_settings

from broker.config import Settings
from broker.main import Broker
from broker.storage.database import Database
from tests.support.running import Running, admin_of
from tests.support.servers import Servers, running_servers

# In CI the same examples every time, so that a change lands or not for what it is; elsewhere new
# ones each run, which is how the searches find anything.
hypothesis_settings.register_profile("ci", derandomize=True)
if os.environ.get("CI"):
    hypothesis_settings.load_profile("ci")


@pytest.fixture(autouse=True)
def log_of_its_own(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Commands set up the log of their process, here for a stream that later tests find closed."""
    configure, handlers = structlog.configure, list(logging.root.handlers)

    def anew(**given: Any) -> None:
        configure(**given | {"cache_logger_on_first_use": False})

    monkeypatch.setattr(structlog, "configure", anew)
    yield
    structlog.reset_defaults()
    logging.root.handlers[:] = handlers


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    """PostgreSQL and Redis."""
    with running_servers() as running:
        yield running


@pytest.fixture
async def database_url(servers: Servers) -> AsyncIterator[str]:
    """A fresh database with our tables."""
    url = await servers.clone()
    yield url
    await servers.drop(url)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A pool on a fresh database."""
    opened = await Database.connect(database_url, connections_max=4)
    yield opened
    await opened.close()


@pytest.fixture
def settings(servers: Servers, database_url: str, tmp_path: Path) -> Callable[..., Settings]:
    """Settings of a broker on the fresh database; arguments override."""

    def make(**more: Any) -> Settings:
        return Settings(
            database_url=database_url,
            redis_url=servers.redis_url,
            files_directory=tmp_path / "files",
            port=0,
            **{"database_connections_max": 6, "project_apps": True, **more},
        )

    return make


@pytest.fixture
async def start_broker(
    settings: Callable[..., Settings],
) -> AsyncIterator[Callable[..., Any]]:
    """Starts a broker with given settings; it stops with the test."""
    async with AsyncExitStack() as stack:

        async def start(**more: Any) -> Running:
            session = await stack.enter_async_context(
                ClientSession(connector=TCPConnector(limit=0))
            )
            broker = await stack.enter_async_context(Broker(settings(**more)))
            return Running(broker, session, await admin_of(broker, session))

        yield start


@pytest.fixture
async def broker(start_broker: Callable[..., Any]) -> Running:
    """A running broker."""
    running: Running = await start_broker()
    return running
