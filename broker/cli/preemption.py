"""Preemption: where running jobs may be taken back for accounts below their share."""

from typing import TYPE_CHECKING, Annotated

import typer

from broker.cli.options import OWNERS
from broker.cli.render import Column, print_document, print_done, print_list
from broker.cli.session import Session, command, default

if TYPE_CHECKING:
    from broker.protocol.pools import Preemption

preemption = typer.Typer(
    help="Where running jobs may be taken back for accounts below their share: list, allow, forbid."
)

OfPool = Annotated[str, typer.Argument(metavar="POOL", help="Name of the pool.")]


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.add_typer(preemption, name="preemption", rich_help_panel=OWNERS)


@default(preemption)
@command(preemption, "list")
def list_preemptions(session: Session) -> None:
    """List the pools that allow it, with their rules."""
    columns: list[Column[Preemption]] = [
        Column("pool", lambda p: p.pool),
        Column("minimum run, s", lambda p: p.minimum_run_seconds, right=True),
        Column("grace, s", lambda p: p.grace_seconds, right=True),
        Column("jobs a minute", lambda p: p.jobs_per_minute_max, right=True),
    ]
    with session.client() as client:
        empty = "no pool allows it: running jobs are left alone"
        print_list(client.preemptions(), columns, json=session.json, empty=empty)


@command(preemption, "allow")
def allow(
    session: Session,
    pool: OfPool,
    minimum_run_seconds: Annotated[
        float | None, typer.Option(help="How long a job runs undisturbed. [default: 600]")
    ] = None,
    grace_seconds: Annotated[
        float | None, typer.Option(help="Between TERM and KILL. [default: 30]")
    ] = None,
    jobs_per_minute: Annotated[
        int | None, typer.Option(help="Most jobs taken back in a minute. [default: 10]")
    ] = None,
) -> None:
    """Let running jobs of a pool be taken back, or change how."""
    from broker.client.submissions import checked
    from broker.protocol.pools import PreemptionRules

    fields = {
        "minimum_run_seconds": minimum_run_seconds,
        "grace_seconds": grace_seconds,
        "jobs_per_minute_max": jobs_per_minute,
    }
    given = {field: value for field, value in fields.items() if value is not None}
    with session.client() as client:
        rules = client.allow_preemption(pool, checked(PreemptionRules, given))
    rows = [
        ("pool", rules.pool),
        ("minimum run, s", rules.minimum_run_seconds),
        ("grace, s", rules.grace_seconds),
        ("jobs a minute", rules.jobs_per_minute_max),
    ]
    print_document(rules, rows, json=session.json)


@command(preemption, "forbid")
def forbid(session: Session, pool: OfPool) -> None:
    """Leave the running jobs of a pool alone."""
    with session.client() as client:
        client.forbid_preemption(pool)
    print_done(f"running jobs of {pool} are left alone", json=session.json)
