"""Waiting for a condition, never for a time."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from inspect import isawaitable

SECONDS_MAX = 20.0
LOOK_SECONDS = 0.01


async def until(
    condition: Callable[[], object | Awaitable[object]],
    seconds_max: float = SECONDS_MAX,
    *,
    told: Callable[[], object] = str,
) -> None:
    """Returns once the condition holds; fails the test when it does not come to hold.

    Args:
        told: what the failure shall tell, asked then.
    """
    deadline = time.monotonic() + seconds_max
    while True:
        holds = condition()
        if isawaitable(holds):
            holds = await holds
        if holds:
            return
        assert time.monotonic() < deadline, f"not within {seconds_max} s: {condition} {told()}"
        await asyncio.sleep(LOOK_SECONDS)


def wait_until(condition: Callable[[], object], seconds_max: float = SECONDS_MAX) -> None:
    """The same where no event loop runs."""
    deadline = time.monotonic() + seconds_max
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds_max} s: {condition}"
        time.sleep(LOOK_SECONDS)
