"""Jobs: listed, shown, explained, cancelled; their outputs, and contents for their inputs."""

import re

from aiohttp import web

from broker.api.call import (
    CREATED,
    Call,
    PageQuery,
    answer,
    answer_page,
    page_bounds,
)
from broker.api.handlers.leases import BYTES, chunks
from broker.api.route import Route
from broker.api.streaming import send_file
from broker.domain.access import Action
from broker.errors import InvalidInput
from broker.protocol.base import Count, Message, Page
from broker.protocol.blobs import Blob
from broker.protocol.ids import BatchId, JobId, parse
from broker.protocol.jobs import Explanation, Job, JobSummary, Output
from broker.protocol.states import JobState
from broker.services.jobs import jobs
from broker.services.jobs import outputs as files
from broker.services.jobs.explain import explain as explain_job


class ExplainQuery(Message):
    """The query of an explanation."""

    against: str | None = None
    """Another job: why it started before this one."""


class JobsQuery(PageQuery):
    """The query of the list of jobs."""

    batch: str | None = None
    """Only of this batch."""
    state: JobState | None = None
    """Only in this state."""
    app: str | None = None
    """Only of this app: its handle or id."""


async def page(call: Call) -> web.Response:
    query = call.query(JobsQuery)
    before, limit = page_bounds(query)
    found = await jobs.page(
        call.services,
        call.actor,
        batch=BatchId(parse("batch", query.batch, "?batch")) if query.batch is not None else None,
        state=query.state,
        app=query.app,
        before=before,
        rows_max=limit,
    )
    return answer_page(found, limit)


async def show(call: Call) -> web.Response:
    return answer(await jobs.show_one(call.services, call.actor, JobId(call.id("job"))))


async def explain(call: Call) -> web.Response:
    against = call.query(ExplainQuery).against
    other = None if against is None else JobId(parse("job", against, "?against"))
    job = JobId(call.id("job"))
    return answer(await explain_job(call.services, call.actor, job, other))


async def cancel(call: Call) -> web.Response:
    services, actor, job = call.services, call.actor, JobId(call.id("job"))

    async def work() -> Count:
        return await jobs.cancel(services, actor, job)

    return await call.repeat(work)


async def outputs(call: Call) -> web.Response:
    page_bounds(call.query(PageQuery))  # a job has 64 outputs at most: one page holds them
    found = await files.of_job(call.services, call.actor, JobId(call.id("job")))
    return answer(Page[Output](items=found))


async def download(call: Call) -> web.StreamResponse:
    job = JobId(call.id("job"))
    found = await files.find(call.services, call.actor, job, call.path("name"))
    output = found.output
    return await send_file(
        call.request,
        found.path,
        name=output.name,
        sha256=output.sha256,
        size_bytes=output.size_bytes,
    )


async def upload(call: Call) -> web.Response:
    sha256 = call.path("sha256")
    if not re.fullmatch("[0-9a-f]{64}", sha256):
        raise InvalidInput.of("{sha256}", "expected 64 lower-case hexadecimal digits")
    content = await files.upload(call.services, call.actor, sha256, chunks(call.request))
    return answer(Blob(sha256=content.sha256, size_bytes=content.size_bytes), CREATED)


ROUTES = [
    Route(
        "GET",
        "/v1/jobs",
        page,
        Action.BATCH_LIST,
        "Lists the jobs that the caller may see.",
        answer=Page[JobSummary],
        query=JobsQuery,
    ),
    Route(
        "GET",
        "/v1/jobs/{job}",
        show,
        Action.BATCH_VIEW,
        "Shows a job with its attempts and outputs.",
        answer=Job,
    ),
    Route(
        "GET",
        "/v1/jobs/{job}/explain",
        explain,
        Action.BATCH_VIEW,
        "Says why a job is where it is: one reason code, one sentence, the numbers behind it.",
        query=ExplainQuery,
        answer=Explanation,
    ),
    Route(
        "POST",
        "/v1/jobs/{job}:cancel",
        cancel,
        Action.BATCH_TERMINATE,
        "Cancels a job; answers 0 when it had ended.",
        answer=Count,
    ),
    Route(
        "GET",
        "/v1/jobs/{job}/outputs",
        outputs,
        Action.BATCH_OUTPUT,
        "Lists the outputs of a job that succeeded.",
        answer=Page[Output],
        query=PageQuery,
    ),
    Route(
        "GET",
        "/v1/jobs/{job}/outputs/{name}",
        download,
        Action.BATCH_OUTPUT,
        "Downloads an output, whole or a range of it; its ETag is the SHA-256 of the whole.",
        answer=BYTES,
    ),
    Route(
        "PUT",
        "/v1/blobs/{sha256}",
        upload,
        Action.BLOB_UPLOAD,
        "Uploads a content that inputs of the caller's jobs may name by its digest.",
        body=BYTES,
        answer=Blob,
        status=CREATED,
    ),
]
