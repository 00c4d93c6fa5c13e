"""The two faces of the SDK: `AsyncClient` to await, `Client` to block.

    with Client(url, token) as client:
        batch = client.submit("ising", jobs=[{"temperature": t / 10} for t in range(10, 40)])
        batch.wait(progress=True)
        batch.outputs("results")

What they can do stands in `Calls`. Objects are named by the number in a model's `id`, by the public
id ("job_17"), or, for accounts and apps, by their handle.
"""

import os
import weakref
from typing import Self

import aiohttp

from broker.client.calls import Calls
from broker.client.faces import AsyncFace, SyncFace
from broker.client.portal import Portal
from broker.client.retry import Retry
from broker.client.transport import Transport

URL_DEFAULT = "http://127.0.0.1:8080"


def _transport(
    url: str | None,
    token: str | None,
    retry: Retry | None,
    session: aiohttp.ClientSession | None = None,
) -> Transport:
    return Transport(
        url or os.environ.get("FAIRLEAD_URL") or URL_DEFAULT,
        token or os.environ.get("FAIRLEAD_TOKEN") or None,
        session=session,
        retry=retry,
    )


class AsyncClient(Calls, AsyncFace[Transport]):
    """The SDK for asyncio: calls are coroutines, lists and logs asynchronous generators.

    Args:
        url: base URL of the broker; null takes FAIRLEAD_URL, then this machine.
        token: bearer token; null takes FAIRLEAD_TOKEN.
        session: an aiohttp session to use and leave open; null opens one.
        retry: how patiently requests are repeated.
    """

    def __init__(
        self,
        url: str | None = None,
        token: str | None = None,
        *,
        session: aiohttp.ClientSession | None = None,
        retry: Retry | None = None,
    ) -> None:
        super().__init__(_transport(url, token, retry, session))

    async def close(self) -> None:
        """Close the connections."""
        await self.subject.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.close()


class Client(Calls, SyncFace[Transport]):
    """The SDK for programs without asyncio: the same calls, each blocking until it is answered.

    It owns a thread with an event loop; any number of threads may use one client.

    Args:
        url: base URL of the broker; null takes FAIRLEAD_URL, then this machine.
        token: bearer token; null takes FAIRLEAD_TOKEN.
        retry: how patiently requests are repeated.
    """

    def __init__(
        self, url: str | None = None, token: str | None = None, *, retry: Retry | None = None
    ) -> None:
        transport = _transport(url, token, retry)
        super().__init__(transport, Portal())
        # Also when nobody closes it: at garbage collection, or when the interpreter ends.
        self._closing = weakref.finalize(self, _close, transport, self.portal)

    def close(self) -> None:
        """Close the connections and end the thread."""
        self._closing()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def _close(transport: Transport, portal: Portal) -> None:
    portal.run(transport.close())
    portal.close()
