"""What a person or a program reads about the API: from the route table, hence always true."""

from functools import cache
from importlib.resources import files

import orjson
from aiohttp import web

from broker.api import pages
from broker.api.call import Call, Open
from broker.api.openapi import document
from broker.api.route import ROUTE_TABLE, Route
from broker.errors import NotFound

HTML = "text/html"


async def openapi(call: Call) -> web.Response:
    body = _openapi_json(call.request.app[ROUTE_TABLE])
    return web.Response(body=body, content_type="application/json")


async def docs(call: Call) -> web.Response:
    return web.Response(text=_docs(call.request.app[ROUTE_TABLE]), content_type=HTML)


async def style(call: Call) -> web.Response:
    return web.Response(text=_style(), content_type="text/css")


async def problem(call: Call) -> web.Response:
    code = call.path("code")
    text = pages.problem_page(code)
    if text is None:
        raise NotFound(f"no problem has the code {code[:80]!r}")
    return web.Response(text=text, content_type=HTML)


@cache
def _openapi_json(routes: tuple[Route, ...]) -> bytes:
    return orjson.dumps(document(routes))


@cache
def _docs(routes: tuple[Route, ...]) -> str:
    return pages.api_page(document(routes))


@cache
def _style() -> str:
    return (files("broker.api") / "static" / "docs.css").read_text()


P = Open.PUBLIC
ROUTES = [
    Route(
        "GET",
        "/openapi.json",
        openapi,
        P,
        "Gives the API as an OpenAPI document.",
        answer="application/json",
    ),
    Route("GET", "/docs", docs, P, "Shows the API as a page.", answer=HTML),
    Route("GET", pages.STYLE_PATH, style, P, "Gives the pages' style sheet.", answer="text/css"),
    Route(
        "GET",
        "/problems/{code}",
        problem,
        P,
        "Explains a problem code.",
        answer=HTML,
    ),
]
