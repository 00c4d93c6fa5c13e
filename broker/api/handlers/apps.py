"""Apps, their history, and who holds which privileges on them. `versions` has their versions."""

from functools import partial

from aiohttp import web

from broker.api.call import CREATED, NO_CONTENT, Call, PageQuery
from broker.api.plain import Plain, acting, changing, deleting, paging, searching, showing, writing
from broker.api.route import Route
from broker.domain.access import Action
from broker.protocol.accounts import AppGrant, AppPrivileges
from broker.protocol.apps import App, AppChange, AppRequest, Edit
from broker.protocol.base import Page
from broker.services.apps import apps, privileges
from broker.storage.database import Connection


class AppsQuery(PageQuery):
    """The query of the list of apps."""

    project: str | None = None
    """Only those that lie in this project or workspace: handle or id."""


async def create(call: Call) -> web.Response:
    body, in_projects = await call.body(AppRequest), call.services.settings.project_apps
    return await call.mutate(
        lambda c: apps.create(c, call.actor, body, in_projects=in_projects), CREATED
    )


async def revoke(call: Call) -> web.Response:
    app, account = call.path("app"), call.path("account")

    async def use_case(connection: Connection) -> None:
        await privileges.grant_on_app(connection, call.actor, app, account, AppPrivileges())

    return await call.mutate(use_case)


A = Action
ONE = "/v1/apps/{app}"
plain = Plain(__name__)
ROUTES = [
    Route(
        "POST",
        "/v1/apps",
        create,
        A.APP_CREATE,
        "Creates an app, without versions: for everybody, or in a project.",
        body=AppRequest,
        answer=App,
        status=CREATED,
    ),
    plain.route(
        "GET",
        "/v1/apps",
        searching(lambda query: partial(apps.page, project=query.project), AppsQuery, Page[App]),
        A.APP_LIST,
        "Lists apps, newest first.",
    ),
    plain.route("GET", ONE, showing(apps.authorised, App, apps.etag), A.APP_VIEW, "Shows an app."),
    plain.route(
        "PATCH",
        ONE,
        changing(apps.change, AppChange, App, apps.etag),
        A.APP_EDIT,
        "Changes an app; what was submitted to it keeps its isolation.",
    ),
    plain.route(
        "DELETE",
        ONE,
        deleting(apps.delete),
        A.APP_DELETE,
        "Puts an app into the trash: it takes no jobs; what was run with it stays.",
    ),
    plain.route(
        "GET",
        f"{ONE}/history",
        paging(apps.history, Page[Edit]),
        A.APP_EDIT_HISTORY,
        "Lists who changed what of an app and its versions, newest first.",
    ),
    plain.route(
        "POST",
        f"{ONE}:deprecate",
        acting(apps.deprecate, App),
        A.APP_DEPRECATE,
        "Makes an app take no new jobs.",
    ),
    plain.route(
        "GET",
        f"{ONE}/privileges",
        paging(privileges.page_of_app, Page[AppGrant], "account"),
        A.AUDIT,
        "Lists who holds which privileges on an app.",
        name="page_of_grants",
    ),
    plain.route(
        "PUT",
        f"{ONE}/privileges/{{account}}",
        writing(privileges.grant_on_app, AppPrivileges, AppGrant),
        A.SHARE,
        "Replaces the privileges of an account on an app; none at all revokes them.",
        name="grant",
    ),
    Route(
        "DELETE",
        f"{ONE}/privileges/{{account}}",
        revoke,
        A.SHARE,
        "Takes all privileges of an account on an app away.",
        status=NO_CONTENT,
    ),
]
