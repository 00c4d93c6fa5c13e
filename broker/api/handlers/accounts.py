"""Accounts, their tokens, privileges and quota."""

from aiohttp import web

from broker.api.call import CREATED, Call, answer
from broker.api.routes import Route
from broker.domain.access import Action
from broker.protocol.accounts import Account, AccountRequest
from broker.services import accounts


async def create(call: Call) -> web.Response:
    body = await call.body(AccountRequest)
    return await call.mutate(lambda c: accounts.create(c, call.actor, body), CREATED)


async def show(call: Call) -> web.Response:
    async with call.services.database.connection() as connection:
        return answer(await accounts.show(connection, call.actor, call.path("account")))


ROUTES = [
    Route(
        "POST",
        "/v1/accounts",
        create,
        Action.ACCOUNT_CREATE,
        "Creates an account.",
        body=AccountRequest,
        answer=Account,
        status=CREATED,
    ),
    Route(
        "GET",
        "/v1/accounts/{account}",
        show,
        Action.ACCOUNT_VIEW,
        "Shows an account.",
        answer=Account,
    ),
]
