"""Opening a handle: submit a batch, submit one again, or take up one submitted before."""

from typing import Literal

from broker.client import batches, submissions
from broker.client.open_batch import OpenBatch
from broker.client.submissions import Jobs
from broker.client.transport import Ref, Transport
from broker.protocol import ids
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
    )
    receipt = await submissions.submit(http, header, jobs, key=idempotency_key)
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
