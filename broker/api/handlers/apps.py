"""Apps, their versions, and who holds which privileges on them."""

import orjson
from aiohttp import web

from broker.api.call import (
    CREATED,
    NO_CONTENT,
    Call,
    PageQuery,
    answer,
    answer_page,
    page_bounds,
)
from broker.api.routes import Route
from broker.domain.access import Action
from broker.domain.versions import VersionEvent
from broker.protocol.accounts import AppGrant, AppPrivileges
from broker.protocol.apps import App, AppRequest, Version, VersionRequest
from broker.protocol.base import Page
from broker.services import apps, privileges
from broker.storage.database import Connection

SCHEMA_JSON = "application/schema+json"

# -- apps -----------------------------------------------------------------------------------


async def create(call: Call) -> web.Response:
    body = await call.body(AppRequest)
    return await call.mutate(lambda c: apps.create(c, call.actor, body), CREATED)


async def page(call: Call) -> web.Response:
    before, limit = page_bounds(call.query(PageQuery))
    async with call.services.database.connection() as connection:
        found = await apps.page(connection, call.actor, before=before, rows_max=limit)
    return answer_page(found, limit)


async def show(call: Call) -> web.Response:
    async with call.services.database.connection() as connection:
        return answer(await apps.authorised(connection, call.actor, call.path("app")))


async def deprecate(call: Call) -> web.Response:
    return await call.mutate(lambda c: apps.deprecate(c, call.actor, call.path("app")))


# -- versions -------------------------------------------------------------------------------


async def create_version(call: Call) -> web.Response:
    body = await call.body(VersionRequest)
    app = call.path("app")
    return await call.mutate(lambda c: apps.create_version(c, call.actor, app, body), CREATED)


async def page_of_versions(call: Call) -> web.Response:
    before, limit = page_bounds(call.query(PageQuery))
    async with call.services.database.connection() as connection:
        found = await apps.page_of_versions(
            connection, call.actor, call.path("app"), before=before, rows_max=limit
        )
    return answer_page(found, limit)


async def show_version(call: Call) -> web.Response:
    app, number = call.path("app"), call.number("number")
    async with call.services.database.connection() as connection:
        return answer(await apps.version(connection, call.actor, app, number))


async def show_schema(call: Call) -> web.Response:
    app, number = call.path("app"), call.number("number")
    async with call.services.database.connection() as connection:
        schema = await apps.schema(connection, call.actor, app, number)
    return web.Response(body=orjson.dumps(schema), content_type=SCHEMA_JSON)


async def publish_version(call: Call) -> web.Response:
    return await _move_version(call, VersionEvent.PUBLISH)


async def deprecate_version(call: Call) -> web.Response:
    return await _move_version(call, VersionEvent.DEPRECATE)


async def _move_version(call: Call, event: VersionEvent) -> web.Response:
    app, number = call.path("app"), call.number("number")
    return await call.mutate(lambda c: apps.move_version(c, call.actor, app, number, event))


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
VERSION = f"{ONE}/versions/{{number}}"
ROUTES = [
    Route(
        "POST",
        "/v1/apps",
        create,
        A.APP_CREATE,
        "Creates an app, without versions.",
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
        query=PageQuery,
        answer=Page[App],
    ),
    Route("GET", ONE, show, A.APP_VIEW, "Shows an app.", answer=App),
    Route(
        "POST",
        f"{ONE}:deprecate",
        deprecate,
        A.APP_DEPRECATE,
        "Makes an app take no new jobs.",
        answer=App,
    ),
    Route(
        "POST",
        f"{ONE}/versions",
        create_version,
        A.VERSION_CREATE,
        "Adds a version to an app, published or as a draft.",
        body=VersionRequest,
        answer=Version,
        status=CREATED,
    ),
    Route(
        "GET",
        f"{ONE}/versions",
        page_of_versions,
        A.APP_VIEW,
        "Lists the versions of an app, newest first; drafts only for its admins.",
        query=PageQuery,
        answer=Page[Version],
    ),
    Route(
        "GET",
        VERSION,
        show_version,
        A.APP_VIEW,
        "Shows a version; a draft only to the app's admins.",
        answer=Version,
    ),
    Route(
        "GET",
        f"{VERSION}/schema",
        show_schema,
        A.APP_VIEW,
        "Gives the JSON Schema of a version's parameters.",
        answer=SCHEMA_JSON,
    ),
    Route(
        "POST",
        f"{VERSION}:publish",
        publish_version,
        A.VERSION_CREATE,
        "Makes a draft take jobs; its spec never changes again.",
        answer=Version,
    ),
    Route(
        "POST",
        f"{VERSION}:deprecate",
        deprecate_version,
        A.VERSION_DEPRECATE,
        "Makes a version take no new jobs.",
        answer=Version,
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
