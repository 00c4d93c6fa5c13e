"""Jobs as scientists see them: listed, shown, cancelled."""

from collections.abc import Mapping
from typing import Any

import asyncpg
import orjson

from broker.domain.access import Action
from broker.protocol.base import Count
from broker.protocol.ids import AppId, BatchId, JobId, show
from broker.protocol.jobs import Attempt, Job, JobSummary, Member
from broker.protocol.states import ACTIVE_STATES, TERMINAL_STATES, JobState
from broker.services.context import Services
from broker.services.jobs.batches import app_id, cancel_range, scope
from broker.services.projects.batch_rights import authorised, require
from broker.services.requests.actor import Actor
from broker.storage import batches, gangs, jobs, outputs
from broker.storage.batches import Scope
from broker.storage.database import Connection

BATCHES_PER_STEP = 1_000  # walked at once where not every batch holds a job of the wanted state


async def page(
    services: Services,
    actor: Actor,
    *,
    batch: BatchId | None,
    state: JobState | None,
    app: str | None,
    before: int,
    rows_max: int,
) -> list[JobSummary]:
    """Jobs that the caller may see, newest first.

    Raises:
        NotFound: no such app; or no such batch, or one that is not to be seen.
    """
    actor.require()
    async with services.database.connection() as connection:
        of_app = app_id(actor, app)
        if batch is not None:
            viewer = actor.to(Action.BATCH_VIEW)
            jobs_of_batch = (await authorised(connection, viewer, batch))["jobs"]
        if state in ACTIVE_STATES:
            assert state is not None
            within = scope(actor, of_app, None) if batch is None else Scope(everything=True)
            rows = await jobs.active(
                connection,
                within,
                state,
                before=before,
                rows_max=rows_max,
                app=of_app,
                batch=batch,
            )
        elif batch is not None:
            rows = await jobs.of_batches(
                connection, [(batch, jobs_of_batch)], before=before, state=state, rows_max=rows_max
            )
        else:
            rows = await _walk(connection, actor, of_app, state, before, rows_max)
    return [JobSummary.model_validate(summary(dict(row))) for row in rows]


async def _walk(
    connection: Connection,
    actor: Actor,
    app: AppId | None,
    state: JobState | None,
    before: int,
    rows_max: int,
) -> list[asyncpg.Record]:
    """Goes through the visible batches, newest first, until the page is full.

    A batch chosen by `having` holds at least one job of the state, except the one through which
    the cursor cuts, and except for queued jobs: so mostly one step does.
    """
    within = scope(actor, app, None)
    having = "any" if state is None else str(state) if state in TERMINAL_STATES else "open"
    step = BATCHES_PER_STEP if having == "open" else rows_max + 1
    rows: list[asyncpg.Record] = []
    while len(rows) < rows_max:
        found = await batches.visible(
            connection, within, before=before, rows_max=step, app=app, having=having
        )
        rows += await jobs.of_batches(
            connection, found, before=before, state=state, rows_max=rows_max - len(rows)
        )
        if len(found) < step:
            break
        before = found[-1][0]
    return rows


async def show_one(services: Services, actor: Actor, job: JobId) -> Job:
    """A job, whole.

    Raises:
        NotFound: it does not exist, or is not to be seen.
    """
    async with services.database.connection() as connection:
        row = await authorised_row(connection, actor, job)
        attempts = [attempt_of(dict(each)) for each in await jobs.attempts(connection, job)]
        members = [member_of(each) for each in await gangs.members(connection, job)]
        accepted = await outputs.accepted(connection, job)
    fields = summary(row) | {
        "account": row["account_id"],
        "app": row["app_id"],
        "version_number": row["version_number"],
        "parameters": orjson.loads(row["parameters"]),
        "inputs": orjson.loads(row["inputs"] or "{}"),
        "data": orjson.loads(row["data"] or "[]"),
        "lease_epoch": row["lease_epoch"],
        "attempts": attempts,
        "members": members,
        "outputs": accepted,
    }
    return Job.model_validate(fields)


async def authorised_row(connection: Connection, actor: Actor, job: JobId) -> dict[str, Any]:
    """The row of a job on which the caller may do what the route is for.

    Raises:
        NotFound: it does not exist, or is not to be seen.
        Forbidden: it can be seen, but not that.
    """
    row = await jobs.row(connection, job)
    return dict(await require(connection, actor, row, show("job", job)))


async def authorise(connection: Connection, actor: Actor, job: JobId) -> BatchId:
    """The same where only the batch of the job is needed."""
    found = await batches.of_job(connection, job)
    return BatchId((await require(connection, actor, found, show("job", job)))["id"])


async def cancel(services: Services, actor: Actor, job: JobId) -> Count:
    """Ends a queued job, or has its host stop it; 0 when it had ended.

    Raises:
        NotFound, Forbidden: as `authorised_row`.
    """
    async with services.database.connection() as connection:
        batch = await authorise(connection, actor, job)
    return Count(count=await cancel_range(services, batch, job, job))


def summary(row: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a JobSummary."""
    return {
        "id": row["id"],
        "batch": row["batch_id"],
        "index": row["id"] - row["batch_id"],
        "name": row["name"] or show("job", row["id"]),
        "app_name": row["app_name"],
        "account_name": row["account_name"],
        "state": row["state"],
        "cancelling": row["cancel_requested"] and row["state"] in ACTIVE_STATES,
        "host_name": row["host_name"],
        "exit_code": row["exit_code"],
        "created_at": row["created_at"],
        "started_at": row["leased_at"],
        "finished_at": row["finished_at"],
    }


def attempt_of(row: Mapping[str, Any]) -> Attempt:
    """A closed lease."""
    host = {"host": row["host_id"] if row["host_name"] is not None else None}
    return Attempt.model_validate({**row, **host, "usage": orjson.loads(row["usage"])})


def member_of(row: gangs.Member) -> Member:
    """A host of an attempt."""
    host = {"host": row.host_id if row.host_name is not None else None}
    return Member.model_validate({**row._asdict(), **host})
