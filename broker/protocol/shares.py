"""The fair-share table and the event stream."""

from datetime import datetime

from pydantic import Field

from broker.protocol.base import View
from broker.protocol.ids import AccountRef, BatchRef, GroupRef, JobRef


class Share(View):
    """One account's row of the fair-share table."""

    account: AccountRef
    account_name: str
    """Handle of the account."""
    quota: float
    """Weight in force, after the quota policy."""
    quota_fraction: float
    """Its part of the weights of all accounts that want slots now, 0 to 1."""
    usage_gpu_seconds: float
    """Decayed slot-seconds consumed: the history."""
    weight_adjusted: float
    """Weight after history; shares are divided in proportion to it."""
    entitlement_slots: float
    """Slots that are due to it now, given everybody's demand."""
    allocated_slots: float
    """Slots that its jobs hold now; parts of GPUs count by their size."""
    pending_jobs: int
    """Jobs that wait."""
    group: GroupRef | None = None
    """Group that it belongs to; null beside the topmost groups."""


class GroupShare(View):
    """One group's row of the fair-share table."""

    group: GroupRef
    """The group."""
    group_name: str
    """Handle of the group."""
    parent: GroupRef | None
    """Group that it belongs to; null for none."""
    weight: float
    """Weight among its siblings."""
    weight_adjusted: float
    """Weight after what its members used."""
    minimum_slots: float
    """Slots that it gets before its siblings, while its members want them."""
    maximum_slots: float | None
    """Most slots that its members get together; null for no cap."""
    entitlement_slots: float
    """Slots that are due to its members together."""
    allocated_slots: float
    """Slots that their jobs hold now."""
    pending_jobs: int
    """Their jobs that wait."""


class Shares(View):
    """The fair-share table."""

    capacity_slots: float
    """Slots of all hosts seen lately."""
    planned_at: datetime | None
    """When the scheduler last made a plan; null before the first."""
    items: list[Share]
    """A row for each account with jobs or usage that the caller may see."""
    groups: list[GroupShare] = Field(default_factory=list)
    """Every group, by handle; `parent` and `group` make it a tree."""


class Event(View):
    """Something happened to jobs of a batch."""

    id: str
    """Position in the stream; give it as `Last-Event-ID` to resume."""
    kind: str
    """submitted, leased, running, succeeded, failed, cancelled, requeued, quarantined,
    batch_finished, or opened: a manager may read the strictly personal batch for a while."""
    batch: BatchRef
    jobs: list[JobRef]
    """The jobs concerned; may be empty for `submitted` and `batch_finished`, which mean all."""
    at: datetime
