"""Batches: listed, shown, cancelled, run again. `submission` takes new ones."""

from aiohttp import web

from broker.api.call import (
    CREATED,
    Call,
    PageQuery,
    answer,
    answer_page,
    answer_stored,
    page_bounds,
)
from broker.api.route import Route
from broker.domain.access import Action
from broker.protocol.base import Count, Page
from broker.protocol.batches import Batch, BatchReceipt, RerunRequest
from broker.protocol.ids import BatchId
from broker.services.jobs import batches
from broker.services.jobs.batches import Lifetime
from broker.services.jobs.reruns import rerun as rerun_batch


class BatchesQuery(PageQuery):
    """The query of the list of batches."""

    state: Lifetime | None = None
    """`open` for batches with jobs to do, `finished` for the others; left out for both."""
    app: str | None = None
    """Only of this app: its handle or id."""
    account: str | None = None
    """Only of this submitter: handle or id."""


async def page(call: Call) -> web.Response:
    query = call.query(BatchesQuery)
    before, limit = page_bounds(query)
    found = await batches.page(
        call.services,
        call.actor,
        state=query.state,
        app=query.app,
        account=query.account,
        before=before,
        rows_max=limit,
    )
    return answer_page(found, limit)


async def show(call: Call) -> web.Response:
    return answer(await batches.show_one(call.services, call.actor, BatchId(call.id("batch"))))


async def cancel(call: Call) -> web.Response:
    services, actor, batch = call.services, call.actor, BatchId(call.id("batch"))

    async def work() -> Count:
        return await batches.cancel(services, actor, batch)

    return await call.repeat(work)


async def unshare(call: Call) -> web.Response:
    batch = BatchId(call.id("batch"))
    return await call.mutate(lambda c: batches.unshare(call.services, c, call.actor, batch))


async def rerun(call: Call) -> web.Response:
    batch = BatchId(call.id("batch"))
    body = await call.body(RerunRequest)
    key = await call.key()
    return answer_stored(await rerun_batch(call.services, call.actor, batch, body.only, key))


ROUTES = [
    Route(
        "GET",
        "/v1/batches",
        page,
        Action.BATCH_LIST,
        "Lists the batches that the caller may see.",
        answer=Page[Batch],
        query=BatchesQuery,
    ),
    Route(
        "GET",
        "/v1/batches/{batch}",
        show,
        Action.BATCH_VIEW,
        "Shows a batch with its jobs counted by state.",
        answer=Batch,
    ),
    Route(
        "POST",
        "/v1/batches/{batch}:cancel",
        cancel,
        Action.BATCH_TERMINATE,
        "Cancels the jobs of a batch that have not ended; answers how many those were.",
        answer=Count,
    ),
    Route(
        "POST",
        "/v1/batches/{batch}:unshare",
        unshare,
        Action.BATCH_UNSHARE,
        "Takes a batch out of what its app shares; only the people of its place see it then.",
        answer=Batch,
    ),
    Route(
        "POST",
        "/v1/batches/{batch}:rerun",
        rerun,
        Action.BATCH_RERUN,
        "Submits jobs of a batch again as a new batch of the caller, who needs the right to "
        "submit to the app.",
        body=RerunRequest,
        answer=BatchReceipt,
        status=CREATED,
    ),
]
