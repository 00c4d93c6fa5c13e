"""Wake-ups inside the agent's one event loop."""

import asyncio


class Changes:
    """Tells every waiter that something changed; what changed is read from the state itself."""

    def __init__(self) -> None:
        self._waiters: set[asyncio.Future[None]] = set()

    def notify(self) -> None:
        """Wake all who wait now."""
        waiters, self._waiters = self._waiters, set()
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    def next(self) -> asyncio.Future[None]:
        """A future that the next change resolves. Unlike a task around `wait`, it misses none."""
        waiter = asyncio.get_running_loop().create_future()
        self._waiters.add(waiter)
        waiter.add_done_callback(self._forget)
        return waiter

    async def wait(self, seconds: float | None = None) -> bool:
        """Wait for the next change; False when `seconds` passed without one."""
        try:
            async with asyncio.timeout(seconds):
                await self.next()
        except TimeoutError:
            return False
        return True

    def _forget(self, waiter: asyncio.Future[None]) -> None:
        self._waiters.discard(waiter)
