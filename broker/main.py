"""The composition root: the only file that sees everything. Reads top to bottom.

Broker        one broker process over servers that run already
serve         `fairlead serve`: a Broker until a signal comes
create_admin  `fairlead admin create`: the first account, straight into the database
"""

import asyncio
import gc
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

import structlog
from aiohttp import web
from aiohttp.http_parser import HttpRequestParserC  # noqa: F401  refuse to start without it

from broker import console
from broker.api.app import build_app
from broker.config import Settings
from broker.daemons.elector import Elector
from broker.daemons.listener import Listener
from broker.daemons.rights import RightsListener
from broker.daemons.ticker import Ticker
from broker.errors import FairleadError, StartupError, reason_of
from broker.protocol.limits import HEADER_BYTES_MAX
from broker.queues.client import Queues
from broker.scheduling import warm
from broker.services.apps.catalogue import Catalogue
from broker.services.context import Services
from broker.services.hosts.lanes import LaneBook
from broker.services.hosts.lease_rights import LeaseRights
from broker.services.hosts.leasing import Leasing
from broker.services.hosts.settling import Settling
from broker.services.hosts.waiting import WaitingRoom
from broker.services.infrastructure.feeding import feed
from broker.services.infrastructure.files import Files
from broker.services.leader.dispatch import Dispatch
from broker.services.leader.memory import Memory
from broker.services.operations.upkeep import Upkeep
from broker.services.people import bootstrap
from broker.services.people.bearer_tokens import BearerTokens
from broker.services.plans.estimates import Outlook
from broker.services.requests.access import Access
from broker.services.requests.identity import Identity
from broker.services.submission.submission import Submission
from broker.storage import schema
from broker.storage.database import Database

log = structlog.get_logger(__name__)

HEARTBEAT_CONNECTIONS = 2
SCHEDULER_SECONDS = 1.0
RIGHTS_SECONDS = 0.5
FEEDER_SECONDS = 0.5
REAPER_SECONDS = 2.0
HOSTS_SECONDS = 5.0
SWEEPER_SECONDS = 30.0
BOOKKEEPER_SECONDS = 2.0
JANITOR_SECONDS = 600.0
KEEPALIVE_SECONDS = 120.0
OBJECTS_PER_COLLECTION = 20_000  # of Python's youngest generation
SHUTDOWN_SECONDS = 10.0
COMPILING_SECONDS = 2.0  # loading from the cache takes less
CANCEL_AGAIN_SECONDS = 1.0


