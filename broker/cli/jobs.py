"""Jobs: list, show, explain, read their logs."""

import sys
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from broker.cli.names import identify
from broker.cli.options import LIMIT_DEFAULT, SCIENTISTS, Limit
from broker.cli.render import Column, ahead, print_document, print_json, print_line, print_list
from broker.cli.session import Session, command
from broker.protocol.states import JobState

if TYPE_CHECKING:
    from broker.client import Client
    from broker.protocol.jobs import Attempt, Explanation, Job, JobSummary, Output

OneJob = Annotated[str, typer.Argument(metavar="JOB", help="job_17, or 17")]


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    for each in (jobs, show, why, logs):
        command(app, rich_help_panel=SCIENTISTS)(each)


def jobs(
    session: Session,
    batch: Annotated[str | None, typer.Option(help="Only of this batch.")] = None,
    state: Annotated[JobState | None, typer.Option(help="Only in this state.")] = None,
    app: Annotated[str | None, typer.Option(help="Only of this app.")] = None,
    limit: Limit = LIMIT_DEFAULT,
) -> None:
    """List jobs, newest first."""
    from broker.protocol.ids import show

    columns: list[Column[JobSummary]] = [
        Column("id", lambda j: show("job", j.id)),
        Column("batch", lambda j: show("batch", j.batch), spare=1),
        Column("name", lambda j: j.name, spare=2),
        Column("app", lambda j: j.app_name),
        Column("account", lambda j: j.account_name, spare=4),
        Column("state", lambda j: j.state),
        Column("host", lambda j: j.host_name, spare=3),
        Column("exit", lambda j: j.exit_code, right=True),
        Column("created", lambda j: j.created_at, spare=6),
        Column("finished", lambda j: j.finished_at, spare=5),
    ]
    named = None if batch is None else identify(batch, "batch")[1]
    with session.client() as client:
        items = client.jobs(batch=named, state=state, app=app, limit=limit or None)
        print_list(items, columns, json=session.json, empty="no jobs")


def show(
    session: Session,
    id: Annotated[str, typer.Argument(metavar="ID", help="job_..., batch_... or host_...")],
) -> None:
    """Show one job, batch or host whole."""
    from broker.cli.hosts import show_host

    kind, name = identify(id, "job", "batch", "host")
    with session.client() as client:
        if kind == "job":
            _show_job(session, client.job(name))
        elif kind == "batch":
            _show_batch(session, client, name)
        else:
            show_host(session, client.host(name))


def _show_job(session: Session, job: "Job") -> None:
    from broker.protocol.ids import show

    rows = [
        ("id", show("job", job.id)),
        ("batch", f"{show('batch', job.batch)}, index {job.index}"),
        ("name", job.name),
        ("app", f"{job.app_name} v{job.version_number}"),
        ("account", job.account_name),
        ("state", f"{job.state}{', to be cancelled' if job.cancelling else ''}"),
        ("host", job.host_name),
        ("exit code", job.exit_code),
        ("created", job.created_at),
        ("started", job.started_at),
        ("finished", job.finished_at),
        *((f"parameter {name}", value) for name, value in job.parameters.items()),
        *((f"input {name}", _input(value)) for name, value in job.inputs.items()),
        *(("outputs to", place) for place in _places(job)),
        *((f"attempt {attempt.epoch}", _attempt(attempt)) for attempt in job.attempts),
        *((f"output {output.name}", _output(output)) for output in job.outputs),
    ]
    print_document(job, rows, json=session.json)


def _input(value: object) -> str:
    fields = value if isinstance(value, dict) else {}
    if place := fields.get("data"):
        return str(place)
    digest = fields.get("sha256")
    return f"sha256 {digest}" if digest else f"{len(fields.get('text') or '')} characters of text"


def _places(job: "Job") -> list[str]:
    """Directories below data roots that the job writes to."""
    from broker.protocol.ids import show

    return [f"{show('root', use.root)}:{use.path}" for use in job.data if use.input is None]


def _attempt(attempt: "Attempt") -> str:
    where = attempt.host_name or "a host since removed"
    seconds = (attempt.finished_at - attempt.leased_at).total_seconds()
    why = f": {attempt.message}" if attempt.message else ""
    return (
        f"{attempt.outcome} on {where}, {seconds:.1f} s, "
        f"{attempt.debited_gpu_seconds:.1f} slot-seconds charged{why}"
    )


def _output(output: "Output") -> str:
    return f"{output.size_bytes} bytes, sha256 {output.sha256}"


def _show_batch(session: Session, client: "Client", name: str) -> None:
    from broker.cli.batches import counts_of

    batch = client.batch(name)
    rows = [
        ("id", name),
        ("name", batch.name),
        ("app", f"{batch.app_name} v{batch.version_number}"),
        ("account", batch.account_name),
        ("pool", batch.pool),
        ("priority", batch.priority),
        ("jobs", batch.jobs),
        ("done", f"{batch.fraction_done:.1%}"),
        ("states", counts_of(batch)),
        ("slot-seconds", batch.usage_gpu_seconds),
        ("needs", _fields(batch.resources.model_dump())),
        ("limits", _fields(batch.limits.model_dump())),
        ("created", batch.created_at),
        ("finished", batch.finished_at),
        *((f"may end {title}", value) for title, value in ahead(batch.end)),
    ]
    print_document(batch, rows, json=session.json)


def _fields(values: dict[str, object]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items() if value)


def why(
    session: Session,
    job: OneJob,
    against: Annotated[
        str | None, typer.Option(metavar="JOB", help="Why that job started before this one.")
    ] = None,
) -> None:
    """Say why a job is where it is: one sentence, then the numbers behind it."""
    _, name = identify(job, "job")
    other = None if against is None else identify(against, "job")[1]
    with session.client() as client:
        explanation = client.explain(name, other)
    if session.json:
        print_line(explanation.model_dump_json())
        return
    print_line(explanation.sentence)
    if explanation.pool_now:
        print_line(f"On pool {explanation.pool_now} it would start now.")
    if explanation.comparison:
        print_line(explanation.comparison.sentence)
    rows = [(key.replace("_", " "), value) for key, value in explanation.numbers.items()]
    if rows:
        print_document(explanation, [*rows, *_around(explanation)], json=False)


def _around(explanation: "Explanation") -> list[tuple[str, object]]:
    """What else is known of a waiting job, as rows."""
    rows: list[tuple[str, object]] = [
        (
            f"ahead, place {each.rank}",
            f"{each.account_name}: {each.allocated_slots:g} of {each.entitlement_slots:.1f} slots",
        )
        for each in explanation.ahead
    ]
    rows += [(f"may start {title}", value) for title, value in ahead(explanation.start)]
    if explanation.comparison:
        numbers = explanation.comparison.numbers.items()
        rows += [(f"then, {key.replace('_', ' ')}", value) for key, value in numbers]
    return rows


def logs(
    session: Session,
    job: OneJob,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on while it runs.")] = False,
    stderr: Annotated[bool, typer.Option("--stderr", help="Instead of stdout.")] = False,
) -> None:
    """Print what a job wrote."""
    _, name = identify(job, "job")
    stream: Literal["stdout", "stderr"] = "stderr" if stderr else "stdout"
    with session.client() as client:
        for text in client.logs(name, stream, follow=follow):
            if session.json:
                print_json({"text": text})
            else:
                sys.stdout.write(text)
                sys.stdout.flush()
