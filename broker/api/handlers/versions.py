"""Versions of apps: drafts that are edited and tried, published ones that never change."""

import orjson
from aiohttp import web

from broker.api.call import Call, answer, tagged
from broker.api.plain import Plain, creating, paging
from broker.api.route import Route
from broker.domain.access import Action
from broker.domain.versions import VersionEvent
from broker.protocol.apps import DraftChange, Version, VersionRequest
from broker.protocol.base import Page
from broker.services.apps import versions

SCHEMA_JSON = "application/schema+json"


async def show(call: Call) -> web.Response:
    app, number = call.path("app"), call.number("number")
    async with call.services.database.connection() as connection:
        version = await versions.show_one(connection, call.actor, app, number)
    return answer(version, headers={"ETag": versions.etag(version)})


async def show_schema(call: Call) -> web.Response:
    app, number = call.path("app"), call.number("number")
    async with call.services.database.connection() as connection:
        schema = await versions.schema(connection, call.actor, app, number)
    return web.Response(body=orjson.dumps(schema), content_type=SCHEMA_JSON)


async def change(call: Call) -> web.Response:
    body, tags = await call.body(DraftChange), call.if_match
    app, number = call.path("app"), call.number("number")
    response = await call.mutate(
        lambda c: versions.change(c, call.actor, app, number, body, if_match=tags)
    )
    return tagged(response, Version, versions.etag)


async def publish(call: Call) -> web.Response:
    return await _move(call, VersionEvent.PUBLISH)


async def deprecate(call: Call) -> web.Response:
    return await _move(call, VersionEvent.DEPRECATE)


async def _move(call: Call, event: VersionEvent) -> web.Response:
    app, number = call.path("app"), call.number("number")
    return await call.mutate(lambda c: versions.move(c, call.actor, app, number, event))


A = Action
ALL = "/v1/apps/{app}/versions"
ONE = f"{ALL}/{{number}}"
plain = Plain(__name__)
ROUTES = [
    plain.route(
        "POST",
        ALL,
        creating(versions.create, VersionRequest, Version),
        A.VERSION_CREATE,
        "Adds a version to an app, published or as a draft.",
    ),
    plain.route(
        "GET",
        ALL,
        paging(versions.page, Page[Version]),
        A.APP_VERSION_HISTORY,
        "Lists the versions of an app, newest first; drafts only for those who edit it.",
    ),
    Route(
        "GET",
        ONE,
        show,
        A.APP_VERSION_HISTORY,
        "Shows a version; a draft only to those who edit the app.",
        answer=Version,
        etag=True,
    ),
    Route(
        "PATCH",
        ONE,
        change,
        A.APP_EDIT,
        "Gives a draft that was not run yet another spec.",
        body=DraftChange,
        answer=Version,
        etag=True,
        conditional=True,
    ),
    Route(
        "GET",
        f"{ONE}/schema",
        show_schema,
        A.APP_VIEW,
        "Gives the JSON Schema of a version's parameters.",
        answer=SCHEMA_JSON,
    ),
    Route(
        "POST",
        f"{ONE}:publish",
        publish,
        A.VERSION_PUBLISH,
        "Makes a draft take jobs; its spec never changes again.",
        answer=Version,
    ),
    Route(
        "POST",
        f"{ONE}:deprecate",
        deprecate,
        A.VERSION_DEPRECATE,
        "Makes a version take no new jobs.",
        answer=Version,
    ),
]
