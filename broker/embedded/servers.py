"""Both servers of one data directory, as one thing to start, watch and stop."""

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from types import TracebackType
from typing import Self

from broker.embedded.binaries import find_postgres, find_valkey
from broker.embedded.directory import DataDirectory, default_data_directory
from broker.embedded.errors import EmbeddedError
from broker.embedded.lock import DirectoryLock
from broker.embedded.orphans import stop_orphans
from broker.embedded.postgres import (
    SHARED_BUFFERS_MIB,
    SHARED_BUFFERS_MIB_DISPOSABLE,
    SUPERUSER,
    Postgres,
    written_by_major,
)
from broker.embedded.privileges import ServerUser, choose_server_user
from broker.embedded.processes import ServerFailure, ServerProcess, bound_log
from broker.embedded.runtime import make_usable
from broker.embedded.valkey import Valkey

WATCH_SECONDS = 0.1


class EmbeddedServers:
    """A private PostgreSQL and Valkey over `directory`, children of this process.

        async with EmbeddedServers("/srv/fairlead") as servers:
            pool = await asyncpg.create_pool(servers.database_url)

    Args:
        directory: None for `default_data_directory()`. One owner at a time.
        durable: False drops every fsync and shrinks the servers: for tests only.
        shared_buffers_mib: PostgreSQL's cache; None for 256, or 64 where not durable.

    While running: `database_url` (role fairlead, no superuser), `superuser_url`, `redis_url`.
    `notes` holds one line for each thing the user may want to know, e.g. a server from the PATH.
    """

    def __init__(
        self,
        directory: Path | str | None = None,
        *,
        durable: bool = True,
        shared_buffers_mib: int | None = None,
    ) -> None:
        chosen = default_data_directory() if directory is None else Path(directory).expanduser()
        # Symlink-free: servers of an earlier run are recognised by where they work.
        self._directory = DataDirectory(chosen.resolve())
        self._durable = durable
        default_mib = SHARED_BUFFERS_MIB if durable else SHARED_BUFFERS_MIB_DISPOSABLE
        self._shared_buffers_mib = default_mib if shared_buffers_mib is None else shared_buffers_mib
        self._user: ServerUser | None = None
        self._lock: DirectoryLock | None = None
        self._processes: list[ServerProcess] = []
        self._postgres: Postgres | None = None
        self._valkey: Valkey | None = None
        self.notes: list[str] = []

    @property
    def directory(self) -> Path:
        return self._directory.root

    @property
    def database_url(self) -> str:
        return self._running_postgres().url()

    @property
    def superuser_url(self) -> str:
        """For backups, upgrades and fault tests; the broker itself does not need it."""
        return self._running_postgres().url(SUPERUSER)

    @property
    def redis_url(self) -> str:
        if self._valkey is None:
            raise EmbeddedError("the embedded servers are not running")
        return self._valkey.url()

    @property
    def process_ids(self) -> dict[str, int]:
        """Server name -> pid, e.g. {"PostgreSQL": 17, "Valkey": 18}."""
        return {process.name: process.pid for process in self._processes}

    async def start(self) -> None:
        """Until both servers answer. Raises EmbeddedError; nothing is left running then."""
        if self._lock is not None:
            raise EmbeddedError(f"the embedded servers in {self.directory} are already running")
        self.notes = []
        try:
            self._prepare_directory()
            self.notes += await stop_orphans(self._directory)
            postgres, valkey = self._choose_servers()
            await postgres.initialise()
            self._processes = [postgres.start(), valkey.start()]
            await _wait_both_ready(
                postgres.wait_ready(self._processes[0]), valkey.wait_ready(self._processes[1])
            )
        except BaseException:  # cancelled by Ctrl-C, too: leave nothing behind
            await self.stop()
            raise
        self._postgres, self._valkey = postgres, valkey

    async def stop(self) -> None:
        """Stop both servers and let go of the directory; does nothing where nothing runs."""
        self._postgres = self._valkey = None
        processes, self._processes = self._processes, []
        lock, self._lock = self._lock, None
        if lock is None:
            return
        try:
            # Both to the end, even if one of them cannot be stopped.
            stops = (process.stop() for process in processes)
            for outcome in await asyncio.gather(*stops, return_exceptions=True):
                if outcome is not None:
                    raise outcome
            self._directory.close_sockets(self._user)
        finally:
            lock.release()

    async def restart(self, name: str) -> None:
        """Start a server that has ended (its name as in `process_ids`); the other one goes on.

        Raises EmbeddedError when it does not come up.
        """
        if self._postgres is None or self._valkey is None:
            raise EmbeddedError("the embedded servers are not running")
        place = [process.name for process in self._processes].index(name)
        await self._processes[place].stop()
        server: Postgres | Valkey = (self._postgres, self._valkey)[place]
        self._processes[place] = server.start()
        await server.wait_ready(self._processes[place])

    async def wait_failed(self) -> ServerFailure:
        """The first server that ended without `stop`; keeps the logs bounded meanwhile.

        Raises EmbeddedError once the servers were stopped on purpose.
        """
        while self._processes:
            for process in self._processes:
                if failure := process.failure():
                    return failure
                bound_log(process.log)
            await asyncio.sleep(WATCH_SECONDS)
        raise EmbeddedError("the embedded servers are not running")

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    def _prepare_directory(self) -> None:
        self._user = choose_server_user(self._directory.postgres)
        self._directory.create(self._user)
        self._lock = DirectoryLock(self._directory.lock)

    def _choose_servers(self) -> tuple[Postgres, Valkey]:
        directory, user = self._directory, self._user
        postgres, postgres_notes = find_postgres(written_by_major(directory.postgres))
        valkey, valkey_notes = find_valkey()
        postgres, postgres_copy = make_usable(postgres, user, directory.runtime)
        valkey, valkey_copy = make_usable(valkey, user, directory.runtime)
        self.notes += [*postgres_notes, *valkey_notes, *postgres_copy, *valkey_copy]
        sockets = directory.open_sockets(user)
        password = directory.read_or_create_password()
        return (
            Postgres(
                directory,
                postgres,
                user,
                sockets,
                password,
                self._durable,
                self._shared_buffers_mib,
            ),
            Valkey(directory, valkey, user, sockets, self._durable),
        )

    def _running_postgres(self) -> Postgres:
        if self._postgres is None:
            raise EmbeddedError("the embedded servers are not running")
        return self._postgres


async def _wait_both_ready(
    postgres: Coroutine[None, None, None], valkey: Coroutine[None, None, None]
) -> None:
    """Side by side; where one fails there is no use in waiting for the other."""
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(postgres)
            group.create_task(valkey)
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from None
