"""Batches, and the handle with which a program follows one of them."""

import asyncio
from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from broker.client.crowd import for_each
from broker.client.files import fetch
from broker.client.jobs import get_job, list_jobs
from broker.client.pages import listing
from broker.client.progress import bar
from broker.client.sse import Reconnected, follow
from broker.client.transport import Ref, Transport, name_of, ref
from broker.errors import FairleadError
from broker.protocol import ids
from broker.protocol.base import Count, Page
from broker.protocol.batches import Batch, BatchReceipt, RerunRequest
from broker.protocol.ids import BatchId
from broker.protocol.jobs import Job, JobSummary
from broker.protocol.shares import Event
from broker.protocol.states import JobState

POLL_SECONDS_FIRST: Final = 0.2
POLL_SECONDS_MAX: Final = 5.0
EVENT_PAUSE_SECONDS: Final = 0.2  # events of a busy batch come in hundreds a second
DOWNLOADS_AT_ONCE: Final = 8


def _path(batch: Ref, rest: str = "") -> str:
    return f"/v1/batches/{ref('batch', batch)}{rest}"


async def list_batches(
    http: Transport,
    *,
    state: Literal["open", "finished"] | None = None,
    app: Ref | None = None,
    account: Ref | None = None,
    limit: int | None = None,
) -> AsyncGenerator[Batch, None]:
    """The batches that the caller may see, newest first.

    Args:
        state: "open" for batches with jobs to do, "finished" for the others; null for any.
        app: only of this app; null for any.
        account: only of this submitter; null for any.
        limit: most batches to yield; null for all.
    """
    query = {
        "state": state,
        "app": None if app is None else name_of("app", app),
        "account": None if account is None else name_of("account", account),
    }
    async for item in listing(http, "/v1/batches", Page[Batch], limit=limit, query=query):
        yield item


async def get_batch(http: Transport, batch: Ref) -> Batch:
    """One batch, with its jobs counted by state."""
    return await http.call("GET", _path(batch), Batch)


async def cancel_batch(http: Transport, batch: Ref) -> int:
    """Cancel the jobs of a batch that have not ended; how many those were."""
    return (await http.call("POST", _path(batch, ":cancel"), Count)).count


async def rerun_batch(
    http: Transport, batch: Ref, *, only: Literal["failed", "all"] = "failed"
) -> BatchReceipt:
    """Submit jobs of a batch again, as a new batch."""
    body = RerunRequest(only=only)
    return await http.call("POST", _path(batch, ":rerun"), BatchReceipt, body=body)


async def read_events(
    http: Transport, *, batch: Ref | None = None, after: str | None = None
) -> AsyncGenerator[Event, None]:
    """What happens to the jobs that the caller may see, without end and over reconnections.

    Args:
        batch: only of this batch; null for all.
        after: `id` of the last event known; null starts now.
    """
    query = {"batch": None if batch is None else name_of("batch", batch)}
    stream = follow(http.patient(), "/v1/events", query=query, last_id=after)
    async with aclosing(stream):
        async for event in stream:
            if not isinstance(event, Reconnected) and event.data:
                yield Event.model_validate_json(event.data)


async def watch_batch(http: Transport, batch: Ref) -> AsyncGenerator[Batch, None]:
    """The batch as it is now, then again whenever it has changed, until it is finished.

    Events say when to look; where they do not come, it looks every few seconds.
    """
    http = http.patient()
    changed = asyncio.Event()
    listener = asyncio.create_task(_listen(http, batch, changed))
    pause = POLL_SECONDS_FIRST
    last: Batch | None = None
    try:
        while True:
            changed.clear()
            now = await get_batch(http, batch)
            if now != last:
                yield now
            if now.finished_at is not None:
                return
            last = now
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await changed.wait()
                await asyncio.sleep(EVENT_PAUSE_SECONDS)
            pause = min(POLL_SECONDS_MAX, pause * 1.5)
    finally:
        listener.cancel()
        await asyncio.wait([listener])


