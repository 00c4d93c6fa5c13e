"""Tokens of accounts."""

from aiohttp import web

from broker.api.call import CREATED, NO_CONTENT, Call
from broker.api.plain import Plain, creating, paging
from broker.api.route import Route
from broker.domain.access import Action
from broker.protocol.base import Page
from broker.protocol.ids import TokenId
from broker.protocol.tokens import RotationRequest, Token, TokenRequest, TokenSecret
from broker.services.people import tokens


async def rotate(call: Call) -> web.Response:
    body = await call.body(RotationRequest)
    account, token = call.path("account"), TokenId(call.id("token"))
    return await call.mutate(lambda c: tokens.rotate(c, call.actor, account, token, body), CREATED)


async def revoke(call: Call) -> web.Response:
    account, token = call.path("account"), TokenId(call.id("token"))
    return await call.mutate(lambda c: tokens.revoke(c, call.actor, account, token))


ALL = "/v1/accounts/{account}/tokens"
ONE = f"{ALL}/{{token}}"
plain = Plain(__name__)
ROUTES = [
    plain.route(
        "POST",
        ALL,
        creating(tokens.create, TokenRequest, TokenSecret),
        Action.TOKEN_MANAGE,
        "Makes a token; its secret is shown this once and not kept.",
    ),
    plain.route(
        "GET",
        ALL,
        paging(tokens.page, Page[Token]),
        Action.TOKEN_MANAGE,
        "Lists the tokens of an account, newest first.",
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
