"""A submission whose header was authorised and resolved, and the rows that it is stored as."""

from collections.abc import Sequence
from dataclasses import dataclass

from broker.domain.isolation import stamp
from broker.protocol.batches import BatchHeader, BatchReceipt
from broker.protocol.ids import AccountId, BatchId, JobId, LaneId, show
from broker.services.apps.catalogue import Runnable
from broker.services.submission.admission import Ask, ask
from broker.services.submission.job_requests import JobRow
from broker.services.submission.orders import SubmissionOrder
from broker.storage.batches import JobRecord, NewBatch


@dataclass(frozen=True, slots=True)
class Prepared:
    """A submission whose header was authorised and resolved."""

    account_id: AccountId
    header: BatchHeader
    runnable: Runnable
    lane_id: LaneId
    order: SubmissionOrder


def receipt(first: JobId, jobs: int) -> bytes:
    """The answer to a submission whose first job is `first`."""
    answer = BatchReceipt(id=BatchId(first), jobs=jobs, first_job=show("job", first))
    return answer.model_dump_json().encode()


def ask_of(prepared: Prepared, jobs: int) -> Ask:
    """What a submission of so many jobs asks of the limits."""
    header, spec = prepared.header, prepared.runnable.spec
    needs, bounds = header.resources or spec.resources, header.limits or spec.limits
    return ask(prepared.account_id, jobs, needs, bounds)


def batch_row(first: JobId, prepared: Prepared, jobs: int) -> NewBatch:
    """The batch of a submission whose first job is `first`."""
    return NewBatch(
        BatchId(first),
        prepared.account_id,
        prepared.lane_id,
        prepared.runnable.app.id,
        prepared.order.place,
        stamp(prepared.runnable.app.isolation, private=prepared.header.private),
        prepared.header.priority,
        prepared.header.name,
        jobs,
        prepared.order.roots.uses(),
    )


def job_records(
    batch: int, first: int, prepared: Prepared, jobs: Sequence[JobRow]
) -> list[JobRecord]:
    """The jobs of a batch from the id `first` on."""
    lane, priority = int(prepared.lane_id), prepared.header.priority
    return [
        (first + offset, batch, lane, priority, name, parameters, inputs, data)
        for offset, (name, parameters, inputs, data) in enumerate(jobs)
    ]
