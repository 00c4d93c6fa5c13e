"""Opening a handle: submit a batch, submit one again, or take up one submitted before."""

from collections.abc import Mapping
from typing import Literal

from broker.client import batches, submissions
from broker.client.open_batch import OpenBatch
from broker.client.submissions import Jobs
from broker.client.transport import Ref, Transport
from broker.protocol import ids
from broker.protocol.apps import Scalar
from broker.protocol.ids import BatchId
from broker.protocol.resources import JobLimits, Resources


async def submit(
    http: Transport,
    app: Ref,
    jobs: Jobs,
    *,
    version: int | None = None,
    project: Ref | None = None,
    pool: str = "default",
    name: str = "",
    resources: Resources | None = None,
    limits: JobLimits | None = None,
    outputs_to: str | None = None,
    priority: int = 0,
    private: bool | None = None,
    idempotency_key: str | None = None,
) -> OpenBatch:
    """Submit jobs to an app as one batch; it is stored durably when this returns.

    Args:
        app: handle or id of the app.
        jobs: a JobRequest each, or only the parameters of each; a generator may be long.
        version: version number; null takes the newest published one.
        project: where the batch lies; null takes your own workspace.
        pool: pool of hosts.
        name: a name for people.
        resources: what each job needs; null takes the version's.
        limits: bounds of each attempt; null takes the version's.
        outputs_to: directory below a data root into which jobs may write, `root:relative/path`.
        priority: order among your own jobs of the app; greater runs first.
        private: keep the batch out of what the app shares.
        idempotency_key: your own key, so that a program started twice submits once; null makes one.

    Raises:
        InvalidInput: `errors` names each bad field of each job; nothing was stored.
        Forbidden: the app is not yours to use.
        LimitExceeded: more jobs in progress than your quota allows.
    """
    header = submissions.batch_header(
        app,
        version=version,
        project=project,
        pool=pool,
        name=name,
        resources=resources,
        limits=limits,
        outputs_to=outputs_to,
        priority=priority,
        private=private,
    )
    receipt = await submissions.submit(http, header, jobs, key=idempotency_key)
    return OpenBatch(http, receipt.id)


async def submit_table(
    http: Transport,
    app: Ref,
    table: Ref,
    *,
    columns: Mapping[str, str] | None = None,
    constants: Mapping[str, Scalar] | None = None,
    where: Mapping[str, Scalar | None] | None = None,
    job_name: str | None = None,
    version: int | None = None,
    project: Ref | None = None,
    pool: str = "default",
    name: str = "",
    resources: Resources | None = None,
    limits: JobLimits | None = None,
    priority: int = 0,
    private: bool | None = None,
    idempotency_key: str | None = None,
) -> OpenBatch:
    """Submit a job for each row of a table as one batch.

    Args:
        table: its id, or `project/name`.
        columns: the column that gives each parameter; null takes those named like parameters.
        constants: parameters with one value for all jobs.
        where: only rows that hold these values; null for all.
        job_name: the column that names the jobs; null names them "row 17".

    The others are those of `submit`.

    Raises:
        InvalidInput: `errors` names row and column of what does not fit; nothing was stored.
    """
    header = submissions.batch_header(
        app,
        version=version,
        project=project,
        pool=pool,
        name=name,
        resources=resources,
        limits=limits,
        priority=priority,
        private=private,
        table=table,
        columns=columns,
        constants=constants,
        where=where,
        job_name=job_name,
    )
    receipt = await submissions.submit(http, header, (), key=idempotency_key)
    return OpenBatch(http, receipt.id)


async def rerun(
    http: Transport, batch: Ref, *, only: Literal["failed", "all"] = "failed"
) -> OpenBatch:
    """Submit the failed jobs of a batch, or all of them, again as a new batch."""
    return OpenBatch(http, (await batches.rerun_batch(http, batch, only=only)).id)


async def open_batch(http: Transport, batch: Ref) -> OpenBatch:
    """A handle of a batch that was submitted before."""
    number = batch if isinstance(batch, int) else ids.parse("batch", batch, "batch")
    return OpenBatch(http, BatchId(number))
