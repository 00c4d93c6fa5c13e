"""A submission whose header was authorised and resolved, and the rows that it is stored as."""

from collections.abc import Sequence
from dataclasses import dataclass

from broker.errors import LimitExceeded
from broker.protocol.batches import BatchHeader, BatchReceipt
from broker.protocol.ids import AccountId, BatchId, JobId, LaneId, show
from broker.services.catalogue import Runnable
from broker.services.job_requests import JobRow
from broker.storage.batches import JobRecord, NewBatch


@dataclass(frozen=True, slots=True)
class Prepared:
    """A submission whose header was authorised and resolved."""

    account_id: AccountId
    header: BatchHeader
    runnable: Runnable
    lane_id: LaneId


def receipt(first: JobId, jobs: int) -> bytes:
    """The answer to a submission whose first job is `first`."""
    answer = BatchReceipt(id=BatchId(first), jobs=jobs, first_job=show("job", first))
    return answer.model_dump_json().encode()


def over_limit(jobs: int, room: int, limit: int) -> LimitExceeded:
    """The refusal of a submission for which the account has no room."""
    return LimitExceeded(
        f"{jobs} jobs do not fit: {max(0, room)} more may be in progress of {limit} "
        "(jobs_in_progress_max); nothing was stored"
    )


def batch_row(first: JobId, prepared: Prepared, jobs: int) -> NewBatch:
    """The batch of a submission whose first job is `first`."""
    return NewBatch(
        BatchId(first),
        prepared.account_id,
        prepared.lane_id,
        prepared.runnable.app_id,
        prepared.header.priority,
        prepared.header.name,
        jobs,
    )


def job_records(
    batch: int, first: int, prepared: Prepared, jobs: Sequence[JobRow]
) -> list[JobRecord]:
    """The jobs of a batch from the id `first` on."""
    lane, priority = int(prepared.lane_id), prepared.header.priority
    return [
        (first + offset, batch, lane, priority, name, parameters, inputs)
        for offset, (name, parameters, inputs) in enumerate(jobs)
    ]
