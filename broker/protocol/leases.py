"""The pull protocol: what a host and the broker say to each other about leases.

A lease is (job, epoch). The epoch counts the job's leases; a message with an older epoch is
`fenced`. The agent's side of the conversation is described in docs/protocol.md.
"""

from datetime import datetime
from typing import Any

from pydantic import Field, ValidationInfo, field_validator

from broker.protocol.apps import VersionSpec
from broker.protocol.base import Digest, FileName, Message, Name, Text, View
from broker.protocol.batches import InputContent
from broker.protocol.data import LeasedData
from broker.protocol.ids import AccountRef, BatchRef, HostRef, JobRef, VersionRef
from broker.protocol.limits import (
    CHECKPOINTS_PER_CALL_MAX,
    ELEMENTS_PER_CALL_MAX,
    GPUS_PER_HOST_MAX,
    OUTPUTS_PER_JOB_MAX,
    POLL_WAIT_SECONDS_MAX,
    SLOTS_PER_HOST_MAX,
)
from broker.protocol.resources import HostFacts, JobLimits, Resources
from broker.protocol.states import AnswerStatus, Outcome


class LeaseKey(Message):
    """Names one lease."""

    job: JobRef
    epoch: int = Field(ge=1)
    """Which lease of the job, counted from 1."""


class EnrollRequest(Message):
    """A host joins, with a single-use enrolment token in the Authorization header."""

    facts: HostFacts
    """What the host is and offers."""
    pool: Name | None = None
    """Pool to join; null takes the one that the enrolment token names."""


class Enrolled(View):
    """The host's identity; the token is shown this once."""

    host: HostRef
    token: str
    """Bearer token of the host, `flh_...`."""


class PollRequest(Message):
    """An agent asks for work and says what it has."""

    free_slots: int = Field(ge=0, le=SLOTS_PER_HOST_MAX)
    """CPU slots free now."""
    free_gpus: int = Field(0, ge=0, le=SLOTS_PER_HOST_MAX)
    """GPUs free now, parts counted one by one."""
    free_gpus_by_kind: list[int] | None = Field(None, max_length=GPUS_PER_HOST_MAX)
    """The same by kind of GPU, in the order in which the kinds first stand in the host's facts;
    null where all are of the first kind."""
    free_cpus: int | None = Field(None, ge=0)
    """CPU cores that no job claims; null for all of the host's."""
    free_memory_mib: int | None = Field(None, ge=0)
    """Main memory in MiB that no job claims; null for all of the host's."""
    wall_seconds_max: float | None = Field(None, ge=0)
    """Longest limit of a job that may be leased by this poll, for a host that leaves by then; null
    for any. The broker rounds it down, to the next of a few times."""
    holding: list[LeaseKey] = Field(default_factory=list, max_length=2 * SLOTS_PER_HOST_MAX)
    """Every lease that the agent knows of and whose report has not been answered yet. The broker
    sends what it leased and is missing here, and cancels what is here and no longer leased."""
    facts: HostFacts | None = None
    """Facts that changed since the last poll; null when none did."""
    wait_seconds: float = Field(30, ge=0, le=POLL_WAIT_SECONDS_MAX)
    """How long the broker may hold the request open when there is nothing to say."""

    @field_validator("free_gpus_by_kind")
    @classmethod
    def _same_gpus(cls, by_kind: list[int] | None, info: ValidationInfo) -> list[int] | None:
        if by_kind is not None:
            gpus = info.data.get("free_gpus", sum(by_kind))
            if min(by_kind, default=0) < 0 or sum(by_kind) != gpus:
                raise ValueError("must sum up to free_gpus, without negative numbers")
        return by_kind


class Gang(View):
    """A job's hosts, and which of them this one is."""

    rank: int
    """Place of this host, from 0. The outputs of rank 0 are the job's."""
    size: int
    """Number of hosts."""
    peers: list[str]
    """Addresses of all hosts, by rank."""


class Preempted(LeaseKey):
    """A lease to hand back."""

    grace_seconds: float = Field(ge=0)
    """How long the command may go on after TERM before it is killed."""


class Lease(View):
    """One job, with everything needed to run it."""

    job: JobRef
    epoch: int
    """Which lease of the job, counted from 1."""
    batch: BatchRef
    account: AccountRef
    version: VersionRef
    """The version's spec is in the same response, under `versions`."""
    name: str
    """The job's name; its id when it was given none."""
    parameters: dict[str, Any]
    """Values of all parameters, defaults filled in."""
    inputs: dict[str, InputContent] = Field(default_factory=dict)
    """Input files."""
    data: list[LeasedData] = Field(default_factory=list)
    """Places below data roots that it uses."""
    refused: str = ""
    """Why the job may no longer run here: it lost its data or the pool. Then the lease carries
    neither parameters nor inputs, and the host reports it as failed with this message; empty
    otherwise."""
    resources: Resources
    """What the job occupies."""
    limits: JobLimits
    """Bounds of this attempt."""
    gang: Gang | None = None
    """The other hosts of the attempt; null for a job on one host."""
    gpu_kind: int | None = None
    """Of which of the host's kinds of GPU it takes devices, from 0 in the order of the facts; null
    for a CPU slot, and where the host may choose."""


