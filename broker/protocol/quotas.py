"""Quotas: what an account is owed under contention, where that comes from, and its limits."""

from datetime import datetime
from typing import Annotated

from pydantic import AwareDatetime, Field

from broker.protocol.base import Message, View
from broker.protocol.ids import AccountRef, GroupRef
from broker.protocol.limits import (
    BUDGET_PERIOD_DAYS_MAX,
    GPU_SECONDS_MAX,
    JOBS_IN_PROGRESS_MAX,
    SLOTS_MAX,
    WEIGHT_MAX,
)
from broker.protocol.states import QuotaPolicy

Weight = Annotated[float, Field(ge=0, le=WEIGHT_MAX)]
Slots = Annotated[float, Field(ge=0, le=SLOTS_MAX)]
GpuSeconds = Annotated[float, Field(ge=0, le=GPU_SECONDS_MAX)]
PeriodDays = Annotated[int, Field(ge=1, le=BUDGET_PERIOD_DAYS_MAX)]
JobsInProgress = Annotated[int, Field(ge=0, le=JOBS_IN_PROGRESS_MAX)]


class Budget(View):
    """GPU-seconds that an account, or all accounts below a group, may use in a period."""

    gpu_seconds: float
    """The budget."""
    period_days: int | None
    """Days after which it starts anew; null for never."""
    spent_gpu_seconds: float
    """Used by ended attempts since it started."""
    reserved_gpu_seconds: float
    """Held back for what runs now, until it reports what it used."""
    resets_at: datetime | None
    """When it starts anew; null for never."""


class QuotaRequest(Message):
    """The quota of an account; a field left out keeps its value."""

    quota: Weight | None = None
    """Weight under contention, relative to the siblings' quotas; 0 is served last."""
    quota_until: AwareDatetime | None = None
    """With `quota`: when the former quota comes back by itself; null for never."""
    policy: QuotaPolicy | None = None
    """Where the weight comes from."""
    minimum_slots: Slots | None = None
    """Slots that it gets before its siblings, while it wants them."""
    maximum_slots: Slots | None = None
    """Most slots that it gets; null for no cap."""
    jobs_in_progress_max: JobsInProgress | None = None
    """Most jobs queued or active at once; beyond it a submission is refused."""
    gpu_seconds_budget: GpuSeconds | None = None
    """GPU-seconds that it may use in a period; null for no budget."""
    budget_period_days: PeriodDays | None = None
    """Days after which the budget starts anew; null for never."""


class Quota(View):
    """The quota of an account."""

    account: AccountRef
    quota: float
    """Weight that an admin set, as it is in force now; used by the policy `manual`."""
    quota_until: datetime | None
    """When `quota` ends; null for never."""
    quota_afterwards: float | None
    """The quota that comes back then; null when it does not end."""
    policy: QuotaPolicy
    """Where the weight comes from."""
    weight: float
    """Weight in force now, after the policy."""
    group: GroupRef | None
    """Group whose members it is weighed against; null beside the topmost groups."""
    group_name: str | None
    """Handle of the group."""
    minimum_slots: float
    """Slots that it gets before its siblings, while it wants them."""
    maximum_slots: float | None
    """Most slots that it gets; null for no cap."""
    jobs_in_progress_max: int
    """Most jobs queued or active at once."""
    jobs_in_progress: int
    """Jobs queued or active now."""
    budget: Budget | None
    """GPU-seconds that it may use; null without such a limit. Its groups may have others."""
    usage_gpu_seconds: float
    """Decayed slot-seconds consumed: the account's history."""
    credit_recent: float
    """Recent average credit of the account's own hosts, in cobblestones a day."""
    donated_credit_recent: float
    """Recent average credit that volunteers assigned to it, in cobblestones a day."""
    contribution_points: float
    """Points for taking part in the portal, decayed to now."""
    warnings: list[str] = Field(default_factory=list)
    """What an admin should know, e.g. minima beyond what the fleet has."""


class QuotaMix(Message):
    """How much each policy counts in the weights of accounts whose policy is `combined`.

    Credit and points are large numbers, so factors as small as 0.001 are common.
    """

    manual: Weight
    """Factor of the number that an admin set."""
    own_hosts: Weight
    """Factor of the recent average credit of own hosts."""
    donated: Weight
    """Factor of the recent average credit that volunteers assigned."""
    contribution: Weight
    """Factor of the points for taking part in the portal."""
