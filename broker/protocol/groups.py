"""Groups of accounts: labs and virtual organisations, a tree in which quotas weigh siblings."""

from datetime import datetime

from pydantic import Field, ValidationInfo, field_validator

from broker.protocol.base import Message, Name, Title, View
from broker.protocol.ids import AccountRef, GroupRef
from broker.protocol.quotas import Budget, GpuSeconds, JobsInProgress, PeriodDays, Slots, Weight

Reference = str
"""A group by handle or id."""


class GroupRequest(Message):
    """A new group."""

    name: Name
    """Unique handle."""
    title: Title = ""
    """What people call it."""
    parent: Reference | None = None
    """Group that it belongs to, by handle or id; null for none."""
    weight: Weight = 1
    """Weight among its siblings; 0 is served last."""
    minimum_slots: Slots = 0
    """Slots that it gets before its siblings, while its members want them."""
    maximum_slots: Slots | None = None
    """Most slots that its members get together; null for no cap."""
    jobs_in_progress_max: JobsInProgress | None = None
    """Most jobs that its members have queued or active at once; null for no limit."""
    gpu_seconds_budget: GpuSeconds | None = None
    """GPU-seconds that its members may use in a period; null for no budget."""
    budget_period_days: PeriodDays | None = None
    """Days after which the budget starts anew; null for never."""

    @field_validator("maximum_slots")
    @classmethod
    def _not_below_the_minimum(cls, maximum: float | None, info: ValidationInfo) -> float | None:
        if maximum is not None and maximum < info.data.get("minimum_slots", 0):
            raise ValueError("is below minimum_slots")
        return maximum


class GroupChange(Message):
    """Changes of a group; a field left out keeps its value, null removes a limit."""

    title: Title | None = None
    """What people call it."""
    parent: Reference | None = None
    """Group that it belongs to from now on, with all below it; null for none."""
    weight: Weight | None = None
    """Weight among its siblings; 0 is served last."""
    minimum_slots: Slots | None = None
    """Slots that it gets before its siblings, while its members want them."""
    maximum_slots: Slots | None = None
    """Most slots that its members get together; null for no cap."""
    jobs_in_progress_max: JobsInProgress | None = None
    """Most jobs that its members have queued or active at once; null for no limit."""
    gpu_seconds_budget: GpuSeconds | None = None
    """GPU-seconds that its members may use in a period; null for no budget."""
    budget_period_days: PeriodDays | None = None
    """Days after which the budget starts anew; null for never."""


class Group(View):
    """A group of accounts and of other groups."""

    id: GroupRef
    name: str
    """Unique handle."""
    title: str
    """What people call it."""
    parent: GroupRef | None
    """Group that it belongs to; null for none."""
    parent_name: str | None
    """Handle of that group."""
    weight: float
    """Weight among its siblings."""
    minimum_slots: float
    """Slots that it gets before its siblings, while its members want them."""
    maximum_slots: float | None
    """Most slots that its members get together; null for no cap."""
    jobs_in_progress_max: int | None
    """Most jobs that its members have queued or active at once; null for no limit."""
    jobs_in_progress: int
    """Jobs queued or active now, of all members below it."""
    budget: Budget | None
    """GPU-seconds that its members may use; null without such a limit."""
    accounts: int
    """Accounts that belong to it directly."""
    created_at: datetime
    warnings: list[str] = Field(default_factory=list)
    """What an admin should know, e.g. minima beyond what the fleet has."""


class Membership(View):
    """An account of a group."""

    account: AccountRef
    account_name: str
    """Handle of the account."""
    group: GroupRef | None
    """The group; null beside the topmost groups."""
    group_name: str | None
    """Handle of the group."""
