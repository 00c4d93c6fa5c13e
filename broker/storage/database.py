"""Connections to PostgreSQL, and the one place where its absence becomes an error of ours."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Self, TypeVar

import asyncpg

from broker.config import place_of
from broker.errors import Conflict, StartupError, Unavailable, reason_of

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

    Connection = PoolConnectionProxy[asyncpg.Record] | asyncpg.Connection[asyncpg.Record]
    _PlainConnection = asyncpg.Connection[asyncpg.Record]
else:
    Connection = _PlainConnection = asyncpg.Connection

SERVER_VERSION_MIN = (14, 0)
# A caller may wait for one group of statements and then for its own: twice this, at most, until a
# server that hangs is a 503.
STATEMENT_SECONDS_MAX = 5.0
ACQUIRE_SECONDS_MAX = 5.0
LONG_STATEMENT_SECONDS_MAX = 60.0  # of the few that touch more rows than one call brings
COLLISIONS_MAX = 3  # who tries again at once may meet the same rival, which is not through yet

# PostgreSQL is away, hangs, starts, stops, or is out of connections.
AWAY = (
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.DiskFullError,
    asyncpg.ReadOnlySQLTransactionError,
    ConnectionError,
    FileNotFoundError,
    TimeoutError,
)
# Two transactions met; the loser may simply try again.
COLLIDED = (asyncpg.DeadlockDetectedError, asyncpg.SerializationError)
Answer = TypeVar("Answer")
UNANSWERED = (
    "PostgreSQL did not answer; a change may have been stored all the same: "
    "ask again with the same Idempotency-Key"
)


class _Unreset(_PlainConnection):
    """A connection that is not reset between users: that would cost each of them a round trip.

    Nothing here leaves state behind: no LISTEN, no session locks, no cursors, no SET.
    """

    def get_reset_query(self) -> str:
        return ""


class Database:
    """A pool of connections. Absence of the server is raised as `Unavailable`."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        self.pool = pool

    @classmethod
    async def connect(cls, url: str, *, connections_max: int, name: str = "fairlead") -> Self:
        """Opens a pool.

        Raises:
            StartupError: the server does not answer, refuses us, or is too old.
        """
        try:
            pool = await asyncpg.create_pool(
                url,
                min_size=1,
                max_size=connections_max,
                timeout=5,
                command_timeout=STATEMENT_SECONDS_MAX,
                connection_class=_Unreset,
                server_settings={"application_name": name, "jit": "off", "timezone": "UTC"},
            )
            async with pool.acquire() as connection:
                version = connection.get_server_version()
        except (*AWAY, OSError, ValueError, asyncpg.PostgresError) as error:
            raise StartupError(
                f"cannot use PostgreSQL at {place_of(url)}: {reason_of(error)}; "
                "check FAIRLEAD_DATABASE_URL and that the server runs"
            ) from error
        if (version.major, version.minor) < SERVER_VERSION_MIN:
            await pool.close()
            raise StartupError(f"PostgreSQL {version.major} is too old: 14 or newer is needed")
        return cls(pool)

    async def close(self) -> None:
        """Closes the pool; connections in use get a moment to finish."""
        try:
            await asyncio.wait_for(self.pool.close(), timeout=5)
        except TimeoutError:
            self.pool.terminate()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """A connection; each statement is a transaction of its own.

        Raises:
            Unavailable: the server is away or all connections stayed busy.
        """
        try:
            async with self.pool.acquire(timeout=ACQUIRE_SECONDS_MAX) as connection:
                try:
                    yield connection
                except AWAY as error:
                    connection.terminate()  # in the middle of anything: not for reuse
                    raise Unavailable(UNANSWERED) from error
                except asyncio.CancelledError:
                    connection.terminate()
                    raise
        except AWAY as error:
            raise Unavailable("PostgreSQL is away; nothing was stored") from error
        except COLLIDED as error:
            raise Conflict("another change came first; try again") from error

    async def listen(self, channel: str, heard: Callable[[], None]) -> None:
        """Calls `heard` now and at every notification, until the connection is lost.

        Keeps a connection of the pool for itself.

        Raises:
            Unavailable: as for `connection`.
        """
        lost = asyncio.Event()
        async with self.connection() as connection:
            connection.add_termination_listener(lambda *_: lost.set())
            await connection.add_listener(channel, lambda *_: heard())
            heard()
            await lost.wait()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """A connection inside one transaction, rolled back when the block raises.

        Raises:
            Unavailable: as for `connection`.
        """
        async with self.connection() as connection, connection.transaction():
            yield connection


async def once_more(statement: Callable[[], Awaitable[Answer]]) -> Answer:
    """Runs a statement that is a transaction of its own, and again when it met another.

    For what hosts and the scheduler ask: they cannot help it when rows are wanted in two orders.
    """
    for _ in range(COLLISIONS_MAX):
        try:
            return await statement()
        except COLLIDED:
            continue
    return await statement()
