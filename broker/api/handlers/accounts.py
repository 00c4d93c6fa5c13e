"""Accounts and their privileges."""

from aiohttp import web

from broker.api.call import CREATED, Call, PageQuery, answer, answer_page, page_bounds
from broker.api.route import Route
from broker.domain.access import Action
from broker.protocol.accounts import (
    Account,
    AccountRequest,
    Me,
    Privileges,
)
from broker.protocol.base import Page
from broker.protocol.departures import Departure
from broker.protocol.ids import HostId
from broker.services.apps import privileges
from broker.services.people import accounts, departures
from broker.services.quotas.me import me as who_am_i
from broker.storage.database import Connection


async def me(call: Call) -> web.Response:
    async with call.services.database.connection() as connection:
        return answer(
            await who_am_i(connection, call.actor, half_life_seconds=call.half_life_seconds)
        )


# -- accounts -------------------------------------------------------------------------------


async def create(call: Call) -> web.Response:
    body = await call.body(AccountRequest)
    return await call.mutate(lambda c: accounts.create(c, call.actor, body), CREATED)


async def page(call: Call) -> web.Response:
    before, limit = page_bounds(call.query(PageQuery))
    async with call.services.database.connection() as connection:
        found = await accounts.page(connection, call.actor, before=before, rows_max=limit)
    return answer_page(found, limit)


async def show(call: Call) -> web.Response:
    async with call.services.database.connection() as connection:
        return answer(await accounts.show_one(connection, call.actor, call.path("account")))


async def suspend(call: Call) -> web.Response:
    return await call.mutate(lambda c: accounts.suspend(c, call.actor, call.path("account")))


async def resume(call: Call) -> web.Response:
    return await call.mutate(lambda c: accounts.resume(c, call.actor, call.path("account")))


async def preview_deletion(call: Call) -> web.Response:
    async with call.services.database.connection() as connection:
        return answer(await departures.preview(connection, call.actor, call.path("account")))


async def delete(call: Call) -> web.Response:
    told: set[HostId] = set()

    async def use_case(connection: Connection) -> Departure:
        done, hosts = await departures.delete(connection, call.actor, call.path("account"))
        told.update(hosts)
        return done

    response = await call.mutate(use_case)
    call.services.waiting.wake(told)
    return response


# -- privileges -----------------------------------------------------------------------------


async def show_privileges(call: Call) -> web.Response:
    async with call.services.database.connection() as connection:
        return answer(await privileges.view(connection, call.actor, call.path("account")))


async def grant(call: Call) -> web.Response:
    body = await call.body(Privileges)
    account = call.path("account")
    return await call.mutate(lambda c: privileges.grant(c, call.actor, account, body))


A = Action
ONE = "/v1/accounts/{account}"
ROUTES = [
    Route("GET", "/v1/me", me, A.ACCOUNT_VIEW, "Shows who the caller is.", answer=Me),
    Route(
        "POST",
        "/v1/accounts",
        create,
        A.ACCOUNT_CREATE,
        "Creates an account.",
        body=AccountRequest,
        answer=Account,
        status=CREATED,
    ),
    Route(
        "GET",
        "/v1/accounts",
        page,
        A.ACCOUNT_LIST,
        "Lists accounts, newest first.",
        query=PageQuery,
        answer=Page[Account],
    ),
    # before the next one, which would take `ann:impact` for a handle
    Route(
        "GET",
        f"{ONE}:impact",
        preview_deletion,
        A.ACCOUNT_ADMINISTER,
        "Says what deleting an account would do; nothing is changed.",
        answer=Departure,
    ),
    Route("GET", ONE, show, A.ACCOUNT_VIEW, "Shows an account.", answer=Account),
    Route(
        "POST",
        f"{ONE}:suspend",
        suspend,
        A.ACCOUNT_ADMINISTER,
        "Stops an account's tokens; its queued jobs wait.",
        answer=Account,
    ),
    Route(
        "POST",
        f"{ONE}:resume",
        resume,
        A.ACCOUNT_ADMINISTER,
        "Undoes a suspension.",
        answer=Account,
    ),
    Route(
        "DELETE",
        ONE,
        delete,
        A.ACCOUNT_ADMINISTER,
        "Deletes an account: revokes its tokens, ends its jobs and removes what is strictly "
        "personal; the rest and its history stay. Tells what was done.",
        answer=Departure,
    ),
    Route(
        "GET",
        f"{ONE}/privileges",
        show_privileges,
        A.PRIVILEGES_VIEW,
        "Shows the global privileges of an account.",
        answer=Privileges,
    ),
    Route(
        "PUT",
        f"{ONE}/privileges",
        grant,
        A.PRIVILEGES_GRANT,
        "Replaces the global privileges of an account.",
        body=Privileges,
        answer=Privileges,
    ),
]
