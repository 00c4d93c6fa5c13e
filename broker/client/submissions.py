"""Submission: a batch in one JSON body, or as a stream of lines when it is long.

Either way the jobs are stored all or none, and a repeat under the same Idempotency-Key is
answered with the batch that the first try stored.
"""

import asyncio
import re
import tempfile
import threading
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from typing import Final, TypeVar

from pydantic import BaseModel, ValidationError

from broker.client.transport import Ref, Transport, name_of
from broker.errors import FieldError, InvalidInput
from broker.protocol.apps import Scalar
from broker.protocol.batches import BatchHeader, BatchReceipt, DryRun, JobRequest
from broker.protocol.complaints import detail_of
from broker.protocol.resources import JobLimits, Resources

CHUNK_BYTES: Final = 256 * 2**10
SPOOL_MEMORY_BYTES: Final = 16 * 2**20
JSON_JOBS_MAX: Final = 1_000
JSON_BODY_BYTES: Final = 4 * 2**20
"""Above either, the jobs travel as a stream of lines."""

FIRST_JOB_LINE: Final = 2  # the first one is the batch
LINE: Final = re.compile(r"^line (?P<number>\d+)(: (?=/))?(?P<rest>.*)", re.DOTALL)

Jobs = Iterable[JobRequest | Mapping[str, Scalar]]
"""Jobs to submit: whole requests, or only the parameters of each. A generator is read once."""
Model = TypeVar("Model", bound=BaseModel)


def batch_header(
    app: Ref,
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
    table: Ref | None = None,
    columns: Mapping[str, str] | None = None,
    constants: Mapping[str, Scalar] | None = None,
    where: Mapping[str, Scalar | None] | None = None,
    job_name: str | None = None,
) -> BatchHeader:
    """What the jobs of a batch share; the fields are those of `BatchHeader`."""
    fields = {
        "app": name_of("app", app),
        "version": version,
        "project": None if project is None else name_of("project", project),
        "pool": pool,
        "name": name,
        "resources": resources,
        "limits": limits,
        "outputs_to": outputs_to,
        "priority": priority,
        "private": private,
        "table": None if table is None else name_of("table", table),
        "columns": columns,
        "constants": constants,
        "where": where,
        "job_name": job_name,
    }
    return checked(BatchHeader, {key: value for key, value in fields.items() if value is not None})


async def submit(
    http: Transport, header: BatchHeader, jobs: Jobs, *, key: str | None = None
) -> BatchReceipt:
    """Store a batch.

    Args:
        http: the transport.
        header: what the jobs share.
        jobs: the jobs, in order.
        key: Idempotency-Key; null makes one, which covers the retries of this call. Give your
            own to make a whole program repeatable.

    Raises:
        InvalidInput: `errors` names each bad field of each job.
    """
    return await _post(http, header, jobs, BatchReceipt, dry_run=False, key=key)


async def dry_run(http: Transport, header: BatchHeader, jobs: Jobs) -> DryRun:
    """Check a batch and say what would become of it; nothing is stored."""
    return await _post(http, header, jobs, DryRun, dry_run=True, key=None)


async def _post(
    http: Transport,
    header: BatchHeader,
    jobs: Jobs,
    answer: type[Model],
    *,
    dry_run: bool,
    key: str | None,
) -> Model:
    query = {"dry_run": True} if dry_run else None
    if isinstance(jobs, Sequence) and len(jobs) <= JSON_JOBS_MAX:
        body = _json_body(header, jobs)
        if len(body) <= JSON_BODY_BYTES:
            return await http.call("POST", "/v1/batches", answer, body=body, query=query, key=key)
    lines = Lines(_lines(header, jobs))
    try:
        return await http.call("POST", "/v1/batches", answer, body=lines, query=query, key=key)
    except InvalidInput as error:
        if lines.failure is not None:  # the source's own words, not the broker's
            raise
        raise by_job(error) from error
    finally:
        await asyncio.to_thread(lines.close)


def _json_body(header: BatchHeader, jobs: Sequence[JobRequest | Mapping[str, Scalar]]) -> bytes:
    head = header.model_dump_json(exclude_unset=True).encode()
    if header.table is not None:
        return head
    items = b",".join(_encoded(f"/jobs/{n}", job) for n, job in enumerate(jobs))
    return head.removesuffix(b"}") + b',"jobs":[' + items + b"]}"


def by_job(error: InvalidInput) -> InvalidInput:
    """An error that names lines of a stream, which nobody but this module saw, by jobs instead.

    So a bad job has the same name however the jobs travelled: "/jobs/3/parameters/seed".
    """

    def place(line: re.Match[str]) -> str:
        job = int(line["number"]) - FIRST_JOB_LINE
        return f"/jobs/{job}{line['rest']}" if job >= 0 else line["rest"]

    fields = [FieldError(LINE.sub(place, each.pointer), each.detail) for each in error.errors]
    message = LINE.sub(place, error.message)
    return type(error)(message, ids=error.ids, errors=fields)


def _encoded(pointer: str, job: JobRequest | Mapping[str, Scalar]) -> bytes:
    if not isinstance(job, JobRequest):
        job = checked(JobRequest, {"parameters": dict(job)}, pointer)
    return job.model_dump_json(exclude_unset=True).encode()


def checked(model: type[Model], value: object, pointer: str = "") -> Model:
    """A validated message; raises InvalidInput with a pointer to each bad field."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        fields = [
            FieldError(pointer + "".join(f"/{part}" for part in e["loc"]), detail_of(e))
            for e in error.errors()
        ]
        raise InvalidInput(
            f"{len(fields)} bad field{'s' if len(fields) > 1 else ''}", errors=fields
        ) from error


class Lines:
    """An NDJSON body that can be sent again although its source can be read only once.

    What was taken from the source is kept in a temporary file until the call ends; a retry reads
    that first and then goes on with the source. The source is read beside the event loop, so it
    may take its time.
    """

    content_type = "application/x-ndjson"

    def __init__(self, lines: Iterator[bytes]) -> None:
        self.failure: BaseException | None = None
        self._lines = lines
        self._spool = tempfile.SpooledTemporaryFile(SPOOL_MEMORY_BYTES)  # noqa: SIM115
        self._size = 0
        self._lock = threading.Lock()  # the thread of an aborted attempt may still be reading

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body from its first byte."""
        offset = 0
        while chunk := await asyncio.to_thread(self._at, offset):
            yield chunk
            offset += len(chunk)

    def _at(self, offset: int) -> bytes:
        with self._lock:
            if self.failure is not None:
                raise self.failure
            if offset == self._size:
                self._take()
            self._spool.seek(offset)
            return self._spool.read(CHUNK_BYTES)

    def _take(self) -> None:
        """Move about one chunk of lines from the source to the file."""
        taken = bytearray()
        try:
            for line in self._lines:
                taken += line
                if len(taken) >= CHUNK_BYTES:
                    break
        except BaseException as error:
            self.failure = error
            raise
        self._spool.seek(self._size)
        self._spool.write(taken)
        self._size += len(taken)

    def close(self) -> None:
        """Remove the temporary file."""
        with self._lock:
            self._spool.close()


def _lines(header: BatchHeader, jobs: Jobs) -> Iterator[bytes]:
    yield header.model_dump_json(exclude_unset=True).encode() + b"\n"
    for number, job in enumerate(jobs):
        yield _encoded(f"/jobs/{number}", job) + b"\n"
