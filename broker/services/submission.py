"""Submission: batches and their jobs, durable before the answer.

Small submissions from many callers share one transaction (group commit); a stream of up to a
million jobs has one of its own, is checked and stored chunk by chunk, and is all or nothing.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import orjson
from pydantic import ValidationError

from broker.domain.access import Resource
from broker.domain.matching import suits
from broker.domain.parameters import check_inputs
from broker.errors import (
    BodyTooLarge,
    FairleadError,
    FieldError,
    InvalidInput,
    KeyReused,
    LimitExceeded,
    NotFound,
)
from broker.protocol.batches import BatchHeader, BatchReceipt, DryRun
from broker.protocol.ids import AccountId, BatchId, JobId, LaneId, show
from broker.protocol.limits import JOB_PARAMETERS_BYTES_MAX, JOBS_PER_BATCH_MAX
from broker.protocol.resources import JobLimits, Resources
from broker.services.catalogue import Catalogue, Runnable, require_submittable
from broker.services.group_commit import Group
from broker.services.identity import Actor
from broker.storage import batches, blobs, idempotency, lanes
from broker.storage.batches import JobRecord, NewBatch
from broker.storage.database import Connection, Database

CREATED = 201
JOBS_PER_GROUP_MAX = 5_000
LANES_REMEMBERED_MAX = 100_000

LaneKey = tuple[AccountId, int, str, Resources, JobLimits]
# name, parameters as JSON, inputs as JSON
JobRow = tuple[str | None, str, str | None]


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """A client's key and the digest of the request that it came with."""

    key: str
    request_sha256: bytes


@dataclass(frozen=True, slots=True)
class Prepared:
    """A submission whose header was authorised and resolved."""

    account_id: AccountId
    header: BatchHeader
    runnable: Runnable
    lane_id: LaneId


@dataclass(frozen=True, slots=True)
class Small:
    """A prepared submission with all its jobs in memory."""

    prepared: Prepared
    jobs: Sequence[JobRow]
    key: IdempotencyKey | None


class Body(Protocol):
    """A request body that is read as it comes."""

    async def drain(self) -> None: ...
    def digest(self) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Stored:
    """The answer to a submission, as bytes; `replayed` when it had been given before."""

    status: int
    body: bytes
    replayed: bool = False


def receipt(first: JobId, jobs: int) -> bytes:
    """The answer to a submission whose first job is `first`."""
    answer = BatchReceipt(id=BatchId(first), jobs=jobs, first_job=show("job", first))
    return answer.model_dump_json().encode()


def check_jobs(runnable: Runnable, array: bytes, pointer: Callable[[int], str]) -> list[JobRow]:
    """Validates a JSON array of job requests against a version.

    Args:
        array: the JSON text of the array.
        pointer: gives the place of the k-th job for errors, e.g. "/jobs/3" or "line 5: ".

    Raises:
        InvalidInput: with one entry for each bad field, at most a hundred.
    """
    try:
        jobs = runnable.jobs.validate_json(array)
    except ValidationError as error:
        bad = _fields(error, pointer)
        raise InvalidInput("some jobs are not valid; nothing was stored", errors=bad) from None
    rows: list[JobRow] = []
    problems: list[FieldError] = []
    checks_inputs = bool(runnable.spec.inputs)
    for index, job in enumerate(jobs):
        parameters = job.parameters.model_dump_json()
        if len(parameters) > JOB_PARAMETERS_BYTES_MAX:
            detail = f"more than {JOB_PARAMETERS_BYTES_MAX} bytes"
            problems.append(FieldError(pointer(index) + "/parameters", detail))
        inputs = None
        if checks_inputs or job.inputs:
            files = job.inputs or {}
            problems += [
                FieldError(pointer(index) + bad.pointer, bad.detail)
                for bad in check_inputs(runnable.spec, frozenset(files))
            ]
            given = {name: file.model_dump(exclude_none=True) for name, file in files.items()}
            inputs = orjson.dumps(given).decode()
        rows.append((job.name, parameters, inputs))
    if problems:
        raise InvalidInput("some jobs are not valid; nothing was stored", errors=problems[:100])
    return rows


