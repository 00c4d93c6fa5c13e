"""Projects and workspaces: made, listed, shown, changed."""

from typing import Literal

from aiohttp import web

from broker.api.call import CREATED, Call, PageQuery, answer, answer_page, page_bounds, tagged
from broker.api.route import Route
from broker.domain.access import Action
from broker.protocol.base import Page
from broker.protocol.nodes import Kind
from broker.protocol.projects import Project, ProjectChange, ProjectRequest
from broker.services.projects import projects


class ProjectsQuery(PageQuery):
    """The query of the list of projects."""

    kind: Literal[Kind.PROJECT, Kind.WORKSPACE] | None = None
    """Only projects, or only workspaces; left out for both."""


async def create(call: Call) -> web.Response:
    body = await call.body(ProjectRequest)
    response = await call.mutate(lambda c: projects.create(c, call.actor, body), CREATED)
    return tagged(response, Project, projects.etag)


async def page(call: Call) -> web.Response:
    query = call.query(ProjectsQuery)
    before, limit = page_bounds(query)
    async with call.services.database.connection() as connection:
        found = await projects.page(
            connection, call.actor, kind=query.kind, before=before, rows_max=limit
        )
    return answer_page(found, limit)


async def show(call: Call) -> web.Response:
    async with call.services.database.connection() as connection:
        project = await projects.show(connection, call.actor, call.path("project"))
    return answer(project, headers={"ETag": projects.etag(project)})


async def change(call: Call) -> web.Response:
    body, project, if_match = await call.body(ProjectChange), call.path("project"), call.if_match
    response = await call.mutate(
        lambda c: projects.change(c, call.actor, project, body, if_match=if_match)
    )
    return tagged(response, Project, projects.etag)


A = Action
ALL, ONE = "/v1/projects", "/v1/projects/{project}"
ROUTES = [
    Route(
        "POST",
        ALL,
        create,
        A.PROJECT_CREATE,
        "Creates a project, of which the caller becomes an owner.",
        body=ProjectRequest,
        answer=Project,
        status=CREATED,
        etag=True,
    ),
    Route(
        "GET",
        ALL,
        page,
        A.PROJECT_VIEW,
        "Lists the projects and workspaces that the caller may see, newest first.",
        query=ProjectsQuery,
        answer=Page[Project],
    ),
    Route("GET", ONE, show, A.PROJECT_VIEW, "Shows a project.", answer=Project, etag=True),
    Route(
        "PATCH",
        ONE,
        change,
        A.NODE_EDIT,
        "Changes the name, title or description of a project.",
        body=ProjectChange,
        answer=Project,
        etag=True,
    ),
]
