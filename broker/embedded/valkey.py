"""Valkey (or Redis): its settings and when it is ready.

It listens on a unix socket only, in a folder that no other account can enter; whoever can reach
that socket could read a password file as well, so there is no password.
"""

import asyncio
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import redis.asyncio
import redis.exceptions

from broker.embedded.binaries import Binary
from broker.embedded.directory import DataDirectory
from broker.embedded.errors import EmbeddedError
from broker.embedded.privileges import ServerUser
from broker.embedded.processes import POLL_SECONDS, ServerProcess, telling_line

SOCKET_NAME = "valkey.sock"
START_SECONDS_MAX = 60  # it reads the whole append-only file first
# SIGTERM syncs the append-only file and ends.
STOP_STEPS = ((signal.SIGTERM, 30.0), (signal.SIGKILL, 10.0))


@dataclass(frozen=True)
class Valkey:
    """How to run the Redis-protocol server of one data directory."""

    directory: DataDirectory
    binary: Binary
    user: ServerUser | None
    sockets: Path
    durable: bool

    @property
    def _socket(self) -> Path:
        return self.sockets / SOCKET_NAME

    def url(self) -> str:
        return f"unix://{quote(str(self._socket), safe='/')}?db=0"

    def start(self) -> ServerProcess:
        """Spawn the server; `wait_ready` says when it answers."""
        self.directory.make_private(self.directory.valkey, self.user)
        settings = {
            "port": "0",
            "unixsocket": str(self._socket),
            "unixsocketperm": "700",
            "dir": str(self.directory.valkey),
            "pidfile": str(self.directory.valkey / "valkey.pid"),
            "daemonize": "no",
            "logfile": "",  # to its output, and so into the bounded log
            "appendonly": "yes",
            # Redis holds nothing unique: a lost second is rebuilt from PostgreSQL.
            "appendfsync": "everysec" if self.durable else "no",
            "save": "",
            # An evicted queue entry would be a job that nobody looks for until the next rebuild.
            "maxmemory-policy": "noeviction",
        }
        options = [part for name, value in settings.items() for part in (f"--{name}", value)]
        return ServerProcess(
            self.binary.product,
            [self.binary.program, *options],
            folder=self.directory.valkey,
            log=self.directory.logs / "valkey.log",
            user=self.user,
            stop_steps=STOP_STEPS,
        )

    async def wait_ready(self, server: ServerProcess) -> None:
        """Until it answers PING, its data loaded."""
        deadline = time.monotonic() + START_SECONDS_MAX
        client = redis.asyncio.Redis.from_url(self.url(), retry=None)
        try:
            while True:
                if failure := server.failure():
                    raise EmbeddedError(failure.message, log_tail=failure.log_tail)
                try:
                    await client.ping()
                    return
                # BusyLoadingError is a ConnectionError, too.
                except (redis.exceptions.ConnectionError, redis.exceptions.TimeoutError):
                    if time.monotonic() > deadline:
                        raise EmbeddedError(
                            f"{server.name} did not answer within {START_SECONDS_MAX} s; "
                            f"see {server.log}: {telling_line(server.log_tail())}",
                            log_tail=server.log_tail(),
                        ) from None
                await asyncio.sleep(POLL_SECONDS)
        finally:
            await client.aclose()
