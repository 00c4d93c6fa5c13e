"""The polls that wait in this process: who can be told at once."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field

from broker.protocol.ids import HostId
from broker.storage.leases import LeaseRow

# Where ten thousand hosts wait, nobody is served sooner because one more asks at once.
LINGER_SECONDS_PER_POLL = 5e-6
LINGER_SECONDS_MAX = 0.05


@dataclass(slots=True)
class Waiter:
    """One open poll. Its future ends with leases, or with None: look for yourself."""

    future: asyncio.Future[list[LeaseRow] | None]


@dataclass(slots=True)
class WaitingRoom:
    """Open polls by host. A host has one at most: a newer poll ends the older one."""

    closed: bool = False
    _waiters: dict[HostId, Waiter] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self._waiters)

    @property
    def linger_seconds(self) -> float:
        """How long an idle host's request may wait for others to share statements with."""
        return min(len(self._waiters) * LINGER_SECONDS_PER_POLL, LINGER_SECONDS_MAX)

    def enter(self, host: HostId) -> Waiter:
        """Registers a poll; whatever happens to the host from here on reaches it."""
        if older := self._waiters.get(host):
            _end(older, None)
        waiter = Waiter(asyncio.get_running_loop().create_future())
        self._waiters[host] = waiter
        return waiter

    def leave(self, host: HostId, waiter: Waiter) -> None:
        """The poll has its answer or its client is gone."""
        if self._waiters.get(host) is waiter:
            del self._waiters[host]

    def is_current(self, host: HostId, waiter: Waiter) -> bool:
        """Whether no newer poll of the host has come."""
        return self._waiters.get(host) is waiter

    def deliver(self, host: HostId, leases: list[LeaseRow]) -> bool:
        """Hands leases to an open poll; False when none is open here."""
        waiter = self._waiters.get(host)
        if waiter is None or waiter.future.done():
            return False
        waiter.future.set_result(leases)
        return True

    def close(self) -> None:
        """The broker stops: open polls end now and new ones do not wait."""
        self.closed = True
        self.wake()

    def wake(self, hosts: Iterable[HostId] | None = None) -> None:
        """Makes the polls of hosts, or all polls, look for themselves."""
        for host in list(self._waiters) if hosts is None else hosts:
            if waiter := self._waiters.get(host):
                _end(waiter, None)


def _end(waiter: Waiter, leases: list[LeaseRow] | None) -> None:
    if not waiter.future.done():
        waiter.future.set_result(leases)
