"""PostgreSQL: its settings, its first initialisation, when it is ready.

Two roles share one random password, which is worth as much as the socket folder's mode: `postgres`
owns the server, `fairlead` owns the database `fairlead` and may create others, but is no superuser,
so that a hole in the broker's SQL is not a shell on the machine.
"""

import asyncio
import os
import shutil
import signal
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import asyncpg

from broker.embedded.binaries import Binary
from broker.embedded.directory import POSTGRES_PORT, DataDirectory, sync_folder
from broker.embedded.errors import EmbeddedError
from broker.embedded.privileges import ServerUser
from broker.embedded.processes import POLL_SECONDS, ServerProcess, telling_line

SUPERUSER = "postgres"
ROLE = "fairlead"
DATABASE = "fairlead"
# Recovery after a crash replays up to max_wal_size of log before it accepts connections.
START_SECONDS_MAX = 180
INIT_SECONDS_MAX = 120
CONNECT_SECONDS_MAX = 5
# Fast shutdown with its checkpoint; then without one (the next start recovers); then by force.
STOP_STEPS = ((signal.SIGINT, 60.0), (signal.SIGQUIT, 10.0), (signal.SIGKILL, 10.0))
INIT_STOP_STEPS = ((signal.SIGTERM, 5.0), (signal.SIGKILL, 5.0))
INIT_PREFIX = "postgres.init-"
BUILTIN_LOCALES_SINCE = 17

SETTINGS = {
    "listen_addresses": "",
    "port": str(POSTGRES_PORT),
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "jit": "off",  # our statements are short: compiling them costs more than it saves
    # Parallel workers share memory through /dev/shm, which containers limit to 64 MB.
    "max_parallel_workers_per_gather": "0",
    "work_mem": "16MB",
    "maintenance_work_mem": "128MB",
    "random_page_cost": "1.1",
    "effective_cache_size": "1GB",
    # Jobs are inserted once and updated a few times: clean their dead rows early and often.
    "autovacuum_naptime": "15s",
    "autovacuum_vacuum_scale_factor": "0.05",
    "autovacuum_analyze_scale_factor": "0.05",
    "autovacuum_vacuum_cost_limit": "2000",
    "log_checkpoints": "off",
    "log_line_prefix": "%m [%p] ",
    "log_timezone": "UTC",
    "TimeZone": "UTC",
}
DURABLE = {
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "wal_compression": "on",
    # Few, spread checkpoints: each one makes the next write of every page a full page of log.
    "max_wal_size": "4GB",
    "min_wal_size": "256MB",
    "checkpoint_timeout": "15min",
}
DISPOSABLE = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "1GB",
    "checkpoint_timeout": "1h",
}
SHARED_BUFFERS_MIB = 256
SHARED_BUFFERS_MIB_DISPOSABLE = 64


