"""A bounded crowd: the same work on many items, a few at a time."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

Item = TypeVar("Item")


async def for_each(
    items: Iterable[Item], work: Callable[[Item], Awaitable[None]], *, at_once: int
) -> None:
    """Await `work` for each item, at most `at_once` together; the first failure ends it all."""
    source = iter(items)

    async def one_after_another() -> None:
        for item in source:  # shared: each takes the next
            await work(item)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(at_once):
                group.create_task(one_after_another())
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from None  # it cancelled the others
