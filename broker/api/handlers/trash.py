"""The trash: what is put there, taken out again, or removed for good."""

from aiohttp import web

from broker.api.call import NO_CONTENT, Call, PageQuery, answer_page, page_bounds
from broker.api.route import Route
from broker.domain.access import Action
from broker.protocol.base import Page
from broker.protocol.nodes import Node
from broker.services.projects import trash


class TrashQuery(PageQuery):
    """The query of the trash."""

    project: str | None = None
    """Only of this project or workspace: handle or id."""


async def page(call: Call) -> web.Response:
    query = call.query(TrashQuery)
    before, limit = page_bounds(query)
    async with call.services.database.connection() as connection:
        found = await trash.page(
            connection, call.actor, project=query.project, before=before, rows_max=limit
        )
    return answer_page(found, limit)


async def put(call: Call) -> web.Response:
    return await call.mutate(lambda c: trash.put(c, call.actor, call.path("node")))


async def take(call: Call) -> web.Response:
    return await call.mutate(lambda c: trash.take(c, call.actor, call.path("node")))


async def purge(call: Call) -> web.Response:
    return await call.mutate(lambda c: trash.purge(c, call.actor, call.path("node")))


A = Action
ONE = "/v1/nodes/{node}"
ROUTES = [
    Route(
        "GET",
        "/v1/trash",
        page,
        A.TRASH_LIST,
        "Lists what was put into the trash and the caller may remove for good, newest first.",
        query=TrashQuery,
        answer=Page[Node],
    ),
    Route(
        "POST",
        f"{ONE}:trash",
        put,
        A.NODE_DELETE,
        "Puts a node, with everything below it, into the trash: nobody sees it there.",
        answer=Node,
    ),
    Route(
        "POST",
        f"{ONE}:untrash",
        take,
        A.NODE_DELETE,
        "Takes a node, with everything that went there with it, out of the trash.",
        answer=Node,
    ),
    Route(
        "POST",
        f"{ONE}:purge",
        purge,
        A.PURGE,
        "Removes what lies in the trash, with everything below it, for good.",
        status=NO_CONTENT,
    ),
]
