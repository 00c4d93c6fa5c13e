"""Start and end of the worker agent; the only file that sees all of its parts.

Exit codes:
    0  left in good order: signal, idle, end of its wall-clock time, drained by the broker
    1  a fault of the agent itself; the log has the trace
    2  cannot start: settings, state directory, GPUs that do not exist, no credential
    3  the broker refuses the enrolment token or the host (revoked, banned, deleted)
"""

import asyncio
import contextlib
import signal
from collections.abc import Iterator
from urllib.parse import urlsplit

import structlog

from broker import console
from broker.errors import FairleadError, Forbidden, NotFound, StartupError, Unauthenticated
from broker.protocol.ids import show
from broker.protocol.leases import EnrollRequest
from broker.protocol.resources import HostFacts
from workers import processes
from workers.agent import Agent, Host
from workers.broker_api import BrokerApi
from workers.executors import create_executors
from workers.facts import host_facts
from workers.gpus import open_gpus, shared
from workers.guardian import Guardian
from workers.settings import WorkerSettings
from workers.state_directory import Identity, StateDirectory

EXIT_OK = 0
EXIT_FAULT = 1
EXIT_STARTUP = 2
EXIT_REFUSED = 3

log = structlog.get_logger()


def main(settings: WorkerSettings) -> int:
    """Run the agent as a process of its own; gives the exit code.

    Orphans of jobs become children of this process, so call it only where no other component
    lives in the process.
    """
    import uvloop  # here, because the module has to be importable where it does not exist

    adopting = processes.adopt_orphans()
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(run(settings, adopting=adopting))
    except KeyboardInterrupt:  # before the agent was there to be drained
        return EXIT_OK


async def run(settings: WorkerSettings, *, adopting: bool = False, signals: bool = True) -> int:
    """Run the agent inside a running event loop; gives the exit code. Cancelling kills its jobs.

    Args:
        adopting: whether orphaned processes become children of this process.
        signals: take SIGTERM and SIGINT: the first drains, the second kills what runs.
    """
    if not structlog.is_configured():
        console.configure()
    state = StateDirectory(settings.state_directory)
    try:
        state.create()
        with contextlib.ExitStack() as stack:
            lock = await asyncio.to_thread(stack.enter_context, state.lock())
            return await _guarded(settings, state, lock, adopting, signals)
    except StartupError as error:
        log.error(error.message)
        return EXIT_STARTUP


async def _guarded(
    settings: WorkerSettings, state: StateDirectory, lock: int, adopting: bool, signals: bool
) -> int:
    guardian = Guardian(state, lock)
    guardian.start()
    try:
        return await _serve(settings, state, adopting, signals)
    except (Unauthenticated, Forbidden, NotFound) as error:
        log.error("the broker refuses this host", reason=error.message)
        return EXIT_REFUSED
    except StartupError:
        raise
    except Exception:
        log.exception("the agent failed")
        return EXIT_FAULT
    finally:
        await guardian.end()


async def _serve(
    settings: WorkerSettings, state: StateDirectory, adopting: bool, signals: bool
) -> int:
    gpus, offered = await asyncio.to_thread(open_gpus, settings.gpus)
    offered = shared(offered, settings.gpu_shares)
    facts = await asyncio.to_thread(
        host_facts, settings.host_name, settings.slots, offered, settings.address
    )
    _warn_if_plain(settings.url)
    async with BrokerApi(settings.url) as api:
        identity = state.load_identity() or await enroll(settings, facts, state, api)
        api.token = identity.token
        executors = create_executors(adopting=adopting)
        host = Host(identity.host, facts, gpus, executors, state)
        log.info(
            "ready",
            host=show("host", identity.host),
            broker=settings.url,
            slots=facts.slots,
            gpus=len(facts.gpus),
        )
        agent = Agent(settings, host, api)
        with _signals(agent) if signals else contextlib.nullcontext():
            await agent.run()
    log.info("left")
    return EXIT_OK


async def enroll(
    settings: WorkerSettings, facts: HostFacts, state: StateDirectory, api: BrokerApi
) -> Identity:
    """Join with the enrolment token, and keep the credential.

    Raises:
        StartupError: no token, or the broker cannot be reached.
        Unauthenticated: the token is unknown, used or expired.
    """
    if settings.enrollment_token is None:
        raise StartupError(
            f"this host has not joined yet ({state.path} has no credential): "
            "set FAIRLEAD_ENROLLMENT_TOKEN to a token from `fairlead hosts enroll`"
        )
    token = settings.enrollment_token.get_secret_value()
    try:
        enrolled = await api.enroll(EnrollRequest(facts=facts, pool=settings.pool), token)
    except (Unauthenticated, Forbidden):
        raise
    except FairleadError as error:
        raise StartupError(f"cannot enrol at {settings.url}: {error.message}") from error
    identity = Identity(url=settings.url, host=enrolled.host, token=enrolled.token)
    await asyncio.to_thread(state.save_identity, identity)
    log.info("enrolled", host=show("host", enrolled.host))
    return identity


@contextlib.contextmanager
def _signals(agent: Agent) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    numbers = (signal.SIGTERM, signal.SIGINT)
    for number in numbers:
        loop.add_signal_handler(number, agent.drain)
    try:
        yield
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)


def _warn_if_plain(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme == "http" and parts.hostname not in ("localhost", "127.0.0.1", "::1"):
        log.warning("the credential travels unencrypted: use https", broker=url)
