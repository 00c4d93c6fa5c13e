"""How long the agent stays, and which jobs fit into the time that is left. Pure state."""

HANDED_BACK_SECONDS = 60.0


class Tenure:
    """Idleness and the wall-clock limit of a pilot (an agent inside a batch job).

    Args:
        now: by the agent's clock, as in all methods.
        idle_exit_seconds: leave after so long without a lease; null for never.
        wall_seconds_max: be gone after so long; null for never.
        drain_seconds: part of that time that is kept for leaving.
    """

    def __init__(
        self,
        now: float,
        *,
        idle_exit_seconds: float | None = None,
        wall_seconds_max: float | None = None,
        drain_seconds: float = 0.0,
    ) -> None:
        self._idle_seconds = idle_exit_seconds
        self._idle_since: float | None = now
        self._gone_at = None if wall_seconds_max is None else now + wall_seconds_max
        self._drain_seconds = drain_seconds
        self._asking_from = now

    def note(self, now: float, *, busy: bool) -> None:
        """Say whether any lease is held."""
        if busy:
            self._idle_since = None
        elif self._idle_since is None:
            self._idle_since = now

    def misfit(self, wall_seconds: float, now: float) -> str | None:
        """Why a job with this limit cannot be run here any more; None when it fits.

        The broker is told the time that is left and should not lease such a job here. If it does,
        nothing is asked for during a while, for it would lease the same job again at once.
        """
        if self._gone_at is None or wall_seconds <= self._gone_at - now:
            return None
        self._asking_from = now + HANDED_BACK_SECONDS
        left = self.left(now)
        return f"the job may take {wall_seconds:.0f} s, this host leaves in {left:.0f} s"

    def left(self, now: float) -> float | None:
        """Seconds until the agent must be gone; None for never."""
        return None if self._gone_at is None else max(0.0, self._gone_at - now)

    def asking(self, now: float) -> bool:
        """Whether to ask for work."""
        return now >= self._asking_from

    def reason_to_leave(self, now: float) -> str | None:
        """Why the agent shall leave now; None to stay."""
        if (at := self._idle_at) is not None and now >= at:
            return "idle"
        if (at := self._drain_at) is not None and now >= at:
            return "end of the wall-clock time"
        return None

    def seconds_to_next(self, now: float) -> float | None:
        """Seconds until any of the answers above may change by itself; None for never."""
        asking_from = self._asking_from if self._asking_from > now else None
        moments = [m for m in (self._idle_at, self._drain_at, asking_from) if m is not None]
        return max(0.0, min(moments) - now) if moments else None

    @property
    def _idle_at(self) -> float | None:
        if self._idle_seconds is None or self._idle_since is None:
            return None
        return self._idle_since + self._idle_seconds

    @property
    def _drain_at(self) -> float | None:
        return None if self._gone_at is None else self._gone_at - self._drain_seconds
