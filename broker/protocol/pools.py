"""Pools: what may be done to the jobs that run there."""

from pydantic import Field

from broker.protocol.base import Message, View
from broker.protocol.limits import PREEMPTION_SECONDS_MAX, PREEMPTIONS_PER_MINUTE_MAX


class PreemptionRules(Message):
    """How running jobs of a pool may be taken back for accounts below their share."""

    minimum_run_seconds: float = Field(600, ge=0, le=PREEMPTION_SECONDS_MAX)
    """How long a job runs at least before it may be taken back."""
    grace_seconds: float = Field(30, ge=0, le=PREEMPTION_SECONDS_MAX)
    """Between TERM and KILL: the time to write a checkpoint."""
    jobs_per_minute_max: int = Field(10, ge=1, le=PREEMPTIONS_PER_MINUTE_MAX)
    """Most jobs that are taken back in a minute."""


class Preemption(View):
    """The rules of one pool."""

    pool: str
    """Name of the pool."""
    minimum_run_seconds: float
    """How long a job runs at least before it may be taken back."""
    grace_seconds: float
    """Between TERM and KILL: the time to write a checkpoint."""
    jobs_per_minute_max: int
    """Most jobs that are taken back in a minute."""
