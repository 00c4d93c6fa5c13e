"""Commands that run a server here: up, demo, serve, worker, admin create.

Each imports what it runs when it is called: a host with `fairlead[worker]` has no database driver,
and a scientist's laptop has neither.
"""

import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from broker.cli.options import SERVERS
from broker.cli.render import note, print_json, print_line
from broker.cli.session import PRINTING, SILENT, Session, command
from broker.errors import StartupError

if TYPE_CHECKING:
    from broker.up import Announcement

Result = TypeVar("Result")

admin = typer.Typer(no_args_is_help=True, help="Directly in the database: the first admin.")

Directory = Annotated[
    Path | None, typer.Option(help="Where data is kept; in your data directory if left out.")
]


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    for each, takes in ((up, PRINTING), (demo, PRINTING), (worker, SILENT), (serve, SILENT)):
        command(app, takes=takes, rich_help_panel=SERVERS)(each)
    app.add_typer(admin, name="admin", rich_help_panel=SERVERS)


def up(
    session: Session,
    directory: Directory = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65_535, help="0 takes a free one.")] = 8080,
    slots: Annotated[
        int | None,
        typer.Option(min=0, help="CPU slots of the local worker."),
    ] = None,
    worker: Annotated[bool, typer.Option(help="Run a worker here as well.")] = True,
) -> None:
    """Start everything on this machine: servers, broker, one worker. Ctrl-C stops it."""
    from broker import up as machine

    def announce(news: "Announcement") -> None:
        _announce(session, news)

    run(machine.up(directory, host, port, slots, worker, announce))


def _announce(session: Session, news: "Announcement") -> None:
    if session.json:
        print_json(
            {
                "url": news.url,
                "admin_token": news.admin_token,
                "directory": str(news.directory),
                "notes": news.notes,
            }
        )
        return
    for line in news.notes:
        note(line)
    print_line(f"Fairlead is at {news.url}, its data in {news.directory}")
    if news.admin_token is not None:
        print_line(f"Token of the first admin, shown this once: {news.admin_token}")
        print_line(f"In another terminal: fairlead login --url {news.url}")


def demo(
    session: Session,
    output: Annotated[Path, typer.Option(help="Where results and pictures go.")] = Path("demo"),
    directory: Directory = None,
    seconds: Annotated[int, typer.Option(min=10, help="Longest time that it may take.")] = 300,
) -> None:
    """Watch three scientists share four slots 50/30/20 on a real computation."""
    from rich.console import Console

    from broker import demo as demonstration

    console = Console(stderr=session.json)
    code = run(demonstration.run(directory, output, seconds, session.json, console))
    raise typer.Exit(code)


def serve(
    session: Session,
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65_535, help="0 takes a free one.")] = None,
) -> None:
    """Run one broker over your own PostgreSQL and Redis, until SIGTERM.

    Set FAIRLEAD_DATABASE_URL, FAIRLEAD_REDIS_URL and FAIRLEAD_FILES_DIRECTORY; the other settings
    are FAIRLEAD_ variables too.
    """
    from broker import main
    from broker.config import Settings, read

    run(main.serve(read(Settings, host=host, port=port)))


def worker(
    session: Session,
    url: Annotated[str | None, typer.Option(envvar="FAIRLEAD_URL", help="The broker.")] = None,
    token: Annotated[
        str | None,
        typer.Option(
            envvar="FAIRLEAD_ENROLLMENT_TOKEN",
            help="Enrolment token fle_..., needed the first time; better in the environment.",
        ),
    ] = None,
    slots: Annotated[
        int | None, typer.Option(min=0, help="CPU slots; the cores, or 0 beside GPUs.")
    ] = None,
    gpus: Annotated[str | None, typer.Option(help='"all", "none", or indices like 0,1.')] = None,
    gpu_shares: Annotated[
        int | None, typer.Option(help="Split each whole GPU for so many jobs at once: 2, 4 or 8.")
    ] = None,
    pool: Annotated[str | None, typer.Option(help="Pool to join; the token's if left out.")] = None,
    name: Annotated[str | None, typer.Option(help="Host name shown to people.")] = None,
    prefetch: Annotated[
        int | None, typer.Option(min=0, help="Jobs to hold beyond the free slots.")
    ] = None,
    idle_exit: Annotated[
        float | None, typer.Option(help="Leave after so many seconds without a job.")
    ] = None,
    max_walltime: Annotated[
        float | None, typer.Option(help="Leave after so many seconds; for pilots in Slurm.")
    ] = None,
    data_roots: Annotated[
        str | None,
        typer.Option(help="refuse, or allow on a host of a single lab: jobs see all its files."),
    ] = None,
    state_dir: Annotated[
        Path | None, typer.Option(help="Credential and unsent reports; one agent each.")
    ] = None,
) -> None:
    """Offer this machine's GPUs or cores: fetch jobs and run them, until SIGTERM."""
    from broker.client.client import URL_DEFAULT
    from broker.config import read
    from workers import main
    from workers.settings import WorkerSettings

    settings = read(
        WorkerSettings,
        url=url or URL_DEFAULT,
        enrollment_token=token,
        slots=slots,
        gpus=gpus,
        gpu_shares=gpu_shares,
        pool=pool,
        name=name,
        prefetch=prefetch,
        idle_exit_seconds=idle_exit,
        wall_seconds_max=max_walltime,
        data_roots=data_roots,
        state_directory=state_dir,
    )
    raise typer.Exit(main.main(settings))


@command(admin, "create", takes=PRINTING)
def create_admin(
    session: Session,
    name: Annotated[str, typer.Argument(help="Handle of the new admin.")],
    database_url: Annotated[
        str | None, typer.Option(envvar="FAIRLEAD_DATABASE_URL", help="PostgreSQL of the broker.")
    ] = None,
) -> None:
    """Create an admin directly in the database and print the token, this once."""
    from broker import main

    if not database_url:
        raise StartupError("set FAIRLEAD_DATABASE_URL or give --database-url")
    token = run(main.create_admin(database_url, name))
    if session.json:
        print_json({"name": name, "token": token})
    else:
        print_line(token)


def run(work: Coroutine[Any, Any, Result]) -> Result:
    """Run a server on the fastest event loop that there is."""
    if sys.platform == "win32":
        import asyncio

        return asyncio.run(work)
    import uvloop

    return uvloop.run(work)
