"""The worker beside a local broker: a process of its own, as on any other host."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import structlog

from broker.embedded import launched
from broker.up.local import LocalBroker

log = structlog.get_logger(__name__)

STOP_SECONDS_MAX = 45.0  # longer than the agent's own grace for running jobs
HURRY_SECONDS_MAX = 10.0  # for the end of what it kills
RESTART_SECONDS = 2.0


async def keep_worker(local: LocalBroker, slots: int | None, hurry: asyncio.Event) -> None:
    """Runs the worker until cancelled, and starts it again when it ends by itself.

    Args:
        slots: its CPU slots; None lets it decide.
        hurry: once set, it is not given the time to finish its jobs.
    """
    state = local.announcement.directory / "worker"
    while True:
        token = "" if (state / "host.json").exists() else await local.enrollment_token()
        process = await start_worker(local.announcement.url, state, token, slots)
        try:
            status = await process.wait()
        finally:
            await stop_worker(process, hurry)
        log.warning("the worker ended and is started again", exit_code=status)
        await asyncio.sleep(RESTART_SECONDS)


async def start_worker(
    url: str, state: Path, token: str, slots: int | None, name: str = "local"
) -> asyncio.subprocess.Process:
    """Starts a worker out of reach of the terminal's Ctrl-C; it is drained when we are killed."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("FAIRLEAD_")}
    environment |= {
        "FAIRLEAD_URL": url,
        "FAIRLEAD_STATE_DIRECTORY": str(state),
        "FAIRLEAD_NAME": name,
    }
    if token:
        environment["FAIRLEAD_ENROLLMENT_TOKEN"] = token
    if slots is not None:
        environment["FAIRLEAD_SLOTS"] = str(slots)
    command = (*launched(signal.SIGTERM), sys.executable, "-m", "broker", "worker")
    return await asyncio.create_subprocess_exec(
        *command, env=environment, start_new_session=True, stdin=asyncio.subprocess.DEVNULL
    )


async def stop_worker(
    process: asyncio.subprocess.Process, hurry: asyncio.Event | None = None
) -> None:
    """Drains a worker; told to hurry, or when it takes too long, ends it with its jobs."""
    if process.returncode is not None:
        return
    process.send_signal(signal.SIGTERM)
    ended = asyncio.create_task(process.wait())
    hurried = asyncio.create_task((hurry or asyncio.Event()).wait())
    await asyncio.wait(
        {ended, hurried}, timeout=STOP_SECONDS_MAX, return_when=asyncio.FIRST_COMPLETED
    )
    hurried.cancel()
    if not ended.done():
        process.send_signal(signal.SIGTERM)  # told twice, it kills what runs
        await asyncio.wait({ended}, timeout=HURRY_SECONDS_MAX)
    if not ended.done():
        process.kill()
    await ended
