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
