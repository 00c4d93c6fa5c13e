"""A `concurrent.futures.Executor` whose work is jobs of one app.

    with FairleadExecutor(client, "ising") as executor:
        for future in as_completed([executor.submit({"temperature": t}) for t in grid]):
            print(future.result().outputs)

What is handed in within a few hundredths of a second travels as one batch.
"""

import asyncio
import threading
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Executor, Future
from concurrent.futures import wait as wait_for
from typing import Final, TypedDict, Unpack

from broker.client.client import Client
from broker.client.crowd import for_each
from broker.client.jobs import get_job
from broker.client.open_batch import OpenBatch, jobs, watch
from broker.client.opening import submit
from broker.client.transport import Ref, Transport
from broker.errors import FairleadError
from broker.protocol import ids
from broker.protocol.apps import Scalar
from broker.protocol.batches import JobCounts
from broker.protocol.jobs import Job, JobSummary
from broker.protocol.resources import JobLimits, Resources
from broker.protocol.states import TERMINAL_STATES, JobState

BATCH_JOBS_MAX: Final = 1_000
LINGER_SECONDS: Final = 0.05
FETCHES_AT_ONCE: Final = 16


class JobNotSucceeded(FairleadError):
    """A job of the executor failed, was cancelled or was quarantined; `job` tells which."""

    code = "job_not_succeeded"

    def __init__(self, job: Job) -> None:
        name = ids.show("job", job.id)
        why = job.attempts[-1].message if job.attempts else ""
        super().__init__(f"{name} {job.state}{': ' if why else ''}{why}", ids=[name])
        self.job = job


class BatchOptions(TypedDict, total=False):
    """What the jobs of an executor share; see `Client.submit`."""

    version: int | None
    pool: str
    name: str
    resources: Resources | None
    limits: JobLimits | None
    priority: int


class FairleadExecutor(Executor):
    """Runs jobs of one app and gives a future for each.

    A future resolves to the `Job` when it succeeded and raises `JobNotSucceeded` otherwise. It can
    be cancelled only until its batch is sent. Its callbacks run on the client's thread: they must
    be short and must not call the client.

    Args:
        client: the client; it is left open.
        app: handle or id of the app.
        options: what the jobs share, as in `client.submit`.
    """

    def __init__(self, client: Client, app: Ref, **options: Unpack[BatchOptions]) -> None:
        self._client = client
        self._app = app
        self._options = options
        self._lock = threading.Lock()
        self._waiting: list[tuple[Mapping[str, Scalar], Future[Job]]] = []
        self._unfinished: set[Future[Job]] = set()
        self._closed = False

    # The base class takes a function and its arguments; here an app is the function.
    def submit(  # type: ignore[override]
        self, parameters: Mapping[str, Scalar], /
    ) -> Future[Job]:
        """Run the app with these parameters."""
        future: Future[Job] = Future()
        with self._lock:
            if self._closed:
                raise RuntimeError("the executor is shut down")
            self._waiting.append((dict(parameters), future))
            self._unfinished.add(future)
            first = len(self._waiting) == 1
        future.add_done_callback(self._forget)
        if first:  # the one that opens a batch also sees to its sending
            asyncio.run_coroutine_threadsafe(self._send(), self._client.portal.loop)
        return future

    def map(  # type: ignore[override]
        self, parameters: Iterable[Mapping[str, Scalar]], /, *, timeout: float | None = None
    ) -> Iterator[Job]:
        """The jobs with each of these parameters, in their order; the first failure raises."""
        futures = [self.submit(each) for each in parameters]
        return (future.result(timeout) for future in futures)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more work; `cancel_futures` gives up what was not sent yet."""
        with self._lock:
            self._closed = True
            waiting = [future for _, future in self._waiting] if cancel_futures else []
            unfinished = set(self._unfinished)
        for future in waiting:
            future.cancel()
        if wait:
            wait_for(unfinished)

    def _forget(self, future: Future[Job]) -> None:
        with self._lock:
            self._unfinished.discard(future)

    def _take(self) -> list[tuple[Mapping[str, Scalar], Future[Job]]]:
        with self._lock:
            taken, self._waiting = self._waiting, []
        return taken

    async def _send(self) -> None:
        try:
            await asyncio.sleep(LINGER_SECONDS)
        except asyncio.CancelledError:  # the client was closed
            for _, future in self._take():
                future.cancel()
                future.set_running_or_notify_cancel()  # wakes those who wait for it
            raise
        taken = self._take()
        live = [(p, future) for p, future in taken if future.set_running_or_notify_cancel()]
        parts = [live[at : at + BATCH_JOBS_MAX] for at in range(0, len(live), BATCH_JOBS_MAX)]
        await asyncio.gather(*(self._run(part) for part in parts))

    async def _run(self, work: list[tuple[Mapping[str, Scalar], Future[Job]]]) -> None:
        """Submit one batch and settle its futures as its jobs end."""
        futures = dict(enumerate(future for _, future in work))
        http = self._client.subject
        try:
            batch = await submit(http, self._app, [p for p, _ in work], **self._options)
            ended = 0
            async for now in watch(batch):
                before, ended = ended, _ended(now.counts)
                if ended > before:
                    await _settle(http, batch, futures)
            if futures:
                raise FairleadError(f"{batch} finished without {len(futures)} of its jobs")
        except BaseException as error:
            for future in futures.values():
                future.set_exception(error)
            if not isinstance(error, Exception):
                raise


async def _settle(http: Transport, batch: OpenBatch, futures: dict[int, Future[Job]]) -> None:
    """Resolve the futures whose jobs have ended since the last time, and drop them."""
    ended = [
        summary
        async for summary in jobs(batch)
        if summary.state in TERMINAL_STATES and summary.index in futures
    ]

    async def resolve(summary: JobSummary) -> None:
        job = await get_job(http, summary.id)
        future = futures.pop(job.index)
        if job.state is JobState.SUCCEEDED:
            future.set_result(job)
        else:
            future.set_exception(JobNotSucceeded(job))

    await for_each(ended, resolve, at_once=FETCHES_AT_ONCE)


def _ended(counts: JobCounts) -> int:
    return counts.succeeded + counts.failed + counts.cancelled + counts.quarantined
