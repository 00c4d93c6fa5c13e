"""`fairlead up`: servers, broker and one worker on this machine, in one data directory.

With FAIRLEAD_DATABASE_URL and FAIRLEAD_REDIS_URL set, those servers are used instead of private
ones. The worker is a process of its own, as it is on any other host.

    local     servers and a broker in a data directory; the first admin
    worker    the worker beside them: started, kept, stopped
"""

import asyncio
from collections.abc import Callable
from pathlib import Path

import structlog

from broker import console
from broker.main import Stop, rest_memory, until_signal
from broker.up.local import Announcement, LocalBroker, local_broker
from broker.up.worker import keep_worker, stop_worker

__all__ = ["Announcement", "LocalBroker", "local_broker", "stop_worker", "up"]

log = structlog.get_logger(__name__)


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
        work = [local.keep_servers()]
        if worker:
            work.append(keep_worker(local, slots, stop.hurry))
        tasks = [asyncio.create_task(_stopped(stop, worker)), *map(asyncio.create_task, work)]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def _stopped(stop: Stop, worker: bool) -> None:
    await stop.wait()
    if worker:
        log.info("stopping: running jobs may end within half a minute; Ctrl-C again ends them now")
