"""A thread with an event loop, through which blocking code uses the asynchronous client."""

import asyncio
import threading
from collections.abc import AsyncGenerator, Coroutine, Iterator
from typing import Any, TypeVar

Value = TypeVar("Value")


class Portal:
    """Runs coroutines for threads that have no event loop of their own."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self.loop.run_forever, name="fairlead-client", daemon=True
        )
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, Value]) -> Value:
        """The result of `work`; an interrupt of the caller cancels it."""
        if threading.current_thread() is self._thread or not self._thread.is_alive():
            work.close()
            raise RuntimeError("the client is closed, or was called from one of its own callbacks")
        future = asyncio.run_coroutine_threadsafe(work, self.loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def iterate(self, source: AsyncGenerator[Value, None]) -> Iterator[Value]:
        """The values of `source`, each fetched when it is asked for."""
        try:
            while True:
                try:
                    yield self.run(_next(source))
                except StopAsyncIteration:
                    return
        finally:
            # Not when the portal closed before: that ended every generator already.
            if self._thread.is_alive():
                asyncio.run_coroutine_threadsafe(_end(source), self.loop)

    def close(self) -> None:
        """Cancel what still runs and end the thread; closing twice does nothing."""
        if not self._thread.is_alive():
            return
        self.run(_cancel_all())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()


async def _next(source: AsyncGenerator[Value, None]) -> Value:
    return await anext(source)


async def _end(source: AsyncGenerator[Any, None]) -> None:
    await source.aclose()


async def _cancel_all() -> None:
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await asyncio.get_running_loop().shutdown_asyncgens()
    await asyncio.get_running_loop().shutdown_default_executor()
