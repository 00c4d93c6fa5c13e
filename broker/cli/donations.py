"""Donations: parts of a volunteer's credit that count for scientists."""

from typing import Annotated

import typer

from broker.cli.accounts import resolved
from broker.cli.options import OWNERS
from broker.cli.render import Column, print_list
from broker.cli.session import Session, command

FRACTION_DIGITS = 9


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    command(app, rich_help_panel=OWNERS)(donate)


def donate(
    session: Session,
    to: Annotated[
        str | None, typer.Argument(metavar="[ACCOUNT]", help="Handle of the scientist.")
    ] = None,
    fraction: Annotated[
        float | None,
        typer.Argument(metavar="[FRACTION]", help="Part of your credit, 0 to 1; 0 ends it."),
    ] = None,
    account: Annotated[str, typer.Option("--account", help="The volunteer; me for yourself.")] = (
        "me"
    ),
) -> None:
    """Let a part of the credit of your hosts count for a scientist; without one, list the parts."""
    from broker.protocol.contributions import Donation

    if (to is None) != (fraction is None):
        raise typer.BadParameter("give a scientist and a fraction, or neither")
    with session.client() as client:
        volunteer = resolved(client, account)
        given = client.donations(volunteer)
        if to is not None and fraction is not None:
            # By id: the same scientist may be named in two ways.
            scientist = client.account(to).id
            parts = {each.to: each.fraction for each in given.donations}
            parts[scientist] = round(fraction, FRACTION_DIGITS)
            given = client.donate(
                volunteer, {f"account_{who}": part for who, part in parts.items() if part}
            )
    columns: list[Column[Donation]] = [
        Column("scientist", lambda d: d.to_name),
        Column("fraction", lambda d: d.fraction, right=True),
        Column("credit/day", lambda d: d.fraction * given.credit_recent, right=True),
    ]
    print_list(given.donations, columns, json=session.json, empty="no donations")
