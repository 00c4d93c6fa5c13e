"""Break-glass access to strictly personal batches."""

from typing import TYPE_CHECKING, Annotated

import typer

from broker.cli.names import identify
from broker.cli.options import ADMINS, LIMIT_DEFAULT, Limit
from broker.cli.render import Column, print_document, print_list
from broker.cli.session import Session, command

if TYPE_CHECKING:
    from broker.protocol.openings import Opening

OfBatch = Annotated[str, typer.Argument(metavar="BATCH", help="Its id, batch_17 or 17.")]


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    command(app, "break-glass", rich_help_panel=ADMINS)(break_glass)
    command(app, "openings", rich_help_panel=ADMINS)(list_openings)


def break_glass(
    session: Session,
    batch: OfBatch,
    reason: Annotated[str, typer.Option(help="Why; the owner is told.")],
    minutes: Annotated[float, typer.Option(min=0, help="How long.")] = 60,
) -> None:
    """Read a strictly personal batch of somebody else for a while."""
    from broker.client.submissions import checked
    from broker.protocol.openings import OpeningRequest

    _, name = identify(batch, "batch")
    request = checked(OpeningRequest, {"reason": reason, "seconds": minutes * 60})
    with session.client() as client:
        opening = client.break_glass(name, request)
    rows = [
        ("batch", name),
        ("opened by", opening.account_name),
        ("reason", opening.reason),
        ("until", opening.expires_at),
    ]
    print_document(opening, rows, json=session.json)


def list_openings(session: Session, batch: OfBatch, limit: Limit = LIMIT_DEFAULT) -> None:
    """List who opened a strictly personal batch and why."""
    columns: list[Column[Opening]] = [
        Column("opened", lambda o: o.opened_at),
        Column("until", lambda o: o.expires_at),
        Column("by", lambda o: o.account_name),
        Column("reason", lambda o: o.reason),
    ]
    _, name = identify(batch, "batch")
    with session.client() as client:
        items = client.openings(name, limit=limit or None)
        print_list(items, columns, json=session.json, empty="nobody opened it")
