"""Streamed submissions: up to a million jobs, stored chunk by chunk in one transaction."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Protocol

from broker.errors import BodyTooLarge, FieldError, InvalidInput, KeyReused
from broker.protocol.ids import AccountId, JobId
from broker.protocol.limits import JOBS_PER_BATCH_MAX
from broker.services.apps.catalogue import keep_draft
from broker.services.requests.answers import CREATED, IdempotencyKey, Stored, replayed
from broker.services.submission import admission
from broker.services.submission.job_requests import JobRow, check_blobs
from broker.services.submission.prepared import Prepared, ask_of, batch_row, job_records, receipt
from broker.storage import batches, idempotency
from broker.storage.database import Connection, Database


class Body(Protocol):
    """A request body that is read as it comes."""

    async def drain(self) -> None: ...
    def digest(self) -> bytes: ...


@dataclass(slots=True)
class StreamedBatches:
    """Stores submissions as they arrive; any error leaves nothing behind."""

    database: Database

    async def store(
        self,
        prepared: Prepared,
        chunks: AsyncIterator[list[JobRow]],
        jobs_estimate: int,
        key: str | None,
        digest: Callable[[], bytes],
    ) -> tuple[Stored, int]:
        """Stores a stream of jobs in one transaction; the answer, and how many jobs there were.

        The next chunk is parsed while PostgreSQL stores the one before. Any error leaves nothing
        behind.

        Args:
            jobs_estimate: ids to reserve; the unused end is given back.
            key: the client's idempotency key, if any; see `replay`.
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
                    jobs = await self._copy(connection, prepared, first, reserved, chunks)
                    answer = receipt(first, jobs)
                    await self._finish(connection, prepared, first, jobs)
                    if key:
                        mine = IdempotencyKey(key, digest())
                        await self._remember(connection, prepared.account_id, mine, answer)
                stored = jobs
            finally:
                if not connection.is_closed():
                    last = first + reserved - 1
                    await batches.return_job_ids(connection, first + stored - 1, last)
        return Stored(CREATED, answer), jobs

    async def replay(self, account: AccountId, key: str, body: Body) -> Stored | None:
        """The stored answer to a stream with this key; reads the body to compare it.

        Raises:
            KeyReused: the key came with another body.
        """
        name = (account, key)
        async with self.database.connection() as connection:
            stored = (await idempotency.find(connection, [name])).get(name)
        if stored is None:
            return None
        await body.drain()
        answer = replayed(stored, body.digest())
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def _copy(
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
                await check_blobs(self.database, prepared.account_id, rows)
                records = job_records(first, at, prepared, rows)
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

    async def _finish(
        self, connection: Connection, prepared: Prepared, first: JobId, jobs: int
    ) -> None:
        await prepared.order.confirm(connection)
        await keep_draft(connection, prepared.runnable)
        await admission.require(connection, ask_of(prepared, jobs))
        await batches.insert(connection, [batch_row(first, prepared, jobs)])

    async def _remember(
        self, connection: Connection, account: AccountId, key: IdempotencyKey, answer: bytes
    ) -> None:
        mine = idempotency.Answer(account, key.key, key.request_sha256, CREATED, answer)
        if not await idempotency.remember(connection, [mine], status=CREATED):
            raise KeyReused("another request with this Idempotency-Key came first")
