"""Running a batch again: its jobs become a new batch without leaving PostgreSQL."""

from collections.abc import Mapping, Sequence
from typing import Any

from broker.domain.access import Action
from broker.domain.isolation import stricter
from broker.errors import Conflict, KeyReused
from broker.protocol.ids import AccountId, AppId, BatchId, JobId, LaneId, NodeId, VersionId, show
from broker.protocol.nodes import Isolation, Kind, Mode
from broker.protocol.resources import JobLimits, Resources
from broker.services.apps.catalogue import require_submittable
from broker.services.context import Services
from broker.services.projects.batch_rights import authorised
from broker.services.projects.places import place_of
from broker.services.requests.actor import Actor
from broker.services.requests.answers import CREATED, IdempotencyKey, Stored, earlier
from broker.services.submission import admission
from broker.services.submission.admission import Ask, ask
from broker.services.submission.orders import SubmissionOrder
from broker.services.submission.prepared import receipt
from broker.storage import batches, blobs, idempotency, lanes
from broker.storage.batches import NewBatch
from broker.storage.database import Connection

JOBS_PER_STATEMENT_MAX = 50_000
UNSUCCESSFUL = ("failed", "cancelled", "quarantined")


async def rerun(
    services: Services, actor: Actor, batch: BatchId, only: str, key: IdempotencyKey | None
) -> Stored:
    """Submits jobs of a batch again, in the caller's name, as a new batch.

    Args:
        actor: must be allowed to run the batch again, and to submit to its app.
        only: "failed" for those that ended without success, "all" for every job.
        key: None when the client sent none.

    Raises:
        NotFound: the batch does not exist, or is not to be seen.
        Forbidden: the caller may not submit to the app.
        Conflict: the version takes no new jobs, or no job ended without success.
        LimitExceeded: the account has too many jobs in progress.
        KeyReused: the key came with another request before.
    """
    async with services.database.connection() as connection:
        row = dict(await authorised(connection, actor, batch))
        roots = await batches.roots(connection, batch)
    if key and (before := await earlier(services.database, actor.account_id, key)):
        return before
    order = await _order(actor, row, roots)
    app = await services.catalogue.app(AppId(row["app_id"]))
    version = await services.catalogue.version(app, row["version_number"])
    require_submittable(version, order.sees_drafts)
    jobs = row["jobs"] if only == "all" else sum(row[state] for state in UNSUCCESSFUL)
    if not jobs:
        raise Conflict(
            f"no job of {show('batch', batch)} has failed; `only: all` runs every job again",
            ids=(show("batch", batch),),
        )
    row["isolation"] = stricter(Isolation(row["isolation"]), app.isolation)
    answer = await _store(services, order, row, only, jobs, key)
    services.submission.accepted(jobs)
    return Stored(CREATED, answer)


async def _order(
    actor: Actor, row: Mapping[str, Any], roots: Sequence[tuple[NodeId, Mode]]
) -> SubmissionOrder:
    """Where the batch itself lies, if the caller may run there; else in the caller's workspace.

    Whatever the first submission needed is asked for again, in the caller's name.
    """
    submitter, world = actor.to(Action.BATCH_SUBMIT), actor.world
    place = NodeId(row["node_id"])
    if (node := world.nodes[place]).kind is Kind.BATCH:
        place = node.parent_id or place
    if not submitter.could(Action.PROJECT_RUN, world.node(place)):
        place = place_of(world, actor, None)
    order = SubmissionOrder(
        submitter, row["app_name"], AppId(row["app_id"]), None, place, row["pool"]
    )
    for root, mode in roots:
        order.roots.again(root, mode)
    order.require()
    return order


async def _store(
    services: Services,
    order: SubmissionOrder,
    row: Mapping[str, Any],
    only: str,
    jobs: int,
    key: IdempotencyKey | None,
) -> bytes:
    """One transaction; any error leaves nothing behind, except unused ids."""
    account = order.actor.account_id
    new_jobs = _ask(account, jobs, row)
    await admission.would_admit(services.database, new_jobs)
    async with services.database.connection() as connection:
        first = await batches.reserve_job_ids(connection, jobs)
        answer = receipt(first, jobs)
        async with connection.transaction():
            await order.confirm(connection)
            lane = await _lane(connection, account, row)
            await _copy(connection, row, only, jobs, first, lane)
            new = NewBatch(
                BatchId(first),
                account,
                lane,
                order.app_id,
                order.place,
                row["isolation"],
                row["priority"],
                row["name"],
                jobs,
                order.roots.uses(),
            )
            # Last, for it locks the account's row, which every report of its jobs must write.
            await admission.require(connection, new_jobs)
            await batches.insert(connection, [new])
            if key:
                mine = idempotency.Answer(account, key.key, key.request_sha256, CREATED, answer)
                if not await idempotency.remember(connection, [mine], status=CREATED):
                    raise KeyReused("another request with this Idempotency-Key came first")
    return answer


def _ask(account: AccountId, jobs: int, row: Mapping[str, Any]) -> Ask:
    needs = Resources.model_validate_json(row["resources"])
    return ask(account, jobs, needs, JobLimits.model_validate_json(row["limits"]))


async def _lane(connection: Connection, account: AccountId, row: Mapping[str, Any]) -> LaneId:
    """The batch's own lane, or the caller's one of the same shape; then its uploads are shared."""
    if row["account_id"] == account:
        return LaneId(row["lane_id"])
    last = row["id"] + row["jobs"] - 1
    await blobs.share(connection, row["id"], last, row["account_id"], account)
    return await lanes.ensure(
        connection,
        account,
        VersionId(row["version_id"]),
        row["pool"],
        Resources.model_validate_json(row["resources"]),
        JobLimits.model_validate_json(row["limits"]),
    )


async def _copy(
    connection: Connection, row: Mapping[str, Any], only: str, jobs: int, first: JobId, lane: LaneId
) -> None:
    """Inserts the jobs, so many a statement that none meets the time limit of statements."""
    old, last = row["id"], row["id"] + row["jobs"] - 1
    batch = BatchId(first)
    if only == "all":
        for start in range(old, last + 1, JOBS_PER_STATEMENT_MAX):
            end = min(last, start + JOBS_PER_STATEMENT_MAX - 1)
            await batches.copy_range(
                connection, start, end, shift=first - old, batch=batch, lane=lane
            )
        return
    after, copied = old - 1, 0
    while copied < jobs:  # what ended since the batch was read stays out: terminal is final
        count, after = await batches.copy_unsuccessful(
            connection,
            after,
            last,
            rows_max=min(jobs - copied, JOBS_PER_STATEMENT_MAX),
            first_new=first + copied,
            batch=batch,
            lane=lane,
        )
        assert count, "the batch counts more unsuccessful jobs than there are"
        copied += count