def _fields(error: ValidationError, pointer: Callable[[int], str]) -> list[FieldError]:
    fields = []
    for bad in error.errors(include_url=False, include_input=False)[:100]:
        where = [str(part) for part in bad["loc"][1:]]
        index = bad["loc"][0] if bad["loc"] else 0
        place = pointer(index) if isinstance(index, int) else ""
        fields.append(FieldError(place + "".join(f"/{part}" for part in where), bad["msg"]))
    return fields


@dataclass(slots=True)
class Submission:
    """Takes submissions.

    Args:
        nudge: called after a commit, so that the feeder need not wait for its clock.
    """

    database: Database
    catalogue: Catalogue
    nudge: Callable[[], None]
    _lanes: dict[LaneKey, LaneId] = field(default_factory=dict)
    _group: Group[Small, Stored] = field(init=False)

    def __post_init__(self) -> None:
        self._group = Group(self._write, weight_max=JOBS_PER_GROUP_MAX)

    async def prepare(self, actor: Actor, header: BatchHeader) -> Prepared:
        """Authorises a submission and finds its lane.

        Raises:
            InvalidInput, Conflict: the app, version or pool cannot take jobs.
            Forbidden: the account may not submit to the app.
        """
        try:
            runnable = await self.catalogue.runnable(header.app, header.version)
        except NotFound as error:
            pointer = "/app" if header.version is None else "/version"
            raise InvalidInput.of(pointer, error.message) from None
        actor.require(Resource(app_id=runnable.app_id), ids=(show("app", runnable.app_id),))
        require_submittable(runnable)
        lane_id = await self._lane(actor.account_id, header, runnable)
        return Prepared(actor.account_id, header, runnable, lane_id)

    async def submit(
        self, prepared: Prepared, jobs: Sequence[JobRow], key: IdempotencyKey | None = None
    ) -> Stored:
        """Stores a submission whose jobs are in memory, together with other callers'.

        Raises:
            LimitExceeded: the account has too many jobs in progress.
            KeyReused: the idempotency key came with another request before.
            InvalidInput: an input refers to content that the account did not upload.
        """
        await self._check_blobs(prepared.account_id, jobs)
        stored = await self._group.add(Small(prepared, jobs, key), weight=len(jobs))
        self.nudge()
        return stored

    async def stream(
        self,
        prepared: Prepared,
        chunks: AsyncIterator[list[JobRow]],
        jobs_estimate: int,
        key: str | None,
        digest: Callable[[], bytes],
    ) -> Stored:
        """Stores a stream of jobs in one transaction; any error leaves nothing behind.

        The next chunk is parsed while PostgreSQL stores the one before.

        Args:
            jobs_estimate: ids to reserve; the unused end is given back.
            key: the client's idempotency key, if any; see `replay_stream`.
            digest: the request's digest, once the stream has ended.

        Raises:
            As `submit`, and whatever the stream raises.
        """
        reserved = min(max(jobs_estimate, 1), JOBS_PER_BATCH_MAX)
        async with self.database.connection() as connection:
            first = await batches.reserve_job_ids(connection, reserved)
            stored = 0
            try:
                async with connection.transaction():
                    jobs = await self._copy_stream(connection, prepared, first, reserved, chunks)
                    answer = receipt(first, jobs)
                    await self._finish_stream(connection, prepared, first, jobs)
                    if key:
                        mine = IdempotencyKey(key, digest())
                        await self._remember(connection, prepared.account_id, mine, answer)
                stored = jobs
            finally:
                if not connection.is_closed():
                    last = first + reserved - 1
                    await batches.return_job_ids(connection, first + stored - 1, last)
        self.nudge()
        return Stored(CREATED, answer)

    async def replay_stream(self, actor: Actor, key: str, body: Body) -> Stored | None:
        """The stored answer to a stream with this key; reads the body to compare it.

        Raises:
            KeyReused: the key came with another body.
        """
        name = (actor.account_id, key)
        async with self.database.connection() as connection:
            stored = (await idempotency.find(connection, [name])).get(name)
        if stored is None:
            return None
        await body.drain()
        answer = replayed(stored, body.digest())
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def dry_run(self, prepared: Prepared, jobs: int) -> DryRun:
        """What the submission would meet; stores nothing."""
        async with self.database.connection() as connection:
            room, limit = await batches.room(connection, prepared.account_id)
            ahead = await lanes.queued(connection, prepared.lane_id)
            hosts = await lanes.hosts_of_lane(connection, prepared.lane_id)
        if jobs > room:
            raise over_limit(jobs, room, limit)
        return DryRun(
            jobs=jobs,
            version_number=prepared.runnable.number,
            jobs_ahead=ahead,
            fitting_hosts=sum(suits(needs, facts) for facts, needs in hosts),
        )

    # -- one group --------------------------------------------------------------------------

    async def _write(self, group: Sequence[Small]) -> Sequence[Stored | Exception]:
        async with self.database.connection() as connection:
            total = sum(len(item.jobs) for item in group)
            first = await batches.reserve_job_ids(connection, total)
            ids, at = [], int(first)
            for item in group:
                ids.append(JobId(at))
                at += len(item.jobs)
            answers: list[Stored | Exception] = [
                Stored(CREATED, receipt(id_, len(item.jobs)))
                for id_, item in zip(ids, group, strict=True)
            ]
            async with connection.transaction():
                await self._settle_keys(connection, group, answers)
                await self._count(connection, group, answers)
                new = [
                    (id_, item)
                    for id_, item, answer in zip(ids, group, answers, strict=True)
                    if isinstance(answer, Stored) and not answer.replayed
                ]
                if new:
                    rows = [_batch(i, s.prepared, len(s.jobs)) for i, s in new]
                    await batches.insert(connection, rows)
                    records = [r for i, s in new for r in _records(i, i, s.prepared, s.jobs)]
                    await batches.copy_jobs(connection, records)
        return answers

    async def _settle_keys(
        self, connection: Connection, group: Sequence[Small], answers: list[Stored | Exception]
    ) -> None:
        """Stores the answers of keyed submissions; those seen before get their stored answer."""
        offered: dict[tuple[AccountId, str], tuple[int, idempotency.Answer]] = {}
        for index, item in enumerate(group):
            if not (key := item.key):
                continue
            name = (item.prepared.account_id, key.key)
            if name in offered:  # the same key twice in one group: the later one comes again
                answers[index] = LimitExceeded(
                    "a request with this Idempotency-Key is under way", retry_after_seconds=1
                )
                continue
            body = receipt_body(answers[index])
            offered[name] = (index, idempotency.Answer(*name, key.request_sha256, CREATED, body))
        if not offered:
            return
        fresh = await idempotency.remember(
            connection, [answer for _, answer in offered.values()], status=CREATED
        )
        used = [name for name in offered if name not in fresh]
        for name, stored in (await idempotency.find(connection, used)).items() if used else ():
            index, mine = offered[name]
            answers[index] = replayed(stored, mine.request_sha256)

    async def _count(
        self, connection: Connection, group: Sequence[Small], answers: list[Stored | Exception]
    ) -> None:
        """Counts the new jobs against each account's limit; who has no room is refused.

        An account's submissions of one group stand or fall together unless they must be told
        apart, which is when the sum does not fit: then they are counted one by one.
        """
        open_ones = [
            index
            for index, answer in enumerate(answers)
            if isinstance(answer, Stored) and not answer.replayed
        ]
        wanted: dict[AccountId, int] = {}
        for index in open_ones:
            account = group[index].prepared.account_id
            wanted[account] = wanted.get(account, 0) + len(group[index].jobs)
        roomy = await batches.open_jobs(connection, wanted) if wanted else set()
        for index in open_ones:
            account, jobs = group[index].prepared.account_id, len(group[index].jobs)
            if account in roomy or await batches.open_jobs(connection, {account: jobs}):
                continue
            room, limit = await batches.room(connection, account)
            answers[index] = over_limit(jobs, room, limit)
            if key := group[index].key:
                await idempotency.forget(connection, account, key.key)

    # -- one stream -------------------------------------------------------------------------

    async def _copy_stream(
        self,
        connection: Connection,
        prepared: Prepared,
        first: JobId,
        reserved: int,
        chunks: AsyncIterator[list[JobRow]],
    ) -> int:
        at = int(first)
        storing: asyncio.Task[None] | None = None
        try:
            async for rows in chunks:
                if at + len(rows) - first > reserved:
                    detail = f"at most {JOBS_PER_BATCH_MAX} jobs in one batch"
                    raise BodyTooLarge(detail, errors=[FieldError("/jobs", detail)])
                await self._check_blobs(prepared.account_id, rows)
                records = _records(first, at, prepared, rows)
                at += len(rows)
                if storing:
                    await storing
                storing = asyncio.create_task(batches.copy_jobs(connection, records))
        except BaseException:
            if storing:
                await asyncio.gather(storing, return_exceptions=True)
            raise
        if storing:
            await storing
        if at == first:
            raise InvalidInput.of("line 2", "the submission has no jobs")
        return at - first

    async def _finish_stream(
        self, connection: Connection, prepared: Prepared, first: JobId, jobs: int
    ) -> None:
        account = prepared.account_id
        if not await batches.open_jobs(connection, {account: jobs}):
            raise over_limit(jobs, *await batches.room(connection, account))
        await batches.insert(connection, [_batch(first, prepared, jobs)])

    async def _remember(
        self, connection: Connection, account: AccountId, key: IdempotencyKey, answer: bytes
    ) -> None:
        mine = idempotency.Answer(account, key.key, key.request_sha256, CREATED, answer)
        if not await idempotency.remember(connection, [mine], status=CREATED):
            raise KeyReused("another request with this Idempotency-Key came first")

    # -- what both need ---------------------------------------------------------------------

    async def _lane(self, account: AccountId, header: BatchHeader, runnable: Runnable) -> LaneId:
        needs = header.resources or runnable.spec.resources
        bounds = header.limits or runnable.spec.limits
        key = (account, int(runnable.version_id), header.pool, needs, bounds)
        if key not in self._lanes:
            if len(self._lanes) >= LANES_REMEMBERED_MAX:
                self._lanes.clear()
            async with self.database.connection() as connection:
                self._lanes[key] = await lanes.ensure(
                    connection, account, runnable.version_id, header.pool, needs, bounds
                )
        return self._lanes[key]

    async def _check_blobs(self, account: AccountId, jobs: Sequence[JobRow]) -> None:
        """Refuses inputs by digest that the account itself has not uploaded."""
        wanted: dict[str, str] = {}
        for index, (_, _, inputs) in enumerate(jobs):
            for name, file in orjson.loads(inputs).items() if inputs else ():
                if digest := file.get("sha256"):
                    wanted.setdefault(digest, f"/jobs/{index}/inputs/{name}/sha256")
        if not wanted:
            return
        async with self.database.connection() as connection:
            owned = await blobs.owned(connection, account, list(wanted))
        missing = [place for digest, place in wanted.items() if digest not in owned]
        if missing:
            detail = "you have not uploaded this content (PUT /v1/blobs/{sha256})"
            raise InvalidInput(detail, errors=[FieldError(m, detail) for m in missing[:100]])


