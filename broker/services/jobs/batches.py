"""Batches: listed, shown, cancelled."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Literal

import asyncpg
import orjson

from broker.domain.access import Action
from broker.domain.isolation import stricter
from broker.errors import Unavailable
from broker.protocol.base import Count
from broker.protocol.batches import Batch, JobCounts
from broker.protocol.estimates import Estimate
from broker.protocol.ids import AccountId, AppId, BatchId, HostId, JobId
from broker.protocol.nodes import Isolation, Kind
from broker.protocol.states import ACTIVE_STATES, TERMINAL_STATES
from broker.queues import asks
from broker.services.context import Services
from broker.services.plans import estimates
from broker.services.projects.batch_rights import authorised
from broker.services.requests.actor import Actor
from broker.services.requests.references import absent, find_node, resolve
from broker.storage import accounts, batches
from broker.storage.batches import Scope
from broker.storage.database import Connection

JOBS_PER_CANCEL_MAX = 10_000
PASSES_MAX = 100
PASS_SECONDS = 0.05
CANCEL_SECONDS_MAX = 60.0  # below what clients wait for an answer
Lifetime = Literal["open", "finished"]
# What a batch can be governed by.
GOVERNORS = frozenset({Kind.PROJECT, Kind.WORKSPACE, Kind.FOLDER, Kind.BATCH})


def scope(actor: Actor, app: AppId | None, account: AccountId | None) -> Scope:
    """Which batches a list must walk: what the caller may view, narrowed by the filters."""
    world, who = actor.world, actor.principal
    visible = world.visible(who, Action.BATCH_VIEW)
    nodes = world.inheriting(visible.benefactors, GOVERNORS)
    if not visible.everything:
        apps, shared = world.apps_giving(who, Action.BATCH_VIEW), world.apps_showing(who)
        return Scope(
            viewer=who.account_id,
            nodes=nodes,
            apps=[each for each in apps if app in (None, each)],
            shared_apps=[each for each in shared if app in (None, each)],
        )
    return Scope(
        viewer=who.account_id,
        everything=app is None and account is None,
        nodes=nodes,
        apps=[app] if app is not None and account is None else [],
        accounts=[account] if account is not None else [],
    )


@asynccontextmanager
async def snapshot(services: Services) -> AsyncIterator[Connection]:
    """A connection on which all reads see the same moment, so that counts add up."""
    async with (
        services.database.connection() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        yield connection


def app_id(actor: Actor, reference: str | None) -> AppId | None:
    """The app that a filter names; None for no filter.

    Raises:
        NotFound: there is none that the caller may see.
    """
    if reference is None:
        return None
    node = find_node(actor.world, Kind.APP, reference, "?app")
    if node is None or not actor.could(Action.APP_VIEW, actor.world.node(node)):
        raise absent("app", reference)
    return AppId(node)


async def account_id(connection: Connection, reference: str | None) -> AccountId | None:
    """The account that a filter names; None for no filter.

    Raises:
        NotFound: there is none.
    """
    if reference is None:
        return None
    name, number = resolve("account", reference, "?account")
    found = await accounts.find(connection, name, None if number is None else AccountId(number))
    if found is None:
        raise absent("account", reference)
    return found.id


async def page(
    services: Services,
    actor: Actor,
    *,
    state: Lifetime | None,
    app: str | None,
    account: str | None,
    before: int,
    rows_max: int,
) -> list[Batch]:
    """Batches that the caller may see, newest first.

    Raises:
        NotFound: no such app or account.
    """
    actor.require()
    async with snapshot(services) as connection:
        of_app = app_id(actor, app)
        of_account = await account_id(connection, account)
        found = await batches.visible(
            connection,
            scope(actor, of_app, of_account),
            before=before,
            rows_max=rows_max,
            app=of_app,
            account=of_account,
            having=state or "any",
        )
        rows = await batches.rows(connection, [b for b, _ in found])
        return await _shown(services, connection, rows)


async def show_one(services: Services, actor: Actor, batch: BatchId) -> Batch:
    """A batch with its jobs counted by state.

    Raises:
        NotFound: it does not exist, or is not to be seen.
    """
    async with snapshot(services) as connection:
        row = await authorised(connection, actor, batch)
        return (await _shown(services, connection, [row]))[0]


async def unshare(
    services: Services, connection: Connection, actor: Actor, batch: BatchId
) -> Batch:
    """Takes a batch out of what its app shares; again, or of one never shared, is no error (H8).

    Raises:
        NotFound, Forbidden: as `authorised`.
    """
    row = dict(await authorised(connection, actor, batch))
    await batches.unshare(connection, batch)
    row["isolation"] = stricter(Isolation(row["isolation"]), Isolation.PERSONAL)
    return (await _shown(services, connection, [row]))[0]


async def cancel(services: Services, actor: Actor, batch: BatchId) -> Count:
    """Ends the queued jobs of a batch and has the hosts stop the others.

    Raises:
        NotFound, Forbidden: as `authorised`.
    """
    async with services.database.connection() as connection:
        row = await authorised(connection, actor, batch)
    if row["finished_at"] is not None:
        return Count(count=0)
    return Count(count=await cancel_range(services, batch, batch, batch + row["jobs"] - 1))


async def cancel_range(services: Services, batch: BatchId, first: int, last: int) -> int:
    """Cancels jobs of one batch, so many a transaction that nobody waits long for a lock.

    Returns:
        How many jobs ended or will.

    Raises:
        Unavailable: some jobs were being changed all the time, or it takes too long for one
            request; what has ended stays so, and asking again goes on.
    """
    touched, started = 0, time.monotonic()
    for start in range(first, last + 1, JOBS_PER_CANCEL_MAX):
        if touched and time.monotonic() - started > CANCEL_SECONDS_MAX:
            raise Unavailable(f"{touched} jobs are cancelled, the others not yet; ask again")
        touched += await _cancel_part(
            services, batch, start, min(last, start + JOBS_PER_CANCEL_MAX - 1)
        )
    return touched


async def _cancel_part(services: Services, batch: BatchId, first: int, last: int) -> int:
    touched = 0
    for _ in range(PASSES_MAX):
        async with services.database.connection() as connection:
            jobs, told = await batches.cancel(connection, batch, JobId(first), JobId(last))
            left = await batches.cancellable(connection, first, last)
        touched += jobs
        await _tell(services, told)
        if not left:
            return touched
        await asyncio.sleep(PASS_SECONDS)  # somebody was leasing or settling them
    raise Unavailable("some of the jobs are being changed all the time; ask again")


async def _tell(services: Services, hosts: set[HostId]) -> None:
    """Has the queue and the hosts hear of a cancellation at once."""
    services.submission.nudge()
    services.waiting.wake(hosts)
    try:
        await asks.wake_hosts(services.queues, sorted(hosts))
    except Unavailable:
        return  # hosts learn of it when they renew


async def _shown(
    services: Services, connection: Connection, rows: Sequence[asyncpg.Record | dict[str, Any]]
) -> list[Batch]:
    unfinished = [row for row in rows if row["finished_at"] is None]
    if not unfinished:
        return [batch_of(dict(row), {}) for row in rows]
    sizes = [(row["id"], row["jobs"]) for row in unfinished]
    active = await batches.active_counts(connection, sizes)
    ends = estimates.ends(await services.outlook.board(), map(dict, unfinished))
    return [batch_of(dict(row), active, ends.get(row["id"])) for row in rows]


def batch_of(
    row: Mapping[str, Any],
    active: Mapping[tuple[int, str], int],
    end: Estimate | None = None,
) -> Batch:
    """A batch from its row: what ended is counted there, what runs in `active`, the rest waits.

    Args:
        row: of the block `rows`.
        active: jobs by (batch, state), read at the same moment.
    """
    counts = {state.value: int(row[state]) for state in TERMINAL_STATES}
    ended = sum(counts.values())
    counts |= {state.value: active.get((row["id"], state), 0) for state in ACTIVE_STATES}
    fields = {
        **row,
        "account": row["account_id"],
        "app": row["app_id"],
        "version": row["version_id"],
        "resources": orjson.loads(row["resources"]),
        "limits": orjson.loads(row["limits"]),
        "counts": JobCounts(queued=row["jobs"] - sum(counts.values()), **counts),
        "fraction_done": ended / row["jobs"],
        "end": end,
    }
    return Batch.model_validate(fields)
