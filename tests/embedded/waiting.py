"""Wait for a condition, with an end."""

import asyncio
import time
from collections.abc import Callable

WAIT_SECONDS_MAX = 20
LOOK_SECONDS = 0.002


def wait_until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + WAIT_SECONDS_MAX
    while not condition():
        assert time.monotonic() < deadline, "the condition never came true"
        time.sleep(LOOK_SECONDS)


async def until(condition: Callable[[], object]) -> None:
    """The same, while the event loop goes on."""
    async with asyncio.timeout(WAIT_SECONDS_MAX):
        while not condition():  # files and processes send no event
            await asyncio.sleep(LOOK_SECONDS)
