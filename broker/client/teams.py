"""Teams and their members."""

from collections.abc import AsyncGenerator

from broker.client.pages import listing
from broker.client.transport import Ref, Transport, ref
from broker.protocol.base import Page
from broker.protocol.teams import Team, TeamChange, TeamMember, TeamRequest


def _path(team: Ref, rest: str = "") -> str:
    return f"/v1/teams/{ref('team', team)}{rest}"


def _member(team: Ref, account: Ref) -> str:
    return _path(team, f"/accounts/{ref('account', account)}")


async def create_team(http: Transport, request: TeamRequest) -> Team:
    """Create a team without members; raises NameTaken when the handle is in use."""
    return await http.call("POST", "/v1/teams", Team, body=request)


async def list_teams(http: Transport, *, limit: int | None = None) -> AsyncGenerator[Team, None]:
    """The teams, newest first."""
    async for item in listing(http, "/v1/teams", Page[Team], limit=limit):
        yield item


async def get_team(http: Transport, team: Ref) -> Team:
    """One team, by handle or id."""
    return await http.call("GET", _path(team), Team)


async def change_team(http: Transport, team: Ref, request: TeamChange) -> Team:
    """Change the fields of a team that `request` sets, and keep the others."""
    return await http.call("PATCH", _path(team), Team, body=request)


async def delete_team(http: Transport, team: Ref) -> None:
    """Delete a team with all that access lists give it."""
    await http.act("DELETE", _path(team))


async def list_members(
    http: Transport, team: Ref, *, limit: int | None = None
) -> AsyncGenerator[TeamMember, None]:
    """The accounts of a team, newest first."""
    async for item in listing(http, _path(team, "/accounts"), Page[TeamMember], limit=limit):
        yield item


async def add_member(http: Transport, team: Ref, account: Ref) -> TeamMember:
    """Make an account a member of a team; it has what the team has at once."""
    return await http.call("PUT", _member(team, account), TeamMember)


async def remove_member(http: Transport, team: Ref, account: Ref) -> None:
    """Take an account out of a team; what it had by it is gone at once."""
    await http.act("DELETE", _member(team, account))
