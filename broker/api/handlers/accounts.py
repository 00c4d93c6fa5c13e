"""Accounts and their privileges."""

from aiohttp import web

from broker.api.call import Call, answer
from broker.api.plain import Plain, acting, creating, paging, showing, writing
from broker.api.route import Route
from broker.domain.access import Action
from broker.protocol.accounts import Account, AccountRequest, Me, Privileges
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


async def delete(call: Call) -> web.Response:
    told: set[HostId] = set()

    async def use_case(connection: Connection) -> Departure:
        done, hosts = await departures.delete(connection, call.actor, call.path("account"))
        told.update(hosts)
        return done

    response = await call.mutate(use_case)
    call.services.waiting.wake(told)
    return response


A = Action
ONE = "/v1/accounts/{account}"
plain = Plain(__name__)
ROUTES = [
    Route("GET", "/v1/me", me, A.ACCOUNT_VIEW, "Shows who the caller is.", answer=Me),
    plain.route(
        "POST",
        "/v1/accounts",
        creating(accounts.create, AccountRequest, Account),
        A.ACCOUNT_CREATE,
        "Creates an account.",
    ),
    plain.route(
        "GET",
        "/v1/accounts",
        paging(accounts.page, Page[Account]),
        A.ACCOUNT_LIST,
        "Lists accounts, newest first.",
    ),
    # before the next one, which would take `ann:impact` for a handle
    plain.route(
        "GET",
        f"{ONE}:impact",
        showing(departures.preview, Departure),
        A.ACCOUNT_ADMINISTER,
        "Says what deleting an account would do; nothing is changed.",
        name="preview_deletion",
    ),
    plain.route(
        "GET", ONE, showing(accounts.show_one, Account), A.ACCOUNT_VIEW, "Shows an account."
    ),
    plain.route(
        "POST",
        f"{ONE}:suspend",
        acting(accounts.suspend, Account),
        A.ACCOUNT_ADMINISTER,
        "Stops an account's tokens; its queued jobs wait.",
    ),
    plain.route(
        "POST",
        f"{ONE}:resume",
        acting(accounts.resume, Account),
        A.ACCOUNT_ADMINISTER,
        "Undoes a suspension.",
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
    plain.route(
        "GET",
        f"{ONE}/privileges",
        showing(privileges.view, Privileges),
        A.PRIVILEGES_VIEW,
        "Shows the global privileges of an account.",
        name="show_privileges",
    ),
    plain.route(
        "PUT",
        f"{ONE}/privileges",
        writing(privileges.grant, Privileges, Privileges),
        A.PRIVILEGES_GRANT,
        "Replaces the global privileges of an account.",
    ),
]
