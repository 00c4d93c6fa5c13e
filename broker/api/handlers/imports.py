"""Imports: data of data roots as files of projects."""

from aiohttp import web

from broker.api.call import CREATED, NO_CONTENT, Call, PageQuery, answer_page, page_bounds
from broker.api.route import Route
from broker.domain.access import Action
from broker.protocol.base import Page
from broker.protocol.imports import Imported, ImportedFile, ImportRequest
from broker.services.data import imports


async def create(call: Call) -> web.Response:
    body, project = await call.body(ImportRequest), call.path("project")
    return await call.mutate(lambda c: imports.create(c, call.actor, project, body), CREATED)


async def page(call: Call) -> web.Response:
    before, limit = page_bounds(call.query(PageQuery))
    project = call.path("project")
    async with call.services.database.connection() as connection:
        found = await imports.page(connection, call.actor, project, before=before, rows_max=limit)
    return answer_page(found, limit)


async def remove(call: Call) -> web.Response:
    project, file = call.path("project"), call.path("file")
    return await call.mutate(lambda c: imports.remove(c, call.actor, project, file))


A = Action
ALL = "/v1/projects/{project}/imports"
ROUTES = [
    Route(
        "POST",
        ALL,
        create,
        A.DATA_IMPORT,
        "Registers data of a data root as files of a project; all of it or nothing.",
        body=ImportRequest,
        answer=Imported,
        status=CREATED,
    ),
    Route(
        "GET",
        ALL,
        page,
        A.PROJECT_VIEW,
        "Lists the imported files of a project that the caller may view, newest first.",
        query=PageQuery,
        answer=Page[ImportedFile],
    ),
    Route(
        "DELETE",
        f"{ALL}/{{file}}",
        remove,
        A.DATA_DELETE,
        "Takes an imported file from a project; the data itself stays.",
        status=NO_CONTENT,
    ),
]
