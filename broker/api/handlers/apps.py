"""Apps, their history, and who holds which privileges on them. `versions` has their versions."""

from aiohttp import web

from broker.api.call import (
    CREATED,
    NO_CONTENT,
    Call,
    PageQuery,
    answer,
    answer_page,
    page_bounds,
    tagged,
)
from broker.api.route import Route
from broker.domain.access import Action
from broker.protocol.accounts import AppGrant, AppPrivileges
from broker.protocol.apps import App, AppChange, AppRequest, Edit
from broker.protocol.base import Page
from broker.services.apps import apps, privileges
from broker.storage.database import Connection

# -- apps -----------------------------------------------------------------------------------


class AppsQuery(PageQuery):
    """The query of the list of apps."""

    project: str | None = None
    """Only those that lie in this project or workspace: handle or id."""


async def create(call: Call) -> web.Response:
    body, in_projects = await call.body(AppRequest), call.services.settings.project_apps
    return await call.mutate(
        lambda c: apps.create(c, call.actor, body, in_projects=in_projects), CREATED
    )


async def page(call: Call) -> web.Response:
    query = call.query(AppsQuery)
    before, limit = page_bounds(query)
    async with call.services.database.connection() as connection:
        found = await apps.page(
            connection, call.actor, project=query.project, before=before, rows_max=limit
        )
    return answer_page(found, limit)


async def show(call: Call) -> web.Response:
    async with call.services.database.connection() as connection:
        app = await apps.authorised(connection, call.actor, call.path("app"))
    return answer(app, headers={"ETag": apps.etag(app)})


async def change(call: Call) -> web.Response:
    body, app, tags = await call.body(AppChange), call.path("app"), call.if_match
    response = await call.mutate(lambda c: apps.change(c, call.actor, app, body, if_match=tags))
    return tagged(response, App, apps.etag)


async def deprecate(call: Call) -> web.Response:
    return await call.mutate(lambda c: apps.deprecate(c, call.actor, call.path("app")))


async def delete(call: Call) -> web.Response:
    return await call.mutate(lambda c: apps.delete(c, call.actor, call.path("app")))


async def history(call: Call) -> web.Response:
    before, limit = page_bounds(call.query(PageQuery))
    async with call.services.database.connection() as connection:
        found = await apps.history(
            connection, call.actor, call.path("app"), before=before, rows_max=limit
        )
    return answer_page(found, limit)


# -- privileges -----------------------------------------------------------------------------


async def page_of_grants(call: Call) -> web.Response:
    before, limit = page_bounds(call.query(PageQuery))
    async with call.services.database.connection() as connection:
        found = await privileges.page_of_app(
            connection, call.actor, call.path("app"), before=before, rows_max=limit
        )
    return answer_page(found, limit, position="account")


async def grant(call: Call) -> web.Response:
    body = await call.body(AppPrivileges)
    app, account = call.path("app"), call.path("account")
    return await call.mutate(lambda c: privileges.grant_on_app(c, call.actor, app, account, body))


async def revoke(call: Call) -> web.Response:
    app, account = call.path("app"), call.path("account")

    async def use_case(connection: Connection) -> None:
        await privileges.grant_on_app(connection, call.actor, app, account, AppPrivileges())

    return await call.mutate(use_case)


A = Action
ONE = "/v1/apps/{app}"
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
    Route(
        "GET",
        "/v1/apps",
        page,
        A.APP_LIST,
        "Lists apps, newest first.",
        query=AppsQuery,
        answer=Page[App],
    ),
    Route("GET", ONE, show, A.APP_VIEW, "Shows an app.", answer=App, etag=True),
    Route(
        "PATCH",
        ONE,
        change,
        A.APP_EDIT,
        "Changes an app; what was submitted to it keeps its isolation.",
        body=AppChange,
        answer=App,
        etag=True,
    ),
    Route(
        "DELETE",
        ONE,
        delete,
        A.APP_DELETE,
        "Puts an app into the trash: it takes no jobs; what was run with it stays.",
        status=NO_CONTENT,
    ),
    Route(
        "GET",
        f"{ONE}/history",
        history,
        A.APP_EDIT_HISTORY,
        "Lists who changed what of an app and its versions, newest first.",
        query=PageQuery,
        answer=Page[Edit],
    ),
    Route(
        "POST",
        f"{ONE}:deprecate",
        deprecate,
        A.APP_DEPRECATE,
        "Makes an app take no new jobs.",
        answer=App,
    ),
    Route(
        "GET",
        f"{ONE}/privileges",
        page_of_grants,
        A.AUDIT,
        "Lists who holds which privileges on an app.",
        query=PageQuery,
        answer=Page[AppGrant],
    ),
    Route(
        "PUT",
        f"{ONE}/privileges/{{account}}",
        grant,
        A.SHARE,
        "Replaces the privileges of an account on an app; none at all revokes them.",
        body=AppPrivileges,
        answer=AppGrant,
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