@dataclass(slots=True)
class Broker:
    """One broker process: services, daemons and the HTTP server, started in this order."""

    settings: Settings
    services: Services = field(init=False)
    url: str = field(init=False, default="")
    _stack: AsyncExitStack = field(init=False, default_factory=AsyncExitStack)
    _elector: Elector = field(init=False)
    _tasks: list[asyncio.Task[None]] = field(init=False, default_factory=list)

    async def __aenter__(self) -> "Broker":
        try:
            await self._start()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def _start(self) -> None:
        await _compile()
        self.services, scheduler, feeder = await self._compose()
        self._stack.push_async_callback(self._stop_daemons)
        self._start_daemons(scheduler, feeder)
        await self._listen()

    async def _compose(self) -> tuple[Services, Ticker, Ticker]:
        settings = self.settings
        url = settings.database_url.get_secret_value()
        database = await Database.connect(url, connections_max=settings.database_connections_max)
        self._stack.push_async_callback(database.close)
        heartbeats = await Database.connect(
            url, connections_max=HEARTBEAT_CONNECTIONS, name="fairlead heartbeats"
        )
        self._stack.push_async_callback(heartbeats.close)
        async with database.connection() as connection:
            deployment = await schema.apply(connection)
        queues = await Queues.connect(settings.redis_url.get_secret_value(), deployment)
        self._stack.push_async_callback(queues.close)

        rights = await Database.connect(url, connections_max=2, name="fairlead rights")
        self._stack.push_async_callback(rights.close)
        access = Access(rights)
        await access.catch_up()

        catalogue, lanes, waiting = Catalogue(database), LaneBook(database), WaitingRoom()
        tokens = BearerTokens(database, settings.principal_seconds, lambda: waiting.linger_seconds)
        memory = Memory(
            database,
            queues,
            lanes,
            half_life_seconds=settings.half_life_seconds,
            history_strength=settings.history_strength,
            host_silent_seconds=settings.host_silent_seconds,
        )
        dispatch = Dispatch(database, queues, memory, waiting, lease_seconds=settings.lease_seconds)
        scheduler = Ticker("scheduler", dispatch.cycle, SCHEDULER_SECONDS)
        feeder = Ticker("feeder", lambda: feed(database, queues), FEEDER_SECONDS)
        outlook = Outlook(queues)
        services = Services(
            settings=settings,
            deployment=deployment,
            database=database,
            heartbeats=heartbeats,
            queues=queues,
            access=access,
            identity=Identity(access, [tokens]),
            catalogue=catalogue,
            lanes=lanes,
            waiting=waiting,
            files=Files(settings.files_directory),
            outlook=outlook,
            submission=Submission(
                database, outlook, catalogue, feeder.wake, settings.host_silent_seconds
            ),
            leasing=Leasing(
                database,
                heartbeats,
                queues,
                catalogue,
                lanes,
                LeaseRights(database, access),
                waiting,
                lease_seconds=settings.lease_seconds,
                principal_seconds=settings.principal_seconds,
            ),
            settling=Settling(
                database,
                queues,
                waiting,
                half_life_seconds=settings.half_life_seconds,
                requeued=feeder.wake,
            ),
            dispatch=dispatch,
        )
        return services, scheduler, feeder

    def _start_daemons(self, scheduler: Ticker, feeder: Ticker) -> None:
        s = self.services
        upkeep = Upkeep(
            s.database,
            s.dispatch,
            s.leasing,
            s.settling,
            s.files,
            events_keep_hours=self.settings.events_keep_hours,
            decisions_keep_hours=self.settings.decisions_keep_hours,
        )
        self._elector = Elector(s.database, s.queues, s.dispatch, self.settings.leader_seconds)
        rights = Ticker("rights", s.access.catch_up, RIGHTS_SECONDS)
        tickers = [
            Ticker("elector", self._elector.tick, self.settings.leader_seconds / 3),
            scheduler,
            feeder,
            rights,
            Ticker("reaper", upkeep.expire_leases, REAPER_SECONDS),
            Ticker("hosts", upkeep.look_at_hosts, HOSTS_SECONDS),
            Ticker("sweeper", upkeep.end_work_of_deleted_accounts, SWEEPER_SECONDS),
            Ticker("remover", upkeep.remove_personal, SWEEPER_SECONDS),
            Ticker("bookkeeper", upkeep.keep_budgets, BOOKKEEPER_SECONDS),
            Ticker("janitor", upkeep.prune, JANITOR_SECONDS),
        ]
        listener = Listener(s.queues, s.waiting, scheduler.wake, lambda: s.dispatch.has_work)
        self._tasks = [asyncio.create_task(ticker.run(), name=ticker.name) for ticker in tickers]
        self._tasks.append(asyncio.create_task(listener.run(), name="listener"))
        hears = RightsListener(s.access.database, rights.wake)
        self._tasks.append(asyncio.create_task(hears.run(), name="listener of rights"))

    async def _stop_daemons(self) -> None:
        running = set(self._tasks)
        while running:  # a library may lose a cancellation: ask again (see Ticker.run)
            for task in running:
                task.cancel()
            _, running = await asyncio.wait(running, timeout=CANCEL_AGAIN_SECONDS)
        try:
            await self._elector.resign()
        except FairleadError as error:
            log.info("leadership left to expire", reason=error.message)

    async def _listen(self) -> None:
        runner = web.AppRunner(
            build_app(self.services),
            access_log=None,
            handler_cancellation=True,  # a poll whose agent went away must not take leases
            keepalive_timeout=KEEPALIVE_SECONDS,
            shutdown_timeout=SHUTDOWN_SECONDS,
            max_field_size=HEADER_BYTES_MAX,
        )
        await runner.setup()
        self._stack.push_async_callback(runner.cleanup)
        site = web.TCPSite(runner, self.settings.host, self.settings.port, backlog=4096)
        try:
            await site.start()
        except OSError as error:
            where = f"{self.settings.host}:{self.settings.port}"
            raise StartupError(
                f"cannot listen on {where}: {reason_of(error)}; "
                "choose another address with --host and --port"
            ) from error
        self._stack.callback(self.services.waiting.close)
        host, port = runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"


async def _compile() -> None:
    """Has the planner compiled, or loaded from its cache, before the first cycle needs it."""
    compiling = asyncio.ensure_future(asyncio.to_thread(warm))
    done, _ = await asyncio.wait({compiling}, timeout=COMPILING_SECONDS)
    if not done:
        log.info("compiling the planner, once; this takes some twenty seconds")
    await compiling


class Stop(asyncio.Event):
    """Set by the first SIGINT or SIGTERM; its `hurry` by the second."""

    def __init__(self) -> None:
        super().__init__()
        self.hurry = asyncio.Event()

    def demand(self) -> None:
        """Somebody wants the end, or has grown impatient waiting for it."""
        (self.hurry if self.is_set() else self).set()


@asynccontextmanager
async def until_signal() -> AsyncIterator[Stop]:
    """What SIGINT and SIGTERM set, while the block runs."""
    stop = Stop()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.demand)
    try:
        yield stop
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


async def serve(settings: Settings) -> None:
    """Runs a broker over servers that run already, until SIGINT or SIGTERM.

    Raises:
        StartupError: PostgreSQL, Redis or the address cannot be used.
    """
    console.configure()
    async with until_signal() as stop, Broker(settings) as broker:
        rest_memory()
        log.info("broker ready", url=broker.url, deployment=broker.services.deployment)
        await stop.wait()
        log.info("broker stops")


def rest_memory() -> None:
    """Lets Python look for garbage in cycles less often, and never among what stays for good.

    Next to everything here is freed by counting references. At the default of 700 objects the
    search for cycles took a fifth of the time of a broker with ten thousand open polls.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(OBJECTS_PER_COLLECTION, *gc.get_threshold()[1:])


async def create_admin(database_url: str, name: str) -> str:
    """Makes an account with every global privilege and returns a token for it.

    Raises:
        StartupError: the database cannot be used.
        NameTaken: the handle is in use and is no admin's.
    """
    database = await Database.connect(database_url, connections_max=2)
    try:
        async with database.transaction() as connection:
            await schema.apply(connection)
            return await bootstrap.admin_token(connection, name)
    finally:
        await database.close()
