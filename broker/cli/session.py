"""What every command gets: the connection, the way to print, and errors as one readable line."""

import inspect
import os
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeVar

import typer

from broker.cli import credentials
from broker.cli.exits import Exit, exit_of
from broker.errors import FairleadError, Unauthenticated

if TYPE_CHECKING:
    from broker.client import Client

Function = TypeVar("Function", bound=Callable[..., None])

RETRY_SECONDS: Final = 10.0  # a person waits for an answer; long commands are more patient

Json = Annotated[bool, typer.Option("--json", help="Print JSON: a document, or one line each.")]
Url = Annotated[
    str | None,
    typer.Option(
        envvar="FAIRLEAD_URL", help="Base URL of the broker.", rich_help_panel="Connection"
    ),
]
BearerToken = Annotated[
    str | None,
    typer.Option(
        envvar="FAIRLEAD_TOKEN",
        help="Your token; better in the environment or by `fairlead login`.",
        rich_help_panel="Connection",
    ),
]


@dataclass(frozen=True, slots=True)
class Session:
    """The options that commands share."""

    json: bool = False
    """Print JSON instead of tables."""
    url: str | None = None
    """Base URL of the broker; null takes the stored one."""
    token: str | None = None
    """Bearer token; null takes the stored one."""

    def connection(self) -> credentials.Credentials:
        """Where to send requests, and as whom; raises Unauthenticated without a token.

        The stored token is used only with the stored URL: it is nobody else's business.
        """
        from broker.client.client import URL_DEFAULT

        stored = None if self.url and self.token else credentials.load()
        url = (self.url or (stored.url if stored else URL_DEFAULT)).rstrip("/")
        if self.token:
            return credentials.Credentials(url, self.token)
        if stored is None or stored.url != url:
            raise Unauthenticated(f"no token for {url}: run `fairlead login` or set FAIRLEAD_TOKEN")
        return stored

    @contextmanager
    def client(self) -> Iterator["Client"]:
        """A connected client."""
        from broker.client import Client, Retry

        where = self.connection()
        with Client(where.url, where.token, retry=Retry(seconds_max=RETRY_SECONDS)) as client:
            yield client


def command(
    app: typer.Typer,
    name: str | None = None,
    *,
    takes: Sequence[inspect.Parameter] | None = None,
    **options: Any,
) -> Callable[[Function], Function]:
    """Register a command whose first argument is the `Session`.

    Args:
        app: the group that it belongs to.
        name: its name; null takes the function's.
        takes: the common options that it has: CONNECTED (null), PRINTING or SILENT.
        options: as in `typer.Typer.command`.
    """

    def register(function: Function) -> Function:
        app.command(name, **options)(_with_session(function, CONNECTED if takes is None else takes))
        return function

    return register


def default(app: typer.Typer) -> Callable[[Function], Function]:
    """Make a command also what its group does when it is named alone: `fairlead hosts`."""

    def register(function: Function) -> Function:
        run = _with_session(function, CONNECTED)
        help = app.info.help

        def unless_subcommand(ctx: typer.Context, **values: Any) -> None:
            if ctx.invoked_subcommand is None:
                run(**values)

        _show_as(
            unless_subcommand,
            [
                inspect.Parameter("ctx", KEYWORD, annotation=typer.Context),
                *inspect.signature(run).parameters.values(),
            ],
        )
        app.callback(invoke_without_command=True, help=help)(unless_subcommand)
        return function

    return register


KEYWORD: Final = inspect.Parameter.KEYWORD_ONLY
CONNECTED: Final = (
    inspect.Parameter("json", KEYWORD, default=False, annotation=Json),
    inspect.Parameter("url", KEYWORD, default=None, annotation=Url),
    inspect.Parameter("token", KEYWORD, default=None, annotation=BearerToken),
)


PRINTING: Final = CONNECTED[:1]
SILENT: Final[tuple[inspect.Parameter, ...]] = ()
"""Common options: all, for a command that talks to a broker; only --json; none."""


def _with_session(
    function: Callable[..., None], common: Sequence[inspect.Parameter]
) -> Callable[..., None]:
    """The function as typer shall see it: the common options in the place of the session."""
    _, *own = inspect.signature(function).parameters.values()

    @wraps(function)
    def run(**values: Any) -> None:
        session = Session(**{option.name: values.pop(option.name) for option in common})
        with errors_reported():
            function(session, **values)

    _show_as(run, [*(option.replace(kind=KEYWORD) for option in own), *common])
    # The help keeps line breaks: one line for each paragraph.
    paragraphs = (function.__doc__ or "").split("\n\n")
    run.__doc__ = "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)
    return run


def _show_as(function: Callable[..., None], parameters: list[inspect.Parameter]) -> None:
    function.__dict__.pop("__wrapped__", None)
    function.__dict__["__signature__"] = inspect.Signature(parameters)
    function.__annotations__ = {p.name: p.annotation for p in parameters}


@contextmanager
def errors_reported() -> Iterator[None]:
    """Turn an error into one readable line on stderr and its exit code.

    FAIRLEAD_DEBUG=1 in the environment shows the traceback as well.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        _debug()
        print(
            f"fairlead: {error.name} is not installed here; this command needs fairlead[all]",
            file=sys.stderr,
        )
        raise typer.Exit(Exit.STARTUP) from None
    except (FairleadError, TimeoutError) as error:
        _debug()
        for line in lines_of(error):
            print(line, file=sys.stderr)
        raise typer.Exit(exit_of(error)) from None
    except (typer.Exit, typer.Abort, BrokenPipeError):
        raise
    except Exception as error:
        if type(error).__module__.startswith("typer."):
            raise  # a usage error, which typer explains itself
        _debug()
        said = f"{type(error).__name__}: {error}".replace("\n", " ")
        print(f"fairlead: internal error: {said}", file=sys.stderr)
        if not os.environ.get("FAIRLEAD_DEBUG"):
            print("FAIRLEAD_DEBUG=1 shows the traceback", file=sys.stderr)
        raise typer.Exit(Exit.INTERNAL) from None


def _debug() -> None:
    if os.environ.get("FAIRLEAD_DEBUG"):
        traceback.print_exc()


def lines_of(error: Exception) -> Iterator[str]:
    """An error for a person: one line, and one more for each bad field."""
    message = (
        error.message
        if isinstance(error, FairleadError)
        else str(error) or "the time given is over"
    )
    yield f"fairlead: {message}"
    if isinstance(error, FairleadError):
        for field in error.errors:
            if field.detail not in message:
                yield f"  {field.pointer}: {field.detail}"
