"""Execution accounts of accounts and teams."""

from aiohttp import web

from broker.api.call import NO_CONTENT, Call, answer
from broker.api.route import Route
from broker.domain.access import Action
from broker.protocol.unix_accounts import UnixAccount, UnixIdentity, UnixRequest
from broker.services.people import unix_accounts


async def show_of_account(call: Call) -> web.Response:
    async with call.services.database.connection() as connection:
        return answer(await unix_accounts.of_account(connection, call.actor, call.path("account")))


async def show_of_team(call: Call) -> web.Response:
    async with call.services.database.connection() as connection:
        return answer(await unix_accounts.of_team(connection, call.actor, call.path("team")))


async def put_on_account(call: Call) -> web.Response:
    body, account = await call.body(UnixRequest), call.path("account")
    return await call.mutate(lambda c: unix_accounts.put_on_account(c, call.actor, account, body))


async def put_on_team(call: Call) -> web.Response:
    body, team = await call.body(UnixRequest), call.path("team")
    return await call.mutate(lambda c: unix_accounts.put_on_team(c, call.actor, team, body))


async def remove_from_account(call: Call) -> web.Response:
    account = call.path("account")
    return await call.mutate(lambda c: unix_accounts.remove_from_account(c, call.actor, account))


async def remove_from_team(call: Call) -> web.Response:
    team = call.path("team")
    return await call.mutate(lambda c: unix_accounts.remove_from_team(c, call.actor, team))


A = Action
OF_ACCOUNT, OF_TEAM = "/v1/accounts/{account}/unix", "/v1/teams/{team}/unix"
ROUTES = [
    Route(
        "GET",
        OF_ACCOUNT,
        show_of_account,
        A.PRIVILEGES_VIEW,
        "Shows as which uid and gid the jobs of an account run on hosts.",
        answer=UnixAccount,
    ),
    Route(
        "PUT",
        OF_ACCOUNT,
        put_on_account,
        A.ACCOUNT_ADMINISTER,
        "Sets the uid and gid of an account's jobs.",
        body=UnixRequest,
        answer=UnixIdentity,
    ),
    Route(
        "DELETE",
        OF_ACCOUNT,
        remove_from_account,
        A.ACCOUNT_ADMINISTER,
        "Takes the uid and gid of an account's jobs away.",
        status=NO_CONTENT,
    ),
    Route(
        "GET",
        OF_TEAM,
        show_of_team,
        A.TEAM_VIEW,
        "Shows the uid and gid that are set for a team.",
        answer=UnixAccount,
    ),
    Route(
        "PUT",
        OF_TEAM,
        put_on_team,
        A.TEAM_EDIT,
        "Sets the uid and gid of the jobs of a team's members.",
        body=UnixRequest,
        answer=UnixIdentity,
    ),
    Route(
        "DELETE",
        OF_TEAM,
        remove_from_team,
        A.TEAM_EDIT,
        "Takes the uid and gid of a team's members' jobs away.",
        status=NO_CONTENT,
    ),
]
