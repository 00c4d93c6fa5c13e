"""`fairlead login`: prove a token and keep it for the commands that follow."""

import sys
from typing import Annotated
from urllib.parse import urlsplit

import typer

from broker.cli import credentials
from broker.cli.options import SERVERS
from broker.cli.render import note, print_done, print_line
from broker.cli.session import PRINTING, RETRY_SECONDS, Session, Url, command

LOOPBACK = ("localhost", "127.0.0.1", "::1")


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    command(app, takes=PRINTING, rich_help_panel=SERVERS)(login)


def login(
    session: Session,
    url: Url = None,
    token: Annotated[
        str | None,
        typer.Option(envvar="FAIRLEAD_TOKEN", help="Your token; asked for when left out."),
    ] = None,
) -> None:
    """Check a token with the broker and store it, readable by you alone."""
    from broker.client import Client, Retry
    from broker.client.client import URL_DEFAULT

    url = (url or URL_DEFAULT).rstrip("/")
    parts = urlsplit(url)
    if parts.scheme == "http" and parts.hostname not in LOOPBACK:
        note(f"warning: {url} is not encrypted; anyone on the way can read the token")
    token = (token or _asked()).strip()
    with Client(url, token, retry=Retry(seconds_max=RETRY_SECONDS)) as client:
        me = client.me()
    file = credentials.save(credentials.Credentials(url, token))
    if session.json:
        print_line(me.model_dump_json())
    else:
        print_done(f"logged in to {url} as {me.account.name}; token kept in {file}", json=False)


def _asked() -> str:
    """The token from a person, unseen, or from a pipe."""
    if not sys.stdin.isatty():
        return sys.stdin.readline()
    answer: str = typer.prompt("Token", hide_input=True, err=True)
    return answer
