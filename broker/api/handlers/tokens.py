"""Tokens of accounts."""

from aiohttp import web

from broker.api.call import CREATED, NO_CONTENT, Call, PageQuery, answer_page, page_bounds
from broker.api.route import Route
from broker.domain.access import Action
from broker.protocol.base import Page
from broker.protocol.ids import TokenId
from broker.protocol.tokens import RotationRequest, Token, TokenRequest, TokenSecret
from broker.services.people import tokens


async def create(call: Call) -> web.Response:
    body, account = await call.body(TokenRequest), call.path("account")
    return await call.mutate(lambda c: tokens.create(c, call.actor, account, body), CREATED)


async def page(call: Call) -> web.Response:
    before, limit = page_bounds(call.query(PageQuery))
    async with call.services.database.connection() as connection:
        found = await tokens.page(
            connection, call.actor, call.path("account"), before=before, rows_max=limit
        )
    return answer_page(found, limit)


async def rotate(call: Call) -> web.Response:
    body = await call.body(RotationRequest)
    account, token = call.path("account"), TokenId(call.id("token"))
    return await call.mutate(lambda c: tokens.rotate(c, call.actor, account, token, body), CREATED)


async def revoke(call: Call) -> web.Response:
    account, token = call.path("account"), TokenId(call.id("token"))
    return await call.mutate(lambda c: tokens.revoke(c, call.actor, account, token))


ALL = "/v1/accounts/{account}/tokens"
ONE = f"{ALL}/{{token}}"
ROUTES = [
    Route(
        "POST",
        ALL,
        create,
        Action.TOKEN_MANAGE,
        "Makes a token; its secret is shown this once and not kept.",
        body=TokenRequest,
        answer=TokenSecret,
        status=CREATED,
    ),
    Route(
        "GET",
        ALL,
        page,
        Action.TOKEN_MANAGE,
        "Lists the tokens of an account, newest first.",
        query=PageQuery,
        answer=Page[Token],
    ),
    Route(
        "POST",
        f"{ONE}:rotate",
        rotate,
        Action.TOKEN_MANAGE,
        "Makes a token in the place of another, which ends after an overlap.",
        body=RotationRequest,
        answer=TokenSecret,
        status=CREATED,
    ),
    Route(
        "DELETE",
        ONE,
        revoke,
        Action.TOKEN_MANAGE,
        "Makes a token stop working.",
        status=NO_CONTENT,
    ),
]
