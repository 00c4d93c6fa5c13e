"""Keeps one long poll open, asks anew when a slot becomes free, and passes on what it hears.

An open poll told the broker how much is free; when more is free, it is dropped and asked anew
(whatever the broker had just leased on it comes again with the next answer, because the agent
does not say that it holds it). Knows when to ask; decides nothing about leases.
"""

import asyncio
from collections.abc import Callable
from itertools import zip_longest
from typing import Any

import structlog

from broker.errors import FairleadError, Forbidden, NotFound, Unauthenticated
from broker.protocol.ids import HostId
from broker.protocol.leases import PollRequest, PollResponse
from broker.protocol.resources import HostFacts
from workers.backoff import Backoff
from workers.broker_api import BrokerApi
from workers.changes import Changes
from workers.leases import Free, LeaseTable

WAIT_SECONDS = 50.0
"""Of one long poll: as few polls as can be, and below the 60 s after which proxies give up."""
COALESCE_SECONDS = 0.005
QUIET_SECONDS = 0.2
"""Least time between two polls that brought nothing new, against a broker that answers at once."""

REFUSALS = (Unauthenticated, Forbidden, NotFound)
"""Answers to a poll that mean: this host is not, or no longer, welcome."""

log = structlog.get_logger()


class Poller:
    """See the module's text.

    Args:
        host: who asks.
        facts: told with the first poll that is answered.
        free: how much to ask for now.
        hear: takes each answer; says whether it brought anything new.
        changes: notified whenever `free` may have grown.
        prefetch: how much of `free` is beyond what could start now.
    """

    def __init__(
        self,
        api: BrokerApi,
        host: HostId,
        facts: HostFacts,
        table: LeaseTable,
        free: Callable[[], Free],
        hear: Callable[[PollResponse], bool],
        changes: Changes,
        prefetch: int = 0,
        backoff: Backoff | None = None,
    ) -> None:
        self._api = api
        self._prefetch = prefetch
        self._host = host
        self._facts: HostFacts | None = facts
        self._table = table
        self._free = free
        self._hear = hear
        self._changes = changes
        self._backoff = backoff or Backoff()
        self._ask_now = False
        self.answers = 0
        """Polls answered so far."""

    def ask_now(self) -> None:
        """Drop the open poll and ask anew for an answer at once, although nothing became free."""
        self._ask_now = True
        self._changes.notify()

    async def run(self) -> None:
        """Poll for ever.

        Raises:
            Unauthenticated, Forbidden, NotFound: the broker refuses this host.
        """
        while True:
            began = asyncio.get_running_loop().time()
            try:
                response = await self._ask()
            except REFUSALS:
                raise
            except FairleadError as error:
                delay = self._backoff.after(error)
                log.warning(
                    "broker does not answer polls", error=error.message, retry=round(delay, 1)
                )
                await asyncio.sleep(delay)
                continue
            if response is None:
                continue
            self._backoff.reset()
            self._facts = None
            self.answers += 1
            news = self._hear(response)
            self._changes.notify()
            if response.request_delay_seconds > 0:
                await asyncio.sleep(response.request_delay_seconds)
            elif not news and asyncio.get_running_loop().time() - began < QUIET_SECONDS:
                await self._changes.wait(QUIET_SECONDS)

    async def _ask(self) -> PollResponse | None:
        """One poll; None when it was dropped because more has become free."""
        told = self._free()
        wait_seconds = 0 if self._ask_now else WAIT_SECONDS
        request = PollRequest(
            free_slots=told.slots,
            free_gpus=sum(told.gpus),
            free_gpus_by_kind=list(told.gpus) or None,
            free_cpus=told.cpus,
            free_memory_mib=told.memory_mib,
            holding=self._table.holding(),
            facts=self._facts,
            # a lease may come at the very end of the wait
            wall_seconds_max=None
            if told.wall_seconds_max is None
            else max(0.0, told.wall_seconds_max - wait_seconds),
            wait_seconds=wait_seconds,
        )
        self._ask_now = False
        poll = asyncio.create_task(self._api.poll(self._host, request))
        try:
            while not poll.done():
                change = self._changes.next()
                first: set[asyncio.Future[Any]] = {poll, change}
                await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
                change.cancel()
                if not poll.done() and self._worth_asking(told):
                    await asyncio.wait({poll}, timeout=COALESCE_SECONDS)
                    if not poll.done():
                        return None
            return poll.result()
        finally:
            poll.cancel()
            await asyncio.gather(poll, return_exceptions=True)

    def _worth_asking(self, told: Free) -> bool:
        now = self._free()
        return self._ask_now or any(
            worth_asking(before, after, self._prefetch)
            for before, after in zip_longest(
                (told.slots, *told.gpus), (now.slots, *now.gpus), fillvalue=0
            )
        )


def worth_asking(told: int, free: int, prefetch: int) -> bool:
    """Whether to drop a poll that told less than is free now.

    At once when something stands idle. While prefetched jobs still wait, only when a quarter of
    the prefetch has been used up: short jobs would otherwise cost a poll each.
    """
    grown = free - told
    return grown > 0 and (free > prefetch or grown >= max(1, prefetch // 4))
