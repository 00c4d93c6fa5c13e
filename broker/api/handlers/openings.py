"""Break-glass access to strictly personal batches."""

from aiohttp import web

from broker.api.call import CREATED, Call, PageQuery, answer_page, page_bounds
from broker.api.route import Route
from broker.domain.access import Action
from broker.protocol.base import Page
from broker.protocol.ids import BatchId
from broker.protocol.openings import Opening, OpeningRequest
from broker.services.jobs import openings


async def create(call: Call) -> web.Response:
    body, batch = await call.body(OpeningRequest), BatchId(call.id("batch"))
    return await call.mutate(lambda c: openings.create(c, call.actor, batch, body), CREATED)


async def page(call: Call) -> web.Response:
    before, limit = page_bounds(call.query(PageQuery))
    batch = BatchId(call.id("batch"))
    async with call.services.database.connection() as connection:
        found = await openings.page(connection, call.actor, batch, before=before, rows_max=limit)
    return answer_page(found, limit, "number")


ROUTES = [
    Route(
        "POST",
        "/v1/batches/{batch}:break-glass",
        create,
        Action.BATCH_BREAK_GLASS,
        "Lets a manager read a strictly personal batch for a while; the owner is told.",
        body=OpeningRequest,
        answer=Opening,
        status=CREATED,
    ),
    Route(
        "GET",
        "/v1/batches/{batch}/openings",
        page,
        Action.BATCH_VIEW,
        "Lists who opened a strictly personal batch and why, newest first.",
        query=PageQuery,
        answer=Page[Opening],
    ),
]
