"""Jobs: state, explanation, logs and outputs."""

import codecs
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path
from typing import Literal

import orjson

from broker.client.files import fetch
from broker.client.pages import listing
from broker.client.sse import Reconnected, follow
from broker.client.transport import Ref, Transport, name_of, ref
from broker.protocol.base import Count, Page
from broker.protocol.jobs import Explanation, Job, JobSummary, Output
from broker.protocol.states import JobState

LogStream = Literal["stdout", "stderr"]


def _path(job: Ref, rest: str = "") -> str:
    return f"/v1/jobs/{ref('job', job)}{rest}"


async def list_jobs(
    http: Transport,
    *,
    batch: Ref | None = None,
    state: JobState | None = None,
    app: Ref | None = None,
    limit: int | None = None,
) -> AsyncGenerator[JobSummary, None]:
    """The jobs that the caller may see, newest first.

    Args:
        batch: only of this batch; null for any.
        state: only in this state; null for any.
        app: only of this app; null for any.
        limit: most jobs to yield; null for all.
    """
    query = {
        "batch": None if batch is None else name_of("batch", batch),
        "state": None if state is None else state.value,
        "app": None if app is None else name_of("app", app),
    }
    async for item in listing(http, "/v1/jobs", Page[JobSummary], limit=limit, query=query):
        yield item


async def get_job(http: Transport, job: Ref) -> Job:
    """One job, with its attempts and outputs."""
    return await http.call("GET", _path(job), Job)


async def cancel_job(http: Transport, job: Ref) -> int:
    """Cancel a job; the number of jobs changed: 0 when it had ended, else 1."""
    return (await http.call("POST", _path(job, ":cancel"), Count)).count


async def explain(http: Transport, job: Ref, against: Ref | None = None) -> Explanation:
    """Why a job is where it is: one reason, one sentence, the numbers behind it.

    Args:
        against: another job; the answer then says why that one started before.
    """
    query = None if against is None else {"against": name_of("job", against)}
    return await http.call("GET", _path(job, "/explain"), Explanation, query=query)


async def read_logs(
    http: Transport, job: Ref, stream: LogStream = "stdout", *, follow: bool = False
) -> AsyncGenerator[str, None]:
    """The text that a job wrote, in pieces.

    Args:
        http: the transport.
        job: the job.
        stream: stdout or stderr.
        follow: go on while the job runs, over reconnections; otherwise end with what there is.
    """
    path = _path(job, f"/logs/{stream}")
    pieces = _followed(http, path) if follow else _stored(http, path)
    async with aclosing(pieces):
        async for text in pieces:
            yield text


async def _stored(http: Transport, path: str) -> AsyncGenerator[str, None]:
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    async with http.open(path) as response:
        async for chunk in response.content.iter_any():
            yield decoder.decode(chunk)
    yield decoder.decode(b"", final=True)


async def _followed(http: Transport, path: str) -> AsyncGenerator[str, None]:
    seen = skip = 0  # characters; a stream that cannot resume starts over
    async with aclosing(follow(http.patient(), path, query={"follow": True})) as stream:
        async for event in stream:
            if isinstance(event, Reconnected):
                skip = 0 if event.resumed else seen
            elif event.kind == "end":
                return
            else:
                text: str = orjson.loads(event.data)["text"]
                fresh = text[skip:]
                skip = max(0, skip - len(text))
                seen += len(fresh)
                if fresh:
                    yield fresh


async def list_outputs(http: Transport, job: Ref) -> AsyncGenerator[Output, None]:
    """The output files of a job."""
    async for item in listing(http, _path(job, "/outputs"), Page[Output], limit=None):
        yield item


async def download_outputs(http: Transport, job: Ref, directory: Path | str) -> list[Path]:
    """Download the outputs of a job into a directory, each checked against its digest.

    A file appears under its name only when it is whole; one that is there already and has the
    right digest is left alone.

    Raises:
        DigestMismatch: what came is not what the job wrote.
    """
    directory = Path(directory)
    return [
        await fetch(http, _path(job, f"/outputs/{ref('output', output.name)}"), output, directory)
        async for output in list_outputs(http, job)
    ]
