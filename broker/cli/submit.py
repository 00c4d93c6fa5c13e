"""`fairlead submit`: parameters, sweeps or a file of jobs, as one batch."""

import sys
from array import array
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from broker.cli.exits import exit_of_batch, exit_of_job
from broker.cli.job_sources import by_line, from_lines, from_sweep, opened
from broker.cli.options import SCIENTISTS, OfApp, eighths_of
from broker.cli.render import ahead, note, print_document, print_line
from broker.cli.session import Session, command
from broker.cli.sweeps import Sweep, assignment, parameters_of
from broker.cli.tables import Where, where_of
from broker.errors import NotFound

if TYPE_CHECKING:
    from broker.client import BatchHandle, Client
    from broker.protocol.batches import BatchHeader, InputContent, JobRequest

JSON_JOBS_MAX = 1_000  # a longer sweep is never held in memory


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    command(app, rich_help_panel=SCIENTISTS)(submit)


def submit(
    session: Session,
    app: OfApp,
    parameter: Annotated[
        list[str], typer.Option("--parameter", "-p", metavar="KEY=VALUE", help="For every job.")
    ] = [],  # noqa: B006 - typer's way to say "none given"
    sweep: Annotated[
        list[str],
        typer.Option(
            metavar="KEY=VALUES", help="FIRST:LAST:COUNT evenly spaced, or V1,V2,...; repeatable."
        ),
    ] = [],  # noqa: B006
    jobs: Annotated[
        str | None, typer.Option(metavar="FILE", help="NDJSON, a job on each line; - for stdin.")
    ] = None,
    input: Annotated[
        list[str], typer.Option("--input", metavar="NAME=PATH", help="A file for every job.")
    ] = [],  # noqa: B006
    data: Annotated[
        list[str],
        typer.Option("--data", metavar="NAME=ROOT:PATH", help="An input below a data root."),
    ] = [],  # noqa: B006
    outputs_to: Annotated[
        str | None,
        typer.Option(metavar="ROOT:PATH", help="Directory below a data root for outputs."),
    ] = None,
    table: Annotated[
        str | None, typer.Option(metavar="TABLE", help="A job for each row: lab/runs, or an id.")
    ] = None,
    column: Annotated[
        list[str],
        typer.Option(metavar="KEY=COLUMN", help="Of the table; those named alike if left out."),
    ] = [],  # noqa: B006
    where: Where = [],  # noqa: B006
    job_name: Annotated[str | None, typer.Option(help="Column that names the jobs.")] = None,
    hosts: Annotated[int | None, typer.Option(help="Hosts that each job runs on at once.")] = None,
    gpus: Annotated[
        int | None, typer.Option(help="GPUs for each job, on each of its hosts.")
    ] = None,
    gpu_part: Annotated[
        str | None,
        typer.Option(metavar="N/8", help="Least part of a GPU, instead of whole ones: 1/8, 1/2."),
    ] = None,
    gpu_memory_mib: Annotated[int | None, typer.Option(help="Least memory of each GPU.")] = None,
    cpus: Annotated[int | None, typer.Option(help="CPU cores for each job.")] = None,
    memory_mib: Annotated[int | None, typer.Option(help="Main memory for each job.")] = None,
    wall_seconds: Annotated[int | None, typer.Option(help="Longest time of an attempt.")] = None,
    priority: Annotated[int, typer.Option(help="Among your own jobs; greater runs first.")] = 0,
    name: Annotated[str, typer.Option(help="A name for people.")] = "",
    project: Annotated[
        str | None, typer.Option(help="Where the batch lies; your own workspace if left out.")
    ] = None,
    pool: Annotated[str, typer.Option(help="Pool of hosts.")] = "default",
    version: Annotated[int | None, typer.Option(help="Of the app; the newest if left out.")] = None,
    private: Annotated[
        bool, typer.Option("--private", help="Keep it out of what the app shares.")
    ] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Until all jobs ended.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check only; store nothing.")] = False,
) -> None:
    """Submit jobs to an app.

    One job with the parameters given, or one for each combination of the sweeps, or one for each
    line of a file: {"name": ..., "parameters": {...}, "inputs": {...}}, or one for each row of a
    table. With --wait the exit code is that of the job, or 1 if any of several jobs failed.
    """
    if [jobs is not None, bool(sweep), table is not None].count(True) > 1:
        raise typer.BadParameter("--jobs, --sweep and --table exclude each other")
    if table is None and (column or where or job_name):
        raise typer.BadParameter("--column, --where and --job-name go with --table")
    if table is not None and (input or data):
        raise typer.BadParameter("jobs of a table have no inputs")
    if gpus is not None and gpu_part is not None:
        raise typer.BadParameter("--gpus and --gpu-part exclude each other")
    fixed = parameters_of(parameter)
    product = Sweep(fixed, sweep)
    with session.client() as client, ExitStack() as files:
        header = _header(
            client,
            app,
            {
                "version": version,
                "project": project,
                "pool": pool,
                "name": name,
                "outputs_to": outputs_to,
                "priority": priority,
                "private": private or None,
                "table": table,
                "columns": dict(assignment(text, "--column") for text in column) or None,
                "constants": fixed or None if table else None,
                "where": where_of(client, table, where) if table else None,
                "job_name": job_name,
            },
            _given(
                hosts=hosts,
                **_devices(gpus, gpu_part),
                gpu_memory_mib=gpu_memory_mib,
                cpus=cpus,
                memory_mib=memory_mib,
            ),
            _given(wall_seconds=wall_seconds),
        )
        inputs = {**_uploads(client, input), **_places(data)}
        if table is not None:
            requests: Iterable[JobRequest] = []
        elif jobs is not None:
            numbers = array("L")
            requests = from_lines(files.enter_context(opened(jobs)), fixed, inputs, numbers)
            files.enter_context(by_line(numbers))
        else:
            requests = _swept(product, inputs)
        if dry_run:
            answer = client.dry_run(header, requests)
            told = answer.model_dump(exclude={"start"}).items()
            rows: list[tuple[str, object]] = [(k.replace("_", " "), v) for k, v in told]
            rows += [(f"may start {title}", value) for title, value in ahead(answer.start)]
            print_document(answer, rows, json=session.json)
        else:
            _send(session, client, header, requests, wait=wait)


