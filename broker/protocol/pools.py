"""Pools of hosts: who may use them, and what may be done to the jobs that run there."""

from datetime import datetime

from pydantic import Field

from broker.protocol.base import Message, Name, Title, View
from broker.protocol.ids import AccountRef, PoolRef
from broker.protocol.limits import (
    PREEMPTION_SECONDS_MAX,
    PREEMPTIONS_PER_MINUTE_MAX,
)
from broker.protocol.sharing import Entries


class PoolRequest(Message):
    """A pool to register. A pool that nobody registered belongs to nobody: all may use it."""

    name: Name
    """Unique handle, which hosts and submissions name."""
    title: Title = ""
    """What people call it."""
    open: bool = False
    """Whether every project may use it and everybody's hosts may join; else it must be bound to a
    project, and hosts join by a role on it."""
    entries: Entries | None = None
    """Who holds which role on it. Null: an open pool is shown to every registered user, another one
    to nobody."""


class PoolChange(Message):
    """Changes of a pool; a field left out keeps its value."""

    title: Title | None = None
    """What people call it."""
    open: bool | None = None
    """Whether every project may use it. When it is closed, what runs there goes on; what waits and
    belongs to no project that it is bound to fails when it would start."""


class Pool(View):
    """A registered pool."""

    id: PoolRef
    name: str
    """Unique handle."""
    title: str
    """What people call it."""
    open: bool
    """Whether every project may use it."""
    hosts: int
    """Hosts that joined and are not banned."""
    created_by: AccountRef | None
    """Who registered it; null when the broker did."""
    created_at: datetime


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