@dataclass(frozen=True)
class Postgres:
    """How to run the cluster of one data directory."""

    directory: DataDirectory
    binary: Binary
    user: ServerUser | None
    sockets: Path
    password: str
    durable: bool
    shared_buffers_mib: int

    def url(self, role: str = ROLE, database: str = DATABASE) -> str:
        """For asyncpg, libpq and psql. The port is named, else PGPORT would choose the socket."""
        host = quote(str(self.sockets), safe="/")
        return f"postgresql://{role}:{self.password}@/{database}?host={host}&port={POSTGRES_PORT}"

    def start(self) -> ServerProcess:
        """Spawn the server over an initialised cluster; `wait_ready` says when it answers."""
        settings = SETTINGS | (DURABLE if self.durable else DISPOSABLE)
        settings |= {
            "shared_buffers": f"{self.shared_buffers_mib}MB",
            "unix_socket_directories": str(self.sockets),
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return ServerProcess(
            "PostgreSQL",
            [self.binary.program, "-D", self.directory.postgres, *options],
            folder=self.directory.postgres,
            log=self.directory.logs / "postgres.log",
            user=self.user,
            stop_steps=STOP_STEPS,
        )

    async def initialise(self) -> None:
        """Make the cluster, unless there is one.

        It is made in a sibling folder and renamed when complete: a crash leaves no half cluster.
        """
        for leftover in self.directory.root.glob(f"{INIT_PREFIX}*"):
            shutil.rmtree(leftover)
        if self.directory.postgres.exists():
            return
        workshop = Path(tempfile.mkdtemp(prefix=INIT_PREFIX, dir=self.directory.root))
        password_file = workshop / "password"
        password_file.write_text(self.password + "\n", "ascii")
        if self.user is not None:
            for path in (password_file, workshop):
                os.chown(path, self.user.uid, self.user.gid)
        await self._run_initdb(workshop, password_file)
        # initdb has synced its files by now, so the new name never stands for a half cluster.
        (workshop / "cluster").rename(self.directory.postgres)
        sync_folder(self.directory.root)
        shutil.rmtree(workshop)

    async def _run_initdb(self, workshop: Path, password_file: Path) -> None:
        command: list[str | Path] = [
            self.binary.program.with_name("initdb"),
            *("-D", workshop / "cluster", "-U", SUPERUSER, f"--pwfile={password_file}"),
            *("--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--data-checksums"),
            "--no-instructions",
        ]
        if self.binary.version[0] >= BUILTIN_LOCALES_SINCE:
            command += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        if not self.durable:
            command.append("--no-sync")
        initdb = ServerProcess(
            "initdb",
            command,
            folder=workshop,
            log=self.directory.logs / "initdb.log",
            user=self.user,
            stop_steps=INIT_STOP_STEPS,
        )
        try:
            status = await initdb.wait(INIT_SECONDS_MAX)
        finally:
            await initdb.stop()  # cancelled or too slow; nothing to do where it has ended
        if status != 0:
            tail = initdb.log_tail()
            raise EmbeddedError(
                f"initdb could not make a database in {self.directory.postgres}; "
                f"see {initdb.log}: {telling_line(tail)}",
                log_tail=tail,
            )

    async def wait_ready(self, server: ServerProcess) -> None:
        """Until the broker's role can connect to its database, which the first start creates."""
        deadline = time.monotonic() + START_SECONDS_MAX
        while True:
            if failure := server.failure():
                raise EmbeddedError(failure.message, log_tail=failure.log_tail)
            try:
                return await self._create_missing()
            except asyncpg.InvalidPasswordError as error:
                raise EmbeddedError(
                    f"the password in {self.directory.password} does not open the database in "
                    f"{self.directory.postgres}; put the right one back from a backup"
                ) from error
            except (
                OSError,
                TimeoutError,
                asyncpg.PostgresConnectionError,
                asyncpg.CannotConnectNowError,
            ):
                if time.monotonic() > deadline:
                    raise EmbeddedError(
                        f"PostgreSQL did not answer within {START_SECONDS_MAX} s; "
                        f"see {server.log}: {telling_line(server.log_tail())}",
                        log_tail=server.log_tail(),
                    ) from None
            await asyncio.sleep(POLL_SECONDS)

    async def _create_missing(self) -> None:
        """Role and database, each on its own, so that a crash between them does no harm."""
        connection = await asyncpg.connect(
            self.url(SUPERUSER, "postgres"), timeout=CONNECT_SECONDS_MAX, ssl=False
        )
        try:
            if not await connection.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", ROLE):
                # The password has no character to quote (secrets.token_urlsafe).
                await connection.execute(
                    f"CREATE ROLE {ROLE} LOGIN CREATEDB PASSWORD '{self.password}' "
                    "IN ROLE pg_monitor"
                )
            found = "SELECT 1 FROM pg_database WHERE datname = $1"
            if not await connection.fetchval(found, DATABASE):
                await connection.execute(f"CREATE DATABASE {DATABASE} OWNER {ROLE}")
        finally:
            await connection.close()


def written_by_major(cluster: Path) -> int | None:
    """The PostgreSQL version that wrote the cluster, or None where there is no cluster yet."""
    try:
        return int((cluster / "PG_VERSION").read_text("ascii"))
    except FileNotFoundError:
        if cluster.exists():
            raise EmbeddedError(
                f"{cluster} exists but holds no database (no PG_VERSION): move it away"
            ) from None
        return None