def _swept(product: Sweep, inputs: "dict[str, InputContent]") -> "Iterable[JobRequest]":
    requests = from_sweep(product, inputs)
    return list(requests) if len(product) <= JSON_JOBS_MAX else requests


def _send(
    session: Session,
    client: "Client",
    header: "BatchHeader",
    requests: "Iterable[JobRequest]",
    *,
    wait: bool,
) -> None:
    receipt = client.submit_batch(header, requests)
    handle = client.open_batch(receipt.id)
    if session.json:
        print_line(receipt.model_dump_json())
    elif sys.stdout.isatty():
        follow = "" if wait else f"; follow it with: fairlead watch {handle}"
        print_line(f"{handle}: {receipt.jobs} job{'s'[: receipt.jobs != 1]} submitted{follow}")
    else:
        print_line(str(handle))
    if wait:
        raise typer.Exit(wait_for(session, client, handle))


def wait_for(
    session: Session,
    client: "Client",
    handle: "BatchHandle",
    timeout_seconds: float | None = None,
) -> int:
    """Wait for a batch, say how it ended, and the exit code that stands for it."""
    batch = handle.wait(progress=not session.json, timeout_seconds=timeout_seconds)
    if session.json:
        print_line(batch.model_dump_json())
    else:
        counts = {k: n for k, n in batch.counts.model_dump().items() if n}
        note(f"{handle}: " + ", ".join(f"{n} {state}" for state, n in counts.items()))
    if batch.jobs == 1:
        return exit_of_job(next(iter(handle.jobs())))
    return exit_of_batch(batch)


def _header(
    client: "Client",
    app: str,
    fields: dict[str, object],
    resources: dict[str, int],
    limits: dict[str, int],
) -> "BatchHeader":
    """What the jobs share; a need or limit that is given changes that one of the version's."""
    from broker.client.submissions import checked
    from broker.protocol.batches import BatchHeader

    fields = {"app": app, **{name: value for name, value in fields.items() if value is not None}}
    if resources or limits:
        number = fields.setdefault("version", client.app(app).latest_version)
        if not isinstance(number, int):
            raise NotFound(f"{app} has no published version")
        spec = client.version(app, number).spec
        if resources:
            fields["resources"] = {**spec.resources.model_dump(), **resources}
        if limits:
            fields["limits"] = {**spec.limits.model_dump(), **limits}
    return checked(BatchHeader, fields)


def _given(**fields: int | None) -> dict[str, int]:
    return {name: value for name, value in fields.items() if value is not None}


def _devices(gpus: int | None, gpu_part: str | None) -> dict[str, int]:
    """Whole GPUs, or a part of one, in place of what the version asks for."""
    from broker.protocol.resources import WHOLE

    if gpu_part is not None:
        return {"gpus": 1, "gpu_eighths": eighths_of(gpu_part)}
    return {} if gpus is None else {"gpus": gpus, "gpu_eighths": WHOLE}


def _uploads(client: "Client", texts: list[str]) -> "dict[str, InputContent]":
    """The contents of the `--input` files, uploaded."""
    named = dict(assignment(text, "--input") for text in texts)
    return {name: client.upload(Path(path)) for name, path in named.items()}


def _places(texts: list[str]) -> "dict[str, InputContent]":
    """The `--data` inputs, which stay where they are."""
    from broker.client.submissions import checked
    from broker.protocol.batches import InputContent

    named = dict(assignment(text, "--data") for text in texts)
    return {name: checked(InputContent, {"data": place}) for name, place in named.items()}
