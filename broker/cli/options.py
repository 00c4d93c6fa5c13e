"""Arguments and options that several commands share."""

from typing import Annotated

import typer

Limit = Annotated[int, typer.Option("--limit", "-n", min=0, help="Most lines; 0 for all.")]
OfAccount = Annotated[str, typer.Argument(metavar="ACCOUNT", help="Handle or id; me for yourself.")]
OfApp = Annotated[str, typer.Argument(metavar="APP", help="Handle or id of the app.")]

LIMIT_DEFAULT = 50

SCIENTISTS = "Jobs"
OWNERS = "Hosts and shares"
ADMINS = "Apps and accounts"
SERVERS = "Servers"
"""Panels of `fairlead --help`."""


def limits_of(**options: str | None) -> dict[str, object]:
    """Limits as fields of a request: left out stays out, "none" removes, else a number."""
    return {
        name: None if text == "none" else _number(text)
        for name, text in options.items()
        if text is not None
    }


def _number(text: str) -> float | int:
    try:
        number = float(text)
    except ValueError:
        raise typer.BadParameter(f"expected a number or none, got {text!r}") from None
    return int(number) if number.is_integer() else number
