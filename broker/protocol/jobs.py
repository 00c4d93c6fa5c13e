"""Jobs as scientists see them: state, attempts, outputs, and why a job waits."""

from datetime import datetime
from typing import Any

from pydantic import Field

from broker.protocol.base import View
from broker.protocol.data import DataUse
from broker.protocol.estimates import Estimate
from broker.protocol.ids import AccountRef, AppRef, BatchRef, HostRef, JobRef
from broker.protocol.leases import Usage
from broker.protocol.states import JobState, Outcome


class Attempt(View):
    """One closed lease of a job."""

    epoch: int
    """Which lease of the job, counted from 1."""
    host: HostRef | None
    host_name: str | None
    """Name of the host; null when the host was removed."""
    outcome: Outcome
    exit_code: int | None
    """Exit code, or minus the signal number; null when it never ran."""
    message: str
    """One line that explains a failure; empty otherwise."""
    leased_at: datetime
    finished_at: datetime
    usage: Usage
    debited_gpu_seconds: float
    """Slot-seconds charged to the account; 0 for attempts lost by the host or the broker."""


class Member(View):
    """One host of an attempt of a job on several hosts."""

    epoch: int
    """Which lease of the job, counted from 1."""
    rank: int
    """Place of the host, from 0."""
    host: HostRef | None
    host_name: str | None
    """Name of the host; null when the host was removed."""
    running: bool
    """Whether the command was started there."""
    outcome: Outcome | None
    """How it ended there; null before."""
    exit_code: int | None
    """Exit code, or minus the signal number; null when it never ran, or still runs."""
    message: str
    """One line that explains a failure; empty otherwise."""


class Output(View):
    """One output file."""

    name: str
    """File name."""
    size_bytes: int
    """Size in bytes."""
    sha256: str
    """Digest of the content."""


class JobSummary(View):
    """A job in a list."""

    id: JobRef
    batch: BatchRef
    index: int
    """Place in the batch, from 0."""
    name: str
    """Name for people."""
    app_name: str
    """Handle of the app."""
    account_name: str
    """Handle of the submitter."""
    state: JobState
    cancelling: bool
    """Whether a cancellation waits for the host."""
    host_name: str | None
    """Host that holds or held it last; null before the first lease."""
    exit_code: int | None
    """Exit code of the last attempt; null before."""
    created_at: datetime
    started_at: datetime | None
    """When the current or last attempt got its lease; null before."""
    finished_at: datetime | None
    """When it reached a terminal state; null before."""


class Job(JobSummary):
    """A job, whole."""

    account: AccountRef
    app: AppRef
    version_number: int
    """Version of the app."""
    parameters: dict[str, Any]
    """Values of all parameters."""
    inputs: dict[str, Any]
    """Input files, by name."""
    data: list[DataUse] = Field(default_factory=list)
    """Places below data roots that it uses."""
    lease_epoch: int
    """Number of leases so far."""
    attempts: list[Attempt]
    """Closed attempts, oldest first."""
    members: list[Member] = Field(default_factory=list)
    """The hosts of each attempt, also of the one that runs; empty for a job on one host."""
    outputs: list[Output]
    """Outputs of the accepted attempt."""


class Ahead(View):
    """An account that is served before the job's; its jobs are nobody else's business."""

    account: AccountRef
    account_name: str
    """Handle of the account."""
    rank: int
    """Its place in line, from 1."""
    allocated_slots: float
    """Slots that its jobs hold now."""
    entitlement_slots: float
    """Slots that are due to it now."""


class Comparison(View):
    """Why another job started before this one."""

    other: JobRef
    """The other job."""
    reason: str
    """One stable code, e.g. "less_of_its_share"."""
    sentence: str
    """The reason in one sentence."""
    numbers: dict[str, float | int | str | None]
    """How both stood when the other one started; null where nothing is kept of that time."""


class Explanation(View):
    """Why a job is where it is."""

    job: JobRef
    state: JobState
    reason: str
    """One stable code, e.g. "share_reached"."""
    sentence: str
    """The reason in one sentence."""
    numbers: dict[str, float | int | str | None]
    """The numbers behind it, with units in their names."""
    ahead: list[Ahead] = Field(default_factory=list)
    """Accounts that are served before its own, the next one first; at most five."""
    start: Estimate | None = None
    """When it may start; null while nobody can tell, and for a job that does not wait."""
    pool_now: str | None = None
    """Another pool where it would start now; null where there is none."""
    comparison: Comparison | None = None
    """Why the job given as `against` started before; null without one."""
