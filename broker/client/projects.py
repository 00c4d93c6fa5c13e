"""Projects and workspaces."""

from collections.abc import AsyncGenerator
from typing import Literal

from broker.client.pages import listing
from broker.client.transport import Ref, Transport, ref
from broker.protocol.base import Page
from broker.protocol.projects import Project, ProjectChange, ProjectRequest


def _path(project: Ref) -> str:
    return f"/v1/projects/{ref('project', project)}"


async def create_project(http: Transport, request: ProjectRequest) -> Project:
    """Create a project of which the caller is an owner; raises NameTaken for a handle in use."""
    return await http.call("POST", "/v1/projects", Project, body=request)


async def list_projects(
    http: Transport,
    *,
    kind: Literal["project", "workspace"] | None = None,
    limit: int | None = None,
) -> AsyncGenerator[Project, None]:
    """The projects and workspaces that the caller may see, newest first."""
    query = {"kind": kind}
    async for item in listing(http, "/v1/projects", Page[Project], limit=limit, query=query):
        yield item


async def get_project(http: Transport, project: Ref) -> Project:
    """One project by handle or id, or a workspace by id."""
    return await http.call("GET", _path(project), Project)


async def change_project(http: Transport, project: Ref, request: ProjectChange) -> Project:
    """Change the fields of a project that `request` sets, and keep the others."""
    return await http.call("PATCH", _path(project), Project, body=request)
