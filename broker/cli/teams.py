"""Teams: lists of accounts that access lists can name."""

from typing import TYPE_CHECKING, Annotated

import typer

from broker.cli.accounts import resolved
from broker.cli.options import ADMINS, LIMIT_DEFAULT, Limit, OfAccount
from broker.cli.render import Column, print_document, print_done, print_list
from broker.cli.session import Session, command, default

if TYPE_CHECKING:
    from broker.protocol.teams import Team, TeamMember

teams = typer.Typer(help="Teams: list, show, create, rename, delete, members, add, remove.")

OfTeam = Annotated[str, typer.Argument(metavar="TEAM", help="Handle or id of the team.")]
Title = Annotated[str | None, typer.Option(help="What people call it.")]


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.add_typer(teams, name="teams", rich_help_panel=ADMINS)


@default(teams)
@command(teams, "list")
def list_teams(session: Session, limit: Limit = LIMIT_DEFAULT) -> None:
    """List teams, newest first."""
    from broker.protocol.ids import show

    columns: list[Column[Team]] = [
        Column("id", lambda t: show("team", t.id)),
        Column("name", lambda t: t.name),
        Column("title", lambda t: t.title),
        Column("accounts", lambda t: t.accounts, right=True),
        Column("created", lambda t: t.created_at, spare=1),
    ]
    with session.client() as client:
        print_list(client.teams(limit=limit or None), columns, json=session.json, empty="no teams")


@command(teams, "show")
def show_team(session: Session, team: OfTeam) -> None:
    """Show one team."""
    with session.client() as client:
        _print(session, client.team(team))


@command(teams, "create")
def create(
    session: Session,
    name: Annotated[str, typer.Argument(help="Unique handle.")],
    title: Title = None,
) -> None:
    """Create a team; then add accounts to it."""
    from broker.client.submissions import checked
    from broker.protocol.teams import TeamRequest

    request = checked(TeamRequest, {"name": name, "title": title or ""})
    with session.client() as client:
        _print(session, client.create_team(request))


@command(teams, "rename")
def rename(
    session: Session,
    team: OfTeam,
    name: Annotated[str | None, typer.Argument(help="Its new handle.")] = None,
    title: Title = None,
) -> None:
    """Give a team another handle or title; access lists keep naming it."""
    from broker.client.submissions import checked
    from broker.protocol.teams import TeamChange

    given = {"name": name, "title": title}
    given = {field: value for field, value in given.items() if value is not None}
    if not given:
        raise typer.BadParameter("give a new handle or --title")
    with session.client() as client:
        _print(session, client.change_team(team, checked(TeamChange, given)))


@command(teams, "delete")
def delete(
    session: Session,
    team: OfTeam,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Delete a team with all that access lists give it."""
    if not yes:
        typer.confirm(f"Delete the team {team} and what it was given?", abort=True, err=True)
    with session.client() as client:
        client.delete_team(team)
    print_done(f"{team} is deleted", json=session.json)


@command(teams, "members")
def members(session: Session, team: OfTeam, limit: Limit = LIMIT_DEFAULT) -> None:
    """List the accounts of a team."""
    from broker.protocol.ids import show

    columns: list[Column[TeamMember]] = [
        Column("account", lambda m: show("account", m.account)),
        Column("name", lambda m: m.account_name),
    ]
    with session.client() as client:
        items = client.team_members(team, limit=limit or None)
        print_list(items, columns, json=session.json, empty="no members")


@command(teams, "add")
def add(session: Session, team: OfTeam, account: OfAccount) -> None:
    """Make an account a member of a team."""
    with session.client() as client:
        client.add_team_member(team, resolved(client, account))
    print_done(f"{account} belongs to {team}", json=session.json)


@command(teams, "remove")
def remove(session: Session, team: OfTeam, account: OfAccount) -> None:
    """Take an account out of a team."""
    with session.client() as client:
        client.remove_team_member(team, resolved(client, account))
    print_done(f"{account} left {team}", json=session.json)


def _print(session: Session, team: "Team") -> None:
    from broker.protocol.ids import show

    rows = [
        ("id", show("team", team.id)),
        ("name", team.name),
        ("title", team.title),
        ("accounts", team.accounts),
        ("created", team.created_at),
    ]
    print_document(team, rows, json=session.json)
