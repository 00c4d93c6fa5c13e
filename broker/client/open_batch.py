"""What a program does with a batch that it holds a handle of."""

import asyncio
from collections.abc import AsyncGenerator, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from broker.client.batches import cancel_batch, get_batch
from broker.client.crowd import for_each
from broker.client.files import fetch
from broker.client.jobs import get_job, list_jobs
from broker.client.progress import bar
from broker.client.transport import Transport, ref
from broker.client.watching import watch_batch
from broker.protocol import ids
from broker.protocol.batches import Batch
from broker.protocol.ids import BatchId
from broker.protocol.jobs import Job, JobSummary
from broker.protocol.states import JobState

DOWNLOADS_AT_ONCE: Final = 8


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
