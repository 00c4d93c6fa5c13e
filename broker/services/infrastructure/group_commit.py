"""Group commit: many callers, one transaction.

While one group is being written the next gathers, so the batch grows exactly with the load: a lone
caller waits for nobody, a thousand callers share one fsync.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

Item = TypeVar("Item")
Answer = TypeVar("Answer")


class Group(Generic[Item, Answer]):
    """Gathers items and hands them over in groups.

    Args:
        write: handles a group; returns one answer, or one exception, for each item in order. An
            exception that it raises goes to every item of the group.
        weight_max: most weight of one group, so that a transaction stays short.
        writers: groups that may be under way at once.
        linger: seconds that a group waits for company before it is written; asked anew each time.
            By default none waits.
    """

    def __init__(
        self,
        write: Callable[[Sequence[Item]], Awaitable[Sequence[Answer | Exception]]],
        *,
        weight_max: int = 2_000,
        writers: int = 1,
        linger: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self._write = write
        self._weight_max = weight_max
        self._idle = writers
        self._linger = linger
        self._waiting: list[tuple[Item, int, asyncio.Future[Answer]]] = []
        self._tasks: set[asyncio.Task[None]] = set()

    async def add(self, item: Item, weight: int = 1) -> Answer:
        """Waits until the item's group is written and returns the item's answer."""
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, weight, future))
        if self._idle:
            self._idle -= 1
            task = asyncio.create_task(self._drain())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return await future

    async def _drain(self) -> None:
        try:
            while self._waiting:
                if (seconds := self._linger()) > 0:
                    await asyncio.sleep(seconds)
                await self._write_one(self._take())
        finally:
            self._idle += 1

    def _take(self) -> list[tuple[Item, asyncio.Future[Answer]]]:
        taken, weight = 0, 0
        for _, item_weight, _ in self._waiting:
            if taken and weight + item_weight > self._weight_max:
                break
            taken, weight = taken + 1, weight + item_weight
        group, self._waiting = self._waiting[:taken], self._waiting[taken:]
        return [(item, future) for item, _, future in group]

    async def _write_one(self, group: list[tuple[Item, asyncio.Future[Answer]]]) -> None:
        try:
            answers: Sequence[Answer | Exception] = await self._write([item for item, _ in group])
        except Exception as error:
            answers = [error] * len(group)
        for (_, future), answer in zip(group, answers, strict=True):
            if future.done():  # the caller went away; the write stands all the same
                continue
            if isinstance(answer, Exception):
                future.set_exception(answer)
            else:
                future.set_result(answer)