class PollResponse(View):
    """What the host shall do now."""

    leases: list[Lease] = Field(default_factory=list)
    """Jobs that the host now holds and had not told of."""
    versions: dict[str, VersionSpec] = Field(default_factory=dict)
    """Specs of the versions in `leases`, by version id."""
    cancel: list[LeaseKey] = Field(default_factory=list)
    """Leases to stop: cancelled ones are reported as such, others are simply gone."""
    preempt: list[Preempted] = Field(default_factory=list)
    """Leases to stop and report as preempted: the job goes on later, from its checkpoint."""
    lease_seconds: float
    """Length of a lease; renew at a third of it."""
    request_delay_seconds: float = 0.0
    """How long to wait before the next poll."""
    drain: bool = False
    """Finish what is held and then stop asking."""


class Usage(Message):
    """What an attempt consumed, measured by the agent."""

    wall_seconds: float = Field(0, ge=0)
    """Wall-clock time from start to end."""
    cpu_seconds: float = Field(0, ge=0)
    """CPU time of the whole process tree."""
    memory_peak_mib: float = Field(0, ge=0)
    """Peak resident memory of the process tree."""
    gpu_utilisation: float | None = Field(None, ge=0, le=1)
    """Mean GPU utilisation, 0 to 1; null without a GPU, and of a MIG instance. On a share of a GPU
    this and the two below are those of the whole device, whichever of its jobs caused them."""
    gpu_memory_peak_mib: float | None = Field(None, ge=0)
    """Peak GPU memory in MiB; null without a GPU."""
    energy_joules: float | None = Field(None, ge=0)
    """Energy of the GPUs; null where the device does not count it, as for a MIG instance."""


class RenewItem(LeaseKey):
    """One lease to keep."""

    running: bool = False
    """Whether the command has been started."""


class RenewRequest(Message):
    """Keep these leases."""

    leases: list[RenewItem] = Field(max_length=ELEMENTS_PER_CALL_MAX)


class RenewAnswer(View):
    """The answer for one lease."""

    job: JobRef
    epoch: int
    status: AnswerStatus
    """`ok`, or `fenced`: stop the job, its lease is gone."""
    cancel: bool = False
    """Stop the job and report it as cancelled."""
    preempt_grace_seconds: float | None = None
    """Stop the job within so long and report it as preempted; null to go on."""


class RenewResponse(View):
    """One answer for each lease, in order."""

    answers: list[RenewAnswer]


class OutputFile(View):
    """One uploaded output."""

    name: FileName
    """Name in the working directory."""
    size_bytes: int = Field(ge=0)
    """Size in bytes."""
    sha256: Digest
    """Digest of the content."""


class Report(LeaseKey):
    """How an attempt ended."""

    outcome: Outcome
    """How it ended."""
    exit_code: int | None = Field(None, ge=-256, le=2**31 - 1)
    """Exit code, or minus the signal number; null when it never ran."""
    message: Text = ""
    """One line that explains a failure."""
    usage: Usage = Usage()
    """What it consumed."""
    started_at: datetime | None = None
    """When the command started, by the host's clock; null when it never ran."""
    outputs: list[OutputFile] = Field(default_factory=list, max_length=OUTPUTS_PER_JOB_MAX)
    """Outputs, uploaded before this report."""


class ReportRequest(Message):
    """Attempts that ended."""

    reports: list[Report] = Field(min_length=1, max_length=ELEMENTS_PER_CALL_MAX)


class ReportAnswer(View):
    """The answer for one report."""

    job: JobRef
    epoch: int
    status: AnswerStatus
    """`ok`, `stored` when an equal report was accepted before, `fenced` when the lease is gone."""


class CheckpointRequest(Message):
    """Jobs of which the host keeps a checkpoint and that it does not hold."""

    jobs: list[JobRef] = Field(min_length=1, max_length=CHECKPOINTS_PER_CALL_MAX)


class CheckpointResponse(View):
    """Which checkpoints may go."""

    ended: list[JobRef]
    """Those jobs that will never run again."""


class ReportResponse(View):
    """One answer for each report, in order."""

    answers: list[ReportAnswer]
