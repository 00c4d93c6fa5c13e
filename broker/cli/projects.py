"""Projects: list, show, create, set, trash."""

from typing import TYPE_CHECKING, Annotated

import typer

from broker.cli.options import LIMIT_DEFAULT, SHARING, Limit, Roles, entries_of
from broker.cli.render import Column, print_document, print_done, print_list
from broker.cli.session import Session, command, default

if TYPE_CHECKING:
    from broker.protocol.projects import Project

projects = typer.Typer(help="Projects: list, show, create, set, trash.")

OfProject = Annotated[
    str, typer.Argument(metavar="PROJECT", help="Handle or id; of a workspace the id.")
]
Title = Annotated[str | None, typer.Option(help="What people call it.")]
Description = Annotated[str | None, typer.Option(help="What it is about.")]


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.add_typer(projects, name="projects", rich_help_panel=SHARING)


@default(projects)
@command(projects, "list")
def list_projects(session: Session, limit: Limit = LIMIT_DEFAULT) -> None:
    """List the projects and workspaces that you may see, newest first."""
    columns: list[Column[Project]] = [
        Column("id", lambda p: p.id),
        Column("kind", lambda p: p.kind),
        Column("name", lambda p: p.name),
        Column("title", lambda p: p.title, spare=2),
        Column("by", lambda p: p.created_by_name, spare=1),
        Column("created", lambda p: p.created_at, spare=3),
    ]
    with session.client() as client:
        items = client.projects(limit=limit or None)
        print_list(items, columns, json=session.json, empty="no projects")


@command(projects, "show")
def show(session: Session, project: OfProject) -> None:
    """Show one project."""
    with session.client() as client:
        _print(session, client.project(project))


@command(projects, "create")
def create(
    session: Session,
    name: Annotated[str, typer.Argument(help="Unique handle.")],
    title: Title = None,
    description: Description = None,
    roles: Roles = [],  # noqa: B006 - typer's way to say "none given"
) -> None:
    """Create a project of which you are an owner."""
    from broker.client.submissions import checked
    from broker.protocol.projects import ProjectRequest

    fields = {
        "name": name,
        "title": title or "",
        "description": description or "",
        "entries": entries_of(roles),
    }
    with session.client() as client:
        _print(session, client.create_project(checked(ProjectRequest, fields)))


@command(projects, "set")
def change(
    session: Session,
    project: OfProject,
    name: Annotated[str | None, typer.Option(help="A new handle.")] = None,
    title: Title = None,
    description: Description = None,
) -> None:
    """Change a project; what is left out stays."""
    from broker.client.submissions import checked
    from broker.protocol.projects import ProjectChange

    fields = {"name": name, "title": title, "description": description}
    given = {key: value for key, value in fields.items() if value is not None}
    if not given:
        raise typer.BadParameter("give at least one change")
    with session.client() as client:
        _print(session, client.change_project(project, checked(ProjectChange, given)))


@command(projects, "trash")
def trash(session: Session, project: OfProject) -> None:
    """Put a project with everything in it into the trash; see `fairlead nodes untrash`."""
    with session.client() as client:
        trashed = client.trash_node(project)
    print_done(f"{trashed.id} is in the trash", json=session.json)


def _print(session: Session, project: "Project") -> None:
    rows = [
        ("id", project.id),
        ("kind", project.kind),
        ("name", project.name),
        ("title", project.title),
        ("description", project.description),
        ("created by", project.created_by_name),
        ("created", project.created_at),
    ]
    print_document(project, rows, json=session.json)
