"""Small submissions: those that come at the same time share one transaction (group commit)."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from broker.errors import FairleadError, LimitExceeded
from broker.protocol.ids import AccountId, JobId
from broker.services.apps.catalogue import keep_draft
from broker.services.infrastructure.group_commit import Group
from broker.services.requests.answers import CREATED, IdempotencyKey, Stored, replayed
from broker.services.submission import admission
from broker.services.submission.job_requests import JobRow
from broker.services.submission.prepared import Prepared, ask_of, batch_row, job_records, receipt
from broker.storage import batches, idempotency
from broker.storage.database import Connection, Database

JOBS_PER_GROUP_MAX = 5_000


@dataclass(frozen=True, slots=True)
class Small:
    """A prepared submission with all its jobs in memory."""

    prepared: Prepared
    jobs: Sequence[JobRow]
    key: IdempotencyKey | None


@dataclass(slots=True)
class SmallBatches:
    """Stores submissions that are in memory, durable before the answer."""

    database: Database
    _group: Group[Small, Stored] = field(init=False)

    def __post_init__(self) -> None:
        self._group = Group(self._write, weight_max=JOBS_PER_GROUP_MAX)

    async def store(self, small: Small) -> Stored:
        """Stores a submission together with other callers'.

        Raises:
            LimitExceeded: the account has too many jobs in progress.
            KeyReused: the idempotency key came with another request before.
        """
        return await self._group.add(small, weight=len(small.jobs))

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
                await self._confirm(connection, group, answers)
                await self._settle_keys(connection, group, answers)
                await self._count(connection, group, answers)
                new = [
                    (id_, item)
                    for id_, item, answer in zip(ids, group, answers, strict=True)
                    if isinstance(answer, Stored) and not answer.replayed
                ]
                if new:
                    rows = [batch_row(i, s.prepared, len(s.jobs)) for i, s in new]
                    await batches.insert(connection, rows)
                    records = [r for i, s in new for r in job_records(i, i, s.prepared, s.jobs)]
                    await batches.copy_jobs(connection, records)
        return answers

    async def _confirm(
        self, connection: Connection, group: Sequence[Small], answers: list[Stored | Exception]
    ) -> None:
        """Asks again for the rights that were found before; one query, if nothing has changed."""
        await group[0].prepared.order.actor.access.confirm(connection)
        for index, item in enumerate(group):
            try:
                await item.prepared.order.renew()
                await keep_draft(connection, item.prepared.runnable)
            except FairleadError as error:
                answers[index] = error

    async def _settle_keys(
        self, connection: Connection, group: Sequence[Small], answers: list[Stored | Exception]
    ) -> None:
        """Stores the answers of keyed submissions; those seen before get their stored answer."""
        offered: dict[tuple[AccountId, str], tuple[int, idempotency.Answer]] = {}
        for index, item in enumerate(group):
            if not (key := item.key) or isinstance(answers[index], Exception):
                continue
            name = (item.prepared.account_id, key.key)
            if name in offered:  # the same key twice in one group: the later one comes again
                answers[index] = LimitExceeded(
                    "a request with this Idempotency-Key is under way", retry_after_seconds=1
                )
                continue
            body = _body(answers[index])
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
        """Counts the new jobs against every limit; who has no room is refused."""
        open_ones = [
            index
            for index, answer in enumerate(answers)
            if isinstance(answer, Stored) and not answer.replayed
        ]
        asks = [ask_of(group[index].prepared, len(group[index].jobs)) for index in open_ones]
        refusals = await admission.admit(connection, asks) if asks else []
        for index, refusal in zip(open_ones, refusals, strict=True):
            if not refusal:
                continue
            answers[index] = refusal
            if key := group[index].key:
                await idempotency.forget(connection, group[index].prepared.account_id, key.key)


def _body(answer: Stored | Exception) -> bytes:
    """The body of an answer that was just made."""
    assert isinstance(answer, Stored)
    return answer.body
