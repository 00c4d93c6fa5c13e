"""Apps, their versions, and who holds which privileges on them."""

from collections.abc import AsyncGenerator

from broker.client.pages import listing
from broker.client.transport import Ref, Transport, name_of, ref
from broker.protocol.accounts import AppGrant, AppPrivileges
from broker.protocol.apps import (
    App,
    AppChange,
    AppRequest,
    DraftChange,
    Edit,
    Version,
    VersionRequest,
)
from broker.protocol.base import Page


def _path(app: Ref, rest: str = "") -> str:
    return f"/v1/apps/{ref('app', app)}{rest}"


async def create_app(http: Transport, request: AppRequest) -> App:
    """Create an app; raises NameTaken when the handle is in use."""
    return await http.call("POST", "/v1/apps", App, body=request)


async def list_apps(
    http: Transport, *, project: Ref | None = None, limit: int | None = None
) -> AsyncGenerator[App, None]:
    """The apps that the caller may see, or those of a project, newest first."""
    query = {"project": None if project is None else name_of("project", project)}
    async for item in listing(http, "/v1/apps", Page[App], limit=limit, query=query):
        yield item


async def get_app(http: Transport, app: Ref) -> App:
    """One app, by handle (`ising`, or `project/ising`) or id."""
    return await http.call("GET", _path(app), App)


async def change_app(http: Transport, app: Ref, request: AppChange) -> App:
    """Change what the request names; what was submitted keeps its isolation."""
    return await http.call("PATCH", _path(app), App, body=request)


async def delete_app(http: Transport, app: Ref) -> None:
    """Put an app into the trash: it takes no jobs; what was run with it stays."""
    await http.act("DELETE", _path(app))


async def list_app_edits(
    http: Transport, app: Ref, *, limit: int | None = None
) -> AsyncGenerator[Edit, None]:
    """Who changed what of an app and its versions, newest first; for those who edit it."""
    async for item in listing(http, _path(app, "/history"), Page[Edit], limit=limit):
        yield item


async def deprecate_app(http: Transport, app: Ref) -> None:
    """Make an app take no new jobs."""
    await http.act("POST", _path(app, ":deprecate"))


async def create_version(http: Transport, app: Ref, request: VersionRequest) -> Version:
    """Add a version to an app, published at once unless `request.publish` is false."""
    return await http.call("POST", _path(app, "/versions"), Version, body=request)


async def list_versions(
    http: Transport, app: Ref, *, limit: int | None = None
) -> AsyncGenerator[Version, None]:
    """The versions of an app, newest first."""
    async for item in listing(http, _path(app, "/versions"), Page[Version], limit=limit):
        yield item


async def get_version(http: Transport, app: Ref, number: int) -> Version:
    """One version of an app, by its number within the app."""
    return await http.call("GET", _path(app, f"/versions/{number}"), Version)


async def change_draft(http: Transport, app: Ref, number: int, request: DraftChange) -> Version:
    """Give a draft that nobody has run another spec."""
    return await http.call("PATCH", _path(app, f"/versions/{number}"), Version, body=request)


async def publish_version(http: Transport, app: Ref, number: int) -> None:
    """Make a draft take jobs; its spec can no longer change."""
    await http.act("POST", _path(app, f"/versions/{number}:publish"))


async def deprecate_version(http: Transport, app: Ref, number: int) -> None:
    """Make a version take no new jobs."""
    await http.act("POST", _path(app, f"/versions/{number}:deprecate"))


async def list_app_privileges(
    http: Transport, app: Ref, *, limit: int | None = None
) -> AsyncGenerator[AppGrant, None]:
    """Who holds which privileges on an app."""
    async for item in listing(http, _path(app, "/privileges"), Page[AppGrant], limit=limit):
        yield item


async def set_app_privileges(
    http: Transport, app: Ref, account: Ref, privileges: AppPrivileges
) -> AppGrant:
    """Replace the privileges of an account on an app."""
    body = privileges.model_dump_json().encode()
    return await http.call(
        "PUT", _path(app, f"/privileges/{ref('account', account)}"), AppGrant, body=body
    )


async def revoke_app_privileges(http: Transport, app: Ref, account: Ref) -> None:
    """Take all privileges of an account on an app away."""
    await http.act("DELETE", _path(app, f"/privileges/{ref('account', account)}"))
