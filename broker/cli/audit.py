"""The audit log: what was changed, by whom, and whether the log itself was touched."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from broker.cli.exits import Exit
from broker.cli.nodes import node_columns
from broker.cli.options import ADMINS, LIMIT_DEFAULT, Limit
from broker.cli.render import Column, print_document, print_list
from broker.cli.session import Session, command

if TYPE_CHECKING:
    from broker.protocol.audit import AuditEntry

audit = typer.Typer(
    help="Who changed what; what is not governed by its project.", no_args_is_help=True
)

Moment = Annotated[datetime | None, typer.Option(help="A time, UTC unless it says otherwise.")]


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.add_typer(audit, name="audit", rich_help_panel=ADMINS)


@command(audit, "log")
def log(
    session: Session,
    account: Annotated[str | None, typer.Option(help="Only what this account did.")] = None,
    action: Annotated[str | None, typer.Option(help="Only this action, e.g. team.edit.")] = None,
    object: Annotated[
        str | None, typer.Option(help="Only what names it, e.g. team_5 or team:physics.")
    ] = None,
    since: Moment = None,
    until: Moment = None,
    limit: Limit = LIMIT_DEFAULT,
) -> None:
    """List what was changed and by whom, newest first."""
    columns: list[Column[AuditEntry]] = [
        Column("position", lambda e: e.position, right=True),
        Column("at", lambda e: e.at),
        Column("who", _who),
        Column("request", lambda e: e.request),
        Column("objects", lambda e: " ".join(e.objects)),
        Column("action", lambda e: e.action, spare=1),
    ]
    with session.client() as client:
        entries = client.audit_log(
            account=account,
            action=action,
            object=object,
            since=_utc(since),
            until=_utc(until),
            limit=limit or None,
        )
        print_list(entries, columns, json=session.json, empty="no entries")


@command(audit, "verify")
def verify(
    session: Session,
    position: Annotated[int | None, typer.Option(help="Of an entry noted earlier.")] = None,
    sha256: Annotated[str | None, typer.Option(help="Its digest as it was noted.")] = None,
) -> None:
    """Check that the log is what was written; exit code 1 when it is not. Note its head."""
    with session.client() as client:
        check = client.verify_audit_log(position=position, sha256=sha256)
    rows = [
        ("intact", check.intact),
        ("entries", check.entries),
        ("broken at", check.broken_at),
        ("reason", check.reason),
        ("head position", check.head_position),
        ("head SHA-256", check.head_sha256),
    ]
    print_document(check, rows, json=session.json)
    if not check.intact:
        raise typer.Exit(Exit.JOB_FAILED)


@command(audit, "benefactors")
def benefactors(
    session: Session,
    kind: Annotated[str | None, typer.Option(help="Only of this kind, e.g. folder.")] = None,
    project: Annotated[str | None, typer.Option(help="Only of this project.")] = None,
    limit: Limit = LIMIT_DEFAULT,
) -> None:
    """List what an access list other than its project's governs, in projects that you audit."""
    columns = [*node_columns(), Column("project", lambda n: n.project)]
    with session.client() as client:
        items = client.audit_benefactors(kind=kind, project=project, limit=limit or None)
        print_list(items, columns, json=session.json, empty="all is governed by its project")


def _who(entry: "AuditEntry") -> str:
    from broker.protocol.ids import show

    if entry.account_name is not None:
        return entry.account_name
    return "server" if entry.host is None else show("host", entry.host)


def _utc(moment: datetime | None) -> datetime | None:
    from datetime import UTC

    return moment if moment is None or moment.tzinfo else moment.replace(tzinfo=UTC)
