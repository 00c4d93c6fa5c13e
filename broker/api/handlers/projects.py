"""Projects and workspaces: made, listed, shown, changed."""

from functools import partial
from typing import Literal

from broker.api.call import PageQuery
from broker.api.plain import Plain, changing, creating, searching, showing
from broker.domain.access import Action
from broker.protocol.base import Page
from broker.protocol.nodes import Kind
from broker.protocol.projects import Project, ProjectChange, ProjectRequest
from broker.services.projects import projects


class ProjectsQuery(PageQuery):
    """The query of the list of projects."""

    kind: Literal[Kind.PROJECT, Kind.WORKSPACE] | None = None
    """Only projects, or only workspaces; left out for both."""


A = Action
ALL, ONE = "/v1/projects", "/v1/projects/{project}"
plain = Plain(__name__)
ROUTES = [
    plain.route(
        "POST",
        ALL,
        creating(projects.create, ProjectRequest, Project, projects.etag),
        A.PROJECT_CREATE,
        "Creates a project, of which the caller becomes an owner.",
    ),
    plain.route(
        "GET",
        ALL,
        searching(
            lambda query: partial(projects.page, kind=query.kind), ProjectsQuery, Page[Project]
        ),
        A.PROJECT_VIEW,
        "Lists the projects and workspaces that the caller may see, newest first.",
    ),
    plain.route(
        "GET",
        ONE,
        showing(projects.show, Project, projects.etag),
        A.PROJECT_VIEW,
        "Shows a project.",
    ),
    plain.route(
        "PATCH",
        ONE,
        changing(projects.change, ProjectChange, Project, projects.etag),
        A.NODE_EDIT,
        "Changes the name, title or description of a project.",
    ),
]