async def _listen(http: Transport, batch: Ref, changed: asyncio.Event) -> None:
    with suppress(FairleadError):  # then polling alone must do
        async for _ in read_events(http, batch=batch):
            changed.set()


@dataclass(frozen=True, slots=True)
class OpenBatch:
    """A batch and the transport through which it is followed."""

    http: Transport
    id: BatchId

    def __str__(self) -> str:
        return ids.show("batch", self.id)


async def refresh(batch: OpenBatch) -> Batch:
    """The batch as it is now."""
    return await get_batch(batch.http, batch.id)


async def watch(batch: OpenBatch) -> AsyncGenerator[Batch, None]:
    """The batch as it is now, then again whenever it has changed, until it is finished."""
    async for now in watch_batch(batch.http, batch.id):
        yield now


async def wait(
    batch: OpenBatch, *, progress: bool = False, timeout_seconds: float | None = None
) -> Batch:
    """Wait until every job of the batch has ended; failed jobs raise nothing, see `counts`.

    Args:
        batch: the batch.
        progress: draw a progress bar on stderr.
        timeout_seconds: longest wait; null waits without end.

    Raises:
        TimeoutError: jobs were still open after `timeout_seconds`; they go on.
    """
    async with asyncio.timeout(timeout_seconds):
        with bar(str(batch), shown=progress) as draw:
            async for now in watch_batch(batch.http, batch.id):
                draw(round(now.fraction_done * now.jobs), now.jobs)
    return now


async def cancel(batch: OpenBatch) -> int:
    """Cancel the jobs that have not ended; how many those were."""
    return await cancel_batch(batch.http, batch.id)


async def jobs(
    batch: OpenBatch, *, state: JobState | None = None
) -> AsyncGenerator[JobSummary, None]:
    """The jobs of the batch, newest first."""
    async for item in list_jobs(batch.http, batch=batch.id, state=state):
        yield item


async def outputs(
    batch: OpenBatch, directory: Path | str, *, progress: bool = False
) -> dict[int, list[Path]]:
    """Download the outputs of the succeeded jobs, `DIRECTORY/job_17/FILE` each.

    Beside them stands `jobs.ndjson`: a line for each of these jobs, in the order of the batch,
    with its parameters and outputs. Files that are there already and right are not fetched again.

    Args:
        batch: the batch.
        directory: made when it is missing.
        progress: draw a progress bar on stderr.

    Returns:
        The paths of each succeeded job, by its index in the batch.

    Raises:
        DigestMismatch: what came is not what the job wrote.
    """
    directory = Path(directory)
    done = [job async for job in jobs(batch, state=JobState.SUCCEEDED)]
    done.sort(key=lambda job: job.index)
    whole: dict[int, Job] = {}
    paths: dict[int, list[Path]] = {}
    with bar(f"{batch}: outputs", shown=progress) as draw:
        draw(0, len(done))

        async def one(summary: JobSummary) -> None:
            job = await get_job(batch.http, summary.id)
            paths[job.index] = await _outputs_of(batch.http, job, directory)
            whole[job.index] = job
            draw(len(whole), len(done))

        await for_each(done, one, at_once=DOWNLOADS_AT_ONCE)
    await asyncio.to_thread(_write_manifest, directory, [whole[job.index] for job in done])
    return {job.index: paths[job.index] for job in done}


async def _outputs_of(http: Transport, job: Job, directory: Path) -> list[Path]:
    name = ids.show("job", job.id)
    return [
        await fetch(http, f"/v1/jobs/{name}/outputs/{ref('output', output.name)}", output, place)
        for place in [directory / name]
        for output in job.outputs
    ]


def _write_manifest(directory: Path, done: Iterable[Job]) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    part = directory / ".jobs.ndjson.part"
    with part.open("w", encoding="utf-8") as file:
        file.writelines(job.model_dump_json() + "\n" for job in done)
    part.replace(directory / "jobs.ndjson")
