"""Apps: list, create, show, publish a version from a file, deprecate."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from broker.cli.options import ADMINS, LIMIT_DEFAULT, In, Limit, OfApp
from broker.cli.render import Column, print_document, print_done, print_line, print_list
from broker.cli.session import Session, command, default
from broker.errors import InvalidInput

if TYPE_CHECKING:
    from broker.client import Client
    from broker.protocol.apps import App, ParameterSpec, Version, VersionSpec

group = typer.Typer(help="Apps that jobs run: list, show, create, publish, deprecate.")

VersionNumber = Annotated[
    int | None, typer.Option("--version", min=1, help="Number within the app.")
]


OfIsolation = Annotated[
    str | None,
    typer.Option(
        "--isolation",
        help="What others see of its batches: personal, shared, read_shared or strict_personal.",
    ),
]


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.add_typer(group, name="apps", rich_help_panel=ADMINS)


@default(group)
@command(group, "list")
def list_apps(session: Session, project: In = None, limit: Limit = LIMIT_DEFAULT) -> None:
    """List the apps that you may see, newest first."""
    columns: list[Column[App]] = [
        Column("name", lambda a: a.handle or a.name),
        Column("title", lambda a: a.title, spare=1),
        Column("version", lambda a: a.latest_version, right=True),
        Column("state", lambda a: a.state),
        Column("created", lambda a: a.created_at),
    ]
    with session.client() as client:
        items = client.apps(project=project, limit=limit or None)
        print_list(items, columns, json=session.json, empty="no apps")


@command(group, "show")
def show(session: Session, app: OfApp, version: VersionNumber = None) -> None:
    """Show an app and the parameters of its newest published version, or of another one."""
    with session.client() as client:
        found = client.app(app)
        number = version or found.latest_version
        if session.json:
            print_line(
                (found if version is None else client.version(app, version)).model_dump_json()
            )
            return
        rows: list[tuple[str, object]] = [
            ("name", found.handle or found.name),
            ("title", found.title),
            ("description", found.description),
            ("state", found.state),
            ("isolation", found.isolation),
            ("created", found.created_at),
        ]
        rows += [] if number is None else _version_rows(client.version(app, number))
        print_document(found, rows, json=False)


def _version_rows(version: "Version") -> list[tuple[str, object]]:
    spec = version.spec
    needs = {name: value for name, value in spec.resources.model_dump().items() if value}
    return [
        ("version", f"{version.number}, {version.state}"),
        ("command", " ".join(spec.command)),
        ("needs", ", ".join(f"{name} {value}" for name, value in needs.items())),
        ("wall seconds", spec.limits.wall_seconds),
        *((f"parameter {name}", _parameter(each)) for name, each in spec.parameters.items()),
        *((f"input {name}", each.description) for name, each in spec.inputs.items()),
        *((f"output {name}", each.description) for name, each in spec.outputs.items()),
    ]


def _parameter(spec: "ParameterSpec") -> str:
    bounds = [
        f"at least {spec.minimum:g}" if spec.minimum is not None else "",
        f"at most {spec.maximum:g}" if spec.maximum is not None else "",
        f"one of {', '.join(spec.choices)}" if spec.choices else "",
        "required" if spec.default is None else f"default {spec.default}",
    ]
    facts = ", ".join(part for part in (spec.type, spec.unit, *bounds) if part)
    return f"{facts}. {spec.description}".rstrip(". ")


@command(group, "versions")
def versions(session: Session, app: OfApp, limit: Limit = LIMIT_DEFAULT) -> None:
    """List the versions of an app, newest first."""
    columns: list[Column[Version]] = [
        Column("number", lambda v: v.number, right=True),
        Column("state", lambda v: v.state),
        Column("command", lambda v: " ".join(v.spec.command)[:60]),
        Column("created", lambda v: v.created_at),
    ]
    with session.client() as client:
        print_list(client.versions(app, limit=limit or None), columns, json=session.json)


@command(group, "create")
def create(
    session: Session,
    name: Annotated[str, typer.Argument(help="Unique handle that scientists submit to.")],
    project: In = None,
    title: Annotated[str, typer.Option(help="What people call it.")] = "",
    description: Annotated[str, typer.Option(help="What it computes.")] = "",
    isolation: OfIsolation = None,
) -> None:
    """Create an app, for everybody or in a project; then publish a version of it."""
    from broker.client.submissions import checked
    from broker.protocol.apps import AppRequest

    fields = {"name": name, "title": title, "description": description}
    fields |= {"project": project} if project else {}
    fields |= {"isolation": isolation} if isolation else {}
    with session.client() as client:
        app = client.create_app(checked(AppRequest, fields))
    rows = [("name", app.handle or app.name), ("state", app.state)]
    print_document(app, rows, json=session.json)


@command(group, "publish")
def publish(
    session: Session,
    app: OfApp,
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="Version spec, .json or .toml.")
    ] = None,
    version: VersionNumber = None,
    draft: Annotated[bool, typer.Option("--draft", help="Store it without publishing.")] = False,
) -> None:
    """Publish a version from a file, or one that was stored as a draft (--version)."""
    if (file is None) == (version is None):
        raise typer.BadParameter("give either FILE or --version")
    with session.client() as client:
        if file is not None:
            _publish_file(session, client, app, spec_of(file), draft=draft)
        elif version is not None:
            client.publish_version(app, version)
            print_done(f"{app} version {version} is published", json=session.json)


def _publish_file(
    session: Session, client: "Client", app: str, spec: "VersionSpec", *, draft: bool
) -> None:
    from broker.protocol.apps import VersionRequest

    made = client.create_version(app, VersionRequest(spec=spec, publish=not draft))
    rows = [("app", app), ("version", made.number), ("state", made.state)]
    print_document(made, rows, json=session.json)


def spec_of(file: Path) -> "VersionSpec":
    """The version spec in a JSON or TOML file; raises InvalidInput with a pointer to bad fields."""
    import json
    import tomllib

    from broker.client.submissions import checked
    from broker.protocol.apps import VersionSpec

    load: Any = tomllib.loads if file.suffix.lower() == ".toml" else json.loads
    try:
        fields = load(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidInput(f"cannot read {file}: {error.strerror}") from error
    except ValueError as error:
        raise InvalidInput(f"{file}: {error}") from error
    return checked(VersionSpec, fields)


@command(group, "deprecate")
def deprecate(session: Session, app: OfApp, version: VersionNumber = None) -> None:
    """Make an app, or one version of it, take no new jobs."""
    with session.client() as client:
        if version is None:
            client.deprecate_app(app)
        else:
            client.deprecate_version(app, version)
    what = app if version is None else f"{app} version {version}"
    print_done(f"{what} is deprecated", json=session.json)
