"""Open streams: how many an account may hold, and whether a caller may go on listening."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from broker.errors import LimitExceeded
from broker.protocol.ids import AccountId
from broker.services.requests.actor import Actor
from broker.services.requests.identity import Identity

STREAMS_PER_ACCOUNT_MAX = 64
TICK_SECONDS = 0.3  # between two looks of a stream at its source, and at its caller's rights


@dataclass(slots=True)
class Streams:
    """The streams that this broker holds open."""

    closing: bool = False
    _open: Counter[AccountId] = field(default_factory=Counter)

    def __len__(self) -> int:
        return self._open.total()

    @contextmanager
    def one(self, account: AccountId) -> Iterator[None]:
        """Counts a stream for as long as it is open.

        Raises:
            LimitExceeded: the account holds as many as it may.
        """
        if self._open[account] >= STREAMS_PER_ACCOUNT_MAX:
            raise LimitExceeded(
                f"at most {STREAMS_PER_ACCOUNT_MAX} open streams an account; close one first",
                retry_after_seconds=5,
            )
        self._open[account] += 1
        try:
            yield
        finally:
            self._open[account] -= 1
            if not self._open[account]:
                del self._open[account]

    def close(self) -> None:
        """Lets every stream end at its next look: the broker stops."""
        self.closing = True


@dataclass(slots=True)
class Listener:
    """The caller behind a stream, whose rights may change while it is open."""

    identity: Identity
    authorization: str | None
    actor: Actor

    async def renew(self) -> Actor:
        """The caller as it is now; cheap, because identity remembers for a second.

        Raises:
            Unauthenticated: the token was revoked, or the account suspended.
        """
        self.actor.principal = await self.identity.authenticate(self.authorization)
        return self.actor
