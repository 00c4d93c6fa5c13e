"""Batches: list, watch, wait, cancel, rerun, fetch outputs."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from broker.cli.exits import exit_of_batch, exit_of_job
from broker.cli.names import identify
from broker.cli.options import LIMIT_DEFAULT, SCIENTISTS, Limit
from broker.cli.render import Column, note, print_done, print_json, print_line, print_list
from broker.cli.session import Session, command
from broker.cli.submit import wait_for

if TYPE_CHECKING:
    from broker.protocol.batches import Batch

SHOWN_STATES = ("queued", "leased", "running", "succeeded", "failed", "cancelled", "quarantined")

BatchOrJob = Annotated[str, typer.Argument(metavar="ID", help="batch_... or job_...")]
OneBatch = Annotated[str, typer.Argument(metavar="BATCH", help="batch_17, or 17")]


class Openness(StrEnum):
    """Which batches to list."""

    OPEN = "open"
    FINISHED = "finished"


class Only(StrEnum):
    """Which jobs to run again."""

    FAILED = "failed"
    ALL = "all"


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    for each in (batches, watch, wait, cancel, rerun, outputs):
        command(app, rich_help_panel=SCIENTISTS)(each)
    command(app, "make-private", rich_help_panel=SCIENTISTS)(make_private)


def batches(
    session: Session,
    state: Annotated[Openness | None, typer.Option(help="Only these.")] = None,
    app: Annotated[str | None, typer.Option(help="Only of this app.")] = None,
    account: Annotated[str | None, typer.Option(help="Only of this account.")] = None,
    limit: Limit = LIMIT_DEFAULT,
) -> None:
    """List batches, newest first."""
    from broker.protocol.ids import show

    columns: list[Column[Batch]] = [
        Column("id", lambda b: show("batch", b.id)),
        Column("name", lambda b: b.name, spare=3),
        Column("app", lambda b: f"{b.app_name} v{b.version_number}"),
        Column("account", lambda b: b.account_name, spare=4),
        Column("jobs", lambda b: b.jobs, right=True, spare=1),
        Column("done", lambda b: f"{b.fraction_done:.0%}", right=True),
        Column("states", counts_of),
        Column("slot-seconds", lambda b: f"{b.usage_gpu_seconds:.1f}", right=True, spare=6),
        Column("created", lambda b: b.created_at, spare=5),
    ]
    with session.client() as client:
        items = client.batches(
            state=None if state is None else state.value,
            app=app,
            account=account,
            limit=limit or None,
        )
        print_list(items, columns, json=session.json, empty="no batches")


def counts_of(batch: "Batch") -> str:
    """The states that jobs of a batch are in: "3 running, 1 failed"."""
    counts = batch.counts.model_dump()
    return ", ".join(f"{counts[state]} {state}" for state in SHOWN_STATES if counts[state])


def watch(session: Session, batch: OneBatch) -> None:
    """Follow a batch live until its last job has ended.

    The exit code is 0 when every job succeeded, else 1.
    """
    from broker.client.progress import bar

    _, name = identify(batch, "batch")
    live = sys.stdout.isatty() and not session.json
    with session.client() as client, bar(name, shown=live) as draw:
        for now in client.watch(name):
            if session.json:
                print_line(now.model_dump_json())
            elif live:
                draw(round(now.fraction_done * now.jobs), now.jobs, counts_of(now))
            else:
                print_line(f"{now.fraction_done:.0%}\t{counts_of(now)}")
    raise typer.Exit(exit_of_batch(now))


def wait(
    session: Session,
    id: BatchOrJob,
    timeout: Annotated[float | None, typer.Option(help="Longest wait in seconds.")] = None,
) -> None:
    """Wait for a batch or a job to end.

    The exit code of one job is the job's own; of several, 0 when all succeeded, else 1.
    """
    kind, name = identify(id, "batch", "job")
    with session.client() as client:
        if kind == "batch":
            code = wait_for(session, client, client.open_batch(name), timeout)
        else:
            job = client.wait_for_job(name, timeout_seconds=timeout)
            if session.json:
                print_line(job.model_dump_json())
            else:
                note(f"{name}: {job.state}")
            code = exit_of_job(job)
    raise typer.Exit(code)


def cancel(
    session: Session,
    ids: Annotated[list[str], typer.Argument(metavar="ID...", help="batch_... or job_...")],
) -> None:
    """Cancel jobs, or all open jobs of batches."""
    named = [identify(text, "batch", "job") for text in ids]
    with session.client() as client:
        for kind, name in named:
            count = client.cancel_batch(name) if kind == "batch" else client.cancel_job(name)
            if session.json:
                print_json({"id": name, "cancelled": count})
            else:
                print_line(f"{name}: {count} job{'s'[: count != 1]} cancelled")


def rerun(
    session: Session,
    batch: OneBatch,
    only: Annotated[Only, typer.Option(help="Jobs that did not succeed, or all.")] = Only.FAILED,
    wait: Annotated[bool, typer.Option("--wait", help="Until all jobs ended.")] = False,
) -> None:
    """Submit jobs of a batch again, as a new batch."""
    _, name = identify(batch, "batch")
    with session.client() as client:
        handle = client.rerun(name, only=only.value)
        if session.json:
            print_json({"id": str(handle)})
        else:
            print_line(str(handle))
        if wait:
            raise typer.Exit(wait_for(session, client, handle))


def make_private(session: Session, batch: OneBatch) -> None:
    """Take a batch out of what its app shares; only the people of its place see it then."""
    _, name = identify(batch, "batch")
    with session.client() as client:
        found = client.unshare_batch(name)
    print_done(f"{name} is {found.isolation}", json=session.json)


def outputs(
    session: Session,
    id: BatchOrJob,
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="Made when it is missing.")],
) -> None:
    """Download outputs, each checked against its SHA-256.

    Of a batch: DIR/job_17/FILE for each succeeded job, and DIR/jobs.ndjson with their parameters.
    """
    kind, name = identify(id, "batch", "job")
    with session.client() as client:
        if kind == "job":
            paths = client.download(name, directory)
        else:
            fetched = client.open_batch(name).outputs(directory, progress=not session.json)
            paths = [path for each in fetched.values() for path in each]
    if session.json or not sys.stdout.isatty():
        for path in paths:
            print_json({"path": str(path)}) if session.json else print_line(str(path))
    else:
        print_done(f"{len(paths)} file{'s'[: len(paths) != 1]} in {directory}", json=False)
