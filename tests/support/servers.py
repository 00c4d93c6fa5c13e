"""PostgreSQL and Redis for the tests: embedded ones, or those that the environment names.

`FAIRLEAD_TEST_DATABASE_URL` must name a role that may create databases.
"""

import asyncio
import os
import secrets
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from broker.embedded import EmbeddedServers
from broker.storage import schema


@dataclass
class Servers:
    """The servers, and databases cloned from one template."""

    database_url: str
    redis_url: str
    embedded: EmbeddedServers | None = None
    template: str = field(default_factory=lambda: f"template_{secrets.token_hex(4)}")
    _numbers: Iterator[int] = field(default_factory=count)

    def url_of(self, database: str) -> str:
        """The URL of a database on the server."""
        parts = urlsplit(self.database_url)
        return urlunsplit(parts._replace(path=f"/{database}"))

    def kill(self, name: str) -> None:
        """Ends an embedded server at once, as a crash would; `restart` brings it back."""
        assert self.embedded is not None
        os.kill(self.embedded.process_ids[name], signal.SIGKILL)

    @contextmanager
    def frozen(self, name: str) -> Iterator[None]:
        """Stops an embedded server and its children where they stand, as a hung disk does."""
        assert self.embedded is not None
        server = self.embedded.process_ids[name]
        children = Path(f"/proc/{server}/task/{server}/children").read_text().split()
        everyone = [server, *map(int, children)]
        for process in everyone:
            os.kill(process, signal.SIGSTOP)
        try:
            yield
        finally:
            for process in everyone:
                with suppress(ProcessLookupError):
                    os.kill(process, signal.SIGCONT)

    async def restart(self, name: str) -> None:
        """Starts an embedded server that was killed."""
        assert self.embedded is not None
        await self.embedded.restart(name)

    async def make_template(self) -> None:
        """An empty database with the schema, to clone from."""
        connection = await asyncpg.connect(self.database_url)
        await connection.execute(f"CREATE DATABASE {self.template}")
        await connection.close()
        connection = await asyncpg.connect(self.url_of(self.template))
        await schema.apply(connection)
        await connection.close()

    async def clone(self, url: str | None = None) -> str:
        """The URL of a new database; it has a deployment id, hence Redis keys, of its own.

        Args:
            url: what to copy, which nobody is connected to; an empty database with the schema
                for None.
        """
        name = f"{self.template}_{next(self._numbers)}"
        origin = urlsplit(url).path.removeprefix("/") if url else self.template
        connection = await asyncpg.connect(self.database_url)
        await connection.execute(f"CREATE DATABASE {name} TEMPLATE {origin}")
        await connection.close()
        connection = await asyncpg.connect(self.url_of(name))
        await connection.execute("UPDATE deployment SET id = $1", secrets.token_hex(6))
        await connection.close()
        return self.url_of(name)

    async def drop(self, url: str) -> None:
        """Removes a clone."""
        name = urlsplit(url).path.removeprefix("/")
        # An autovacuum worker may be at it, which only a superuser may end.
        door = self.embedded.superuser_url if self.embedded else self.database_url
        connection = await asyncpg.connect(door)
        await connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        await connection.close()


@contextmanager
def running_servers(*, durable: bool = False) -> Iterator[Servers]:
    """Servers for one test run.

    Args:
        durable: keep what was committed although a server is killed.
    """
    database, redis = (os.environ.get(f"FAIRLEAD_TEST_{n}_URL") for n in ("DATABASE", "REDIS"))
    if database and redis:
        servers = Servers(database, redis)
        asyncio.run(servers.make_template())
        yield servers
        asyncio.run(servers.drop(servers.url_of(servers.template)))
        return
    # Not under pytest's tmp_path: the servers' unprivileged account must be able to enter.
    folder = Path(tempfile.mkdtemp(prefix="fairlead-tests-", dir="/tmp"))
    folder.chmod(0o755)
    embedded = EmbeddedServers(folder / "data", durable=durable)
    try:
        asyncio.run(embedded.start())
        servers = Servers(embedded.database_url, embedded.redis_url, embedded)
        asyncio.run(servers.make_template())
        yield servers
    finally:
        asyncio.run(embedded.stop())
        shutil.rmtree(folder)
