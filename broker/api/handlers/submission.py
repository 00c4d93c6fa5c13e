"""Submission of batches: one JSON body, a stream of lines, or the rows of a table."""

from collections.abc import AsyncIterator

import orjson
from aiohttp import web

from broker.api.call import CREATED, Call, answer, answer_stored, parse_json
from broker.api.ndjson import Lines, jobs_of
from broker.api.route import Route
from broker.domain.access import Action
from broker.errors import BodyTooLarge, InvalidInput
from broker.protocol.base import Message
from broker.protocol.batches import BatchHeader, BatchReceipt, BatchRequest
from broker.protocol.limits import JOBS_PER_BATCH_MAX, JOBS_PER_JSON_BATCH_MAX
from broker.services.requests.answers import earlier
from broker.services.submission import table_jobs
from broker.services.submission.job_requests import JobRow, check_jobs

NDJSON = "application/x-ndjson"
OF_TABLES = frozenset({"table", "columns", "constants", "where", "job_name"})
LINE_BYTES_LEAST = 3  # "{}" and a newline; bounds the jobs of a body by its length


class SubmitQuery(Message):
    """The query of a submission."""

    dry_run: bool = False
    """Validate and estimate only; store nothing."""


async def submit(call: Call) -> web.Response:
    dry_run = call.query(SubmitQuery).dry_run
    if call.request.content_type == NDJSON:
        return await _submit_lines(call, dry_run)
    return await _submit_json(call, dry_run)


async def _submit_json(call: Call, dry_run: bool) -> web.Response:
    header, array = split_body(await call.raw())
    if header.table is not None:
        return await _submit_table(call, header, dry_run)
    submission = call.services.submission
    prepared = await submission.prepare(call.actor, header)
    rows = check_jobs(prepared.runnable, prepared.order, array, lambda index: f"/jobs/{index}")
    if not 1 <= len(rows) <= JOBS_PER_JSON_BATCH_MAX:
        detail = f"1 to {JOBS_PER_JSON_BATCH_MAX} jobs; more go as {NDJSON}"
        raise (InvalidInput if not rows else BodyTooLarge).of("/jobs", detail)
    if dry_run:
        return answer(await submission.dry_run(prepared, len(rows)))
    return answer_stored(await submission.submit(prepared, rows, await call.key()))


async def _submit_table(call: Call, header: BatchHeader, dry_run: bool) -> web.Response:
    submission, database = call.services.submission, call.services.database
    prepared = await submission.prepare(call.actor, header)
    key = await call.key()
    if key and not dry_run and (before := await earlier(database, call.actor.account_id, key)):
        return answer_stored(before)
    mapping = await table_jobs.mapped(database, prepared)
    async with table_jobs.jobs_of(database, mapping, prepared) as jobs:
        if dry_run:
            return answer(await submission.dry_run(prepared, await counted(jobs)))
        text, digest = (key.key, key.request_sha256) if key else (None, b"")
        rows = max(mapping.table.rows, 1)
        stored = await submission.stream(prepared, jobs, rows, text, lambda: digest)
    return answer_stored(stored)


async def counted(chunks: AsyncIterator[list[JobRow]]) -> int:
    """How many jobs there are; all of them are checked."""
    count = 0
    async for rows in chunks:
        count += len(rows)
    return count


async def _submit_lines(call: Call, dry_run: bool) -> web.Response:
    lines = Lines(call.request.content)
    submission = call.services.submission
    header = parse_json(BatchHeader, await lines.first(), "line 1")
    refuse_table(header, "line 1: ")
    prepared = await submission.prepare(call.actor, header)
    jobs = jobs_of(lines, prepared)
    if dry_run:
        return answer(await submission.dry_run(prepared, await counted(jobs)))
    length = call.request.content_length
    estimate = JOBS_PER_BATCH_MAX if length is None else length // LINE_BYTES_LEAST + 1
    key = call.key_text()
    if key and (replay := await submission.replay_stream(call.actor, key, lines)):
        return answer_stored(replay)
    return answer_stored(await submission.stream(prepared, jobs, estimate, key, lines.digest))


def split_body(text: bytes) -> tuple[BatchHeader, bytes]:
    """A submission's header, and its jobs as JSON text for the version's own validator; with a
    table in the header there are none.

    Raises:
        InvalidInput: not a JSON object, no jobs, or a bad header field.
    """
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise InvalidInput.of("", f"not valid JSON: {error}") from None
    if not isinstance(document, dict):
        raise InvalidInput.of("", "expected an object")
    jobs = document.pop("jobs", None)
    if jobs is None and document.get("table") is not None:
        return parse_json(BatchHeader, orjson.dumps(document)), b"[]"
    if not isinstance(jobs, list):
        raise InvalidInput.of("/jobs", "expected an array of jobs")
    header = parse_json(BatchHeader, orjson.dumps(document))
    refuse_table(header)
    return header, orjson.dumps(jobs)


def refuse_table(header: BatchHeader, place: str = "") -> None:
    """Goes on when a header that comes with jobs says nothing of a table.

    Raises:
        InvalidInput: naming the field.
    """
    for name in OF_TABLES & header.model_fields_set:
        detail = "a batch has either jobs or a table" if name == "table" else "needs `table`"
        raise InvalidInput.of(f"{place}/{name}", detail)


ROUTES = [
    Route(
        "POST",
        "/v1/batches",
        submit,
        Action.BATCH_SUBMIT,
        "Submits a batch of jobs; a 201 means that every job is stored durably. As "
        "application/x-ndjson (the batch in line 1, then a job a line) up to 1,000,000 jobs. With "
        "`table` in the place of `jobs`, a job for each row of a table.",
        body=BatchRequest,
        answer=BatchReceipt,
        query=SubmitQuery,
        status=CREATED,
    ),
]
