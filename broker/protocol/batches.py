"""Batches: jobs that are submitted, watched and cancelled together."""

from datetime import datetime

from pydantic import Field, model_validator

from broker.protocol.apps import Scalar
from broker.protocol.base import Digest, FileName, Message, Name, ParameterName, Title, View
from broker.protocol.data import DataPlace
from broker.protocol.estimates import Estimate
from broker.protocol.ids import AccountRef, AppRef, BatchRef, VersionRef
from broker.protocol.limits import (
    INLINE_INPUT_BYTES_MAX,
    INPUTS_PER_JOB_MAX,
    JOBS_PER_JSON_BATCH_MAX,
    PRIORITY_MAX,
    PRIORITY_MIN,
)
from broker.protocol.nodes import Isolation
from broker.protocol.resources import JobLimits, Resources

Where = dict[ParameterName, Scalar | None]
"""Which rows of a table: those that hold these values in these columns; null for no value."""


class InputContent(Message):
    """The content of one input file: small text in place, a place below a data root, anything else
    by digest."""

    text: str | None = Field(None, max_length=INLINE_INPUT_BYTES_MAX)
    """Text content, UTF-8; null when another field is given."""
    sha256: Digest | None = None
    """Digest of content uploaded before (`PUT /v1/blobs/{sha256}`); null when another field is
    given."""
    data: DataPlace | None = None
    """Where it lies on the hosts, `root:relative/path`; null when another field is given."""

    @model_validator(mode="after")
    def _exactly_one(self) -> "InputContent":
        if sum(field is not None for field in (self.text, self.sha256, self.data)) != 1:
            raise ValueError("give exactly one of text, sha256 and data")
        return self


class JobRequest(Message):
    """One job of a submission."""

    name: Title | None = None
    """A name for people; null takes the job's id."""
    parameters: dict[str, Scalar] = Field(default_factory=dict)
    """Values of the version's parameters."""
    inputs: dict[FileName, InputContent] = Field(
        default_factory=dict, max_length=INPUTS_PER_JOB_MAX
    )
    """Contents of the version's input files."""


class BatchHeader(Message):
    """What all jobs of a submission share; the first line of an NDJSON submission."""

    app: str = Field(min_length=1, max_length=100)
    """Handle or id of the app."""
    version: int | None = Field(None, ge=1)
    """Version number; null takes the newest published one."""
    project: str | None = Field(None, min_length=1, max_length=100)
    """Where the batch lies: handle or id of a project, or id of a folder or workspace; null takes
    the submitter's own workspace."""
    pool: Name = "default"
    """Pool of hosts that the jobs may run on."""
    name: Title = ""
    """A name for people."""
    resources: Resources | None = None
    """What each job needs; null takes the version's."""
    limits: JobLimits | None = None
    """Bounds of each attempt; null takes the version's."""
    outputs_to: DataPlace | None = None
    """Directory below a data root into which jobs may write, `root:relative/path`; null for none.
    Declared outputs are stored with the broker all the same."""
    priority: int = Field(0, ge=PRIORITY_MIN, le=PRIORITY_MAX)
    """Order among the account's own jobs of the same lane; greater runs first."""
    table: str | None = Field(None, min_length=1, max_length=200)
    """A table that has a job for each row, in the place of `jobs`: its id, or `project/name`."""
    columns: dict[ParameterName, ParameterName] | None = None
    """Of a table: the column that gives each parameter; null takes the columns that are named like
    parameters. A null cell leaves the parameter to its default."""
    constants: dict[ParameterName, Scalar] = Field(default_factory=dict)
    """Of a table: parameters with one value for all jobs."""
    where: Where | None = None
    """Of a table: only rows that hold these values in these columns; null for all."""
    job_name: ParameterName | None = None
    """Of a table: the column that names the jobs; null names them "row 17"."""
    private: bool = False
    """Keep the batch out of what its app shares; it is seen where it lies, as a personal one."""


class BatchRequest(BatchHeader):
    """A submission in one JSON body."""

    jobs: list[JobRequest] | None = Field(None, min_length=1, max_length=JOBS_PER_JSON_BATCH_MAX)
    """The jobs, in order; null with `table`."""


class JobCounts(View):
    """Jobs of a batch by state."""

    queued: int
    leased: int
    running: int
    succeeded: int
    failed: int
    cancelled: int
    quarantined: int


class Batch(View):
    """A batch."""

    id: BatchRef
    account: AccountRef
    account_name: str
    """Handle of the submitter."""
    app: AppRef
    app_name: str
    """Handle of the app."""
    version: VersionRef
    version_number: int
    """Number of the version within the app."""
    pool: str
    """Pool of hosts."""
    name: str
    """A name for people; may be empty."""
    priority: int
    """Order among the account's own jobs of the same lane."""
    isolation: Isolation = Isolation.PERSONAL
    """Who sees it beside the people of its place; the app's when it was submitted."""
    resources: Resources
    """What each job needs."""
    limits: JobLimits
    """Bounds of each attempt."""
    jobs: int
    """Number of jobs."""
    counts: JobCounts
    """Jobs by state."""
    fraction_done: float
    """Share of the jobs in a terminal state, 0 to 1."""
    usage_gpu_seconds: float
    """Slot-seconds debited so far."""
    created_at: datetime
    finished_at: datetime | None
    """When the last job ended; null while jobs are open."""
    end: Estimate | None = None
    """When the last job may end; null once it has, and while nobody can tell."""


class BatchReceipt(View):
    """The answer to a submission: every job of it is stored durably."""

    id: BatchRef
    jobs: int
    """Number of jobs stored."""
    first_job: str
    """Id of the first job; the batch's jobs have consecutive numbers."""


class DryRun(View):
    """What a submission would do; nothing was stored."""

    jobs: int
    """Number of valid jobs."""
    version_number: int
    """The version that would run."""
    jobs_ahead: int
    """The account's own queued jobs in the same lane, which would run first."""
    fitting_hosts: int
    """Hosts of the pool that could run such a job when idle."""
    account_rank: int | None = None
    """Place of the caller's account among those whose jobs wait, from 1; null when none of its jobs
    waits, and while nobody can tell."""
    start: Estimate | None = None
    """When the first job may start; null while nobody can tell."""


class RerunRequest(Message):
    """Which jobs of a batch to submit again, as a new batch."""

    only: str = Field("failed", pattern="^(failed|all)$")
    """"failed": failed, cancelled and quarantined jobs; "all": every job."""
