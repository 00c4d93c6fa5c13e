"""Teams, and who belongs to them."""

from broker.api.plain import Plain, acting, changing, creating, deleting, paging, showing
from broker.domain.access import Action
from broker.protocol.base import Page
from broker.protocol.teams import Team, TeamChange, TeamMember, TeamRequest
from broker.services.people import teams

A = Action
ALL, ONE = "/v1/teams", "/v1/teams/{team}"
MEMBER = f"{ONE}/accounts/{{account}}"
plain = Plain(__name__)
ROUTES = [
    plain.route(
        "POST",
        ALL,
        creating(teams.create, TeamRequest, Team, teams.etag),
        A.TEAM_EDIT,
        "Creates a team without members.",
    ),
    plain.route(
        "GET", ALL, paging(teams.page, Page[Team]), A.TEAM_VIEW, "Lists teams, newest first."
    ),
    plain.route("GET", ONE, showing(teams.view, Team, teams.etag), A.TEAM_VIEW, "Shows a team."),
    plain.route(
        "PATCH",
        ONE,
        changing(teams.change, TeamChange, Team, teams.etag),
        A.TEAM_EDIT,
        "Renames a team; access lists keep naming it.",
    ),
    plain.route(
        "DELETE",
        ONE,
        deleting(teams.delete),
        A.TEAM_EDIT,
        "Deletes a team with all that access lists give it.",
    ),
    plain.route(
        "GET",
        f"{ONE}/accounts",
        paging(teams.members, Page[TeamMember], "account"),
        A.TEAM_VIEW,
        "Lists the accounts of a team, newest first.",
    ),
    plain.route(
        "PUT",
        MEMBER,
        acting(teams.join, TeamMember),
        A.TEAM_EDIT,
        "Makes an account a member of a team; it has what the team has at once.",
    ),
    plain.route(
        "DELETE",
        MEMBER,
        deleting(teams.leave),
        A.TEAM_EDIT,
        "Takes an account out of a team; what it had by it is gone at once.",
    ),
]
