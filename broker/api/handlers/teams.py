"""Teams, and who belongs to them."""

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
from broker.protocol.base import Page
from broker.protocol.teams import Team, TeamChange, TeamMember, TeamRequest
from broker.services.people import teams


async def create(call: Call) -> web.Response:
    body = await call.body(TeamRequest)
    response = await call.mutate(lambda c: teams.create(c, call.actor, body), CREATED)
    return tagged(response, Team, teams.etag)


async def page(call: Call) -> web.Response:
    before, limit = page_bounds(call.query(PageQuery))
    async with call.services.database.connection() as connection:
        found = await teams.page(connection, call.actor, before=before, rows_max=limit)
    return answer_page(found, limit)


async def show(call: Call) -> web.Response:
    async with call.services.database.connection() as connection:
        team = await teams.view(connection, call.actor, call.path("team"))
    return answer(team, headers={"ETag": teams.etag(team)})


async def change(call: Call) -> web.Response:
    body, team = await call.body(TeamChange), call.path("team")
    response = await call.mutate(
        lambda c: teams.change(c, call.actor, team, body, if_match=call.if_match)
    )
    return tagged(response, Team, teams.etag)


async def delete(call: Call) -> web.Response:
    return await call.mutate(lambda c: teams.delete(c, call.actor, call.path("team")))


# -- members --------------------------------------------------------------------------------


async def members(call: Call) -> web.Response:
    before, limit = page_bounds(call.query(PageQuery))
    async with call.services.database.connection() as connection:
        found = await teams.members(
            connection, call.actor, call.path("team"), before=before, rows_max=limit
        )
    return answer_page(found, limit, "account")


async def join(call: Call) -> web.Response:
    team, account = call.path("team"), call.path("account")
    return await call.mutate(lambda c: teams.join(c, call.actor, team, account))


async def leave(call: Call) -> web.Response:
    team, account = call.path("team"), call.path("account")
    return await call.mutate(lambda c: teams.leave(c, call.actor, team, account))


A = Action
ALL, ONE = "/v1/teams", "/v1/teams/{team}"
MEMBER = f"{ONE}/accounts/{{account}}"
ROUTES = [
    Route(
        "POST",
        ALL,
        create,
        A.TEAM_EDIT,
        "Creates a team without members.",
        body=TeamRequest,
        answer=Team,
        status=CREATED,
        etag=True,
    ),
    Route(
        "GET",
        ALL,
        page,
        A.TEAM_VIEW,
        "Lists teams, newest first.",
        query=PageQuery,
        answer=Page[Team],
    ),
    Route("GET", ONE, show, A.TEAM_VIEW, "Shows a team.", answer=Team, etag=True),
    Route(
        "PATCH",
        ONE,
        change,
        A.TEAM_EDIT,
        "Renames a team; access lists keep naming it.",
        body=TeamChange,
        answer=Team,
        etag=True,
    ),
    Route(
        "DELETE",
        ONE,
        delete,
        A.TEAM_EDIT,
        "Deletes a team with all that access lists give it.",
        status=NO_CONTENT,
    ),
    Route(
        "GET",
        f"{ONE}/accounts",
        members,
        A.TEAM_VIEW,
        "Lists the accounts of a team, newest first.",
        query=PageQuery,
        answer=Page[TeamMember],
    ),
    Route(
        "PUT",
        MEMBER,
        join,
        A.TEAM_EDIT,
        "Makes an account a member of a team; it has what the team has at once.",
        answer=TeamMember,
    ),
    Route(
        "DELETE",
        MEMBER,
        leave,
        A.TEAM_EDIT,
        "Takes an account out of a team; what it had by it is gone at once.",
        status=NO_CONTENT,
    ),
]