def over_limit(jobs: int, room: int, limit: int) -> LimitExceeded:
    """The refusal of a submission for which the account has no room."""
    return LimitExceeded(
        f"{jobs} jobs do not fit: {max(0, room)} more may be in progress of {limit} "
        "(jobs_in_progress_max); nothing was stored"
    )


def receipt_body(answer: Stored | Exception) -> bytes:
    """The body of an answer that was just made."""
    assert isinstance(answer, Stored)
    return answer.body


def replayed(stored: idempotency.Answer, request_sha256: bytes) -> Stored | FairleadError:
    """The stored answer, or the refusal when the key came with another request."""
    if stored.request_sha256 != request_sha256:
        return KeyReused("this Idempotency-Key was used before with another request")
    return Stored(stored.status, stored.body, replayed=True)


def request_digest(*parts: bytes) -> bytes:
    """The digest by which a repeated request is recognised."""
    whole = hashlib.sha256()
    for part in parts:
        whole.update(len(part).to_bytes(8, "big"))
        whole.update(part)
    return whole.digest()


def _batch(first: JobId, prepared: Prepared, jobs: int) -> NewBatch:
    return NewBatch(
        BatchId(first),
        prepared.account_id,
        prepared.lane_id,
        prepared.runnable.app_id,
        prepared.header.priority,
        prepared.header.name,
        jobs,
    )


def _records(batch: int, first: int, prepared: Prepared, jobs: Sequence[JobRow]) -> list[JobRecord]:
    lane, priority = int(prepared.lane_id), prepared.header.priority
    return [
        (first + offset, batch, lane, priority, name, parameters, inputs)
        for offset, (name, parameters, inputs) in enumerate(jobs)
    ]
