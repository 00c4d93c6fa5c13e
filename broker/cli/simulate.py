"""What-if for admins: replay a trace under Fairlead's plan and under other systems' rules."""

import gzip
import io
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeVar

import typer

from broker.cli.job_sources import opened
from broker.cli.options import OWNERS
from broker.cli.render import Column, note, print_line, print_list
from broker.cli.session import PRINTING, Session, command
from broker.errors import FieldError, InvalidInput

if TYPE_CHECKING:
    from broker.scheduling.simulation import BadRow, Report

DAY_SECONDS: Final = 86_400.0
SLOTS_MAX: Final = 1_000_000  # of the simulated cluster
BAD_ROWS_SHOWN: Final = 20
GZIP_MAGIC: Final = b"\x1f\x8b"
EVERY: Final = "all"

Result = TypeVar("Result")


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    command(app, takes=PRINTING, rich_help_panel=OWNERS)(simulate)


def simulate(
    session: Session,
    trace: Annotated[
        str,
        typer.Argument(
            metavar="TRACE.csv",
            help="Columns job_id,user,group,gpus,submit_s,duration_s,state; .gz too; - is stdin.",
        ),
    ],
    slots: Annotated[int, typer.Option(min=1, max=SLOTS_MAX, help="GPUs of the cluster.")],
    quotas: Annotated[
        str | None,
        typer.Option(
            metavar="QUOTAS.csv", help="Columns group, user or both, and quota. Else all are equal."
        ),
    ] = None,
    policy: Annotated[
        str,
        typer.Option(help="fairlead, fifo, slurm-fairtree, htcondor, boinc, or all."),
    ] = "fairlead",
    host_slots: Annotated[int, typer.Option(min=1, max=SLOTS_MAX, help="GPUs of one host.")] = 8,
    from_day: Annotated[float, typer.Option(min=0.0, help="Leave out what is earlier.")] = 0.0,
    days: Annotated[
        float | None, typer.Option(min=0.0, help="Leave out what is so much later.")
    ] = None,
    half_life: Annotated[
        float, typer.Option(help="Days in which past usage counts half, above 0.")
    ] = 7.0,
    every: Annotated[
        float, typer.Option(min=0.0, help="Seconds between two cycles; 0: one after every event.")
    ] = 0.0,
    reclaim_after: Annotated[
        float | None,
        typer.Option(
            min=0.0,
            metavar="SECONDS",
            help="fairlead takes jobs back that ran so long, for who is below the share.",
        ),
    ] = None,
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Leave bad rows out instead of stopping.")
    ] = False,
    picture: Annotated[
        Path | None, typer.Option(metavar="FILE.png", help="Draw shares and lag over time.")
    ] = None,
) -> None:
    """Replay a trace of jobs under a policy and report how fairly the GPUs were shared.

    Every policy gets the same jobs, cluster and quotas, and is measured against the same
    entitlement: weighted max-min by quota alone, up to what each account wants at the moment.
    """
    from broker.cli import simulation_pictures
    from broker.scheduling.simulation import POLICIES, Fleet, read_quotas, read_trace
    from broker.scheduling.simulation import simulate as replay

    names = tuple(POLICIES) if policy == EVERY else (policy,)
    if not set(names) <= set(POLICIES):
        raise InvalidInput.of("--policy", f"{policy!r} is none of {', '.join(POLICIES)}, {EVERY}")
    if not 0 < half_life < math.inf:
        raise InvalidInput.of("--half-life", f"must be finite and above 0 days, not {half_life:g}")
    if picture is not None:
        simulation_pictures.require()
        if not picture.parent.is_dir():
            raise InvalidInput.of("--picture", f"there is no directory {picture.parent}")
    fleet = Fleet(slots, host_slots)
    jobs = _read(trace, lambda lines: read_trace(lines, fleet.fits), skip_bad)
    if from_day or days is not None:
        start = from_day * DAY_SECONDS
        jobs = jobs.between(start, start + DAY_SECONDS * (days if days is not None else 1e9))
    weights = _read(quotas, read_quotas, skip_bad) if quotas else None
    if weights is not None and not (weights.groups or weights.accounts):
        raise InvalidInput(f"{quotas}: has no quotas")

    def run(name: str, progress: Callable[[int], None]) -> "Report":
        return replay(
            jobs,
            slots,
            name,
            half_life * DAY_SECONDS,
            weights,
            host_slots=host_slots,
            every_seconds=every,
            reclaim_after_seconds=reclaim_after,
            progress=progress,
        )

    reports = _replay_each(names, jobs.jobs, run)
    if picture is not None:
        try:
            simulation_pictures.draw(picture, reports)
        except (OSError, ValueError) as error:
            raise InvalidInput.of("--picture", str(error)) from error
    if session.json:
        for each in reports:
            print_line(_json(each))
    else:
        print_list(_untyped(reports), COLUMNS, json=False)


def _replay_each(
    names: Sequence[str], jobs: int, run: "Callable[[str, Callable[[int], None]], Report]"
) -> "list[Report]":
    """One report a policy, with a progress bar on a terminal."""
    from rich.console import Console
    from rich.progress import Progress

    from broker.scheduling import InvalidColumnError

    reports = []
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        for name in names:
            task = bar.add_task(name, total=jobs)

            def progress(done: int, task: Any = task) -> None:
                bar.update(task, completed=done)

            try:
                reports.append(run(name, progress))
            except InvalidColumnError as error:
                raise InvalidInput(str(error)) from error
    return reports


def _read(
    name: str,
    read: "Callable[[Iterator[str]], tuple[Result, list[BadRow]]]",
    skip_bad: bool,
) -> Result:
    """What a CSV file holds. Bad rows are an error, or, if they may be skipped, a note on stderr.

    Raises:
        InvalidInput: names the file, and the lines at fault.
    """
    try:
        with _lines(name) as lines:
            result, bad = read(lines)
    except (ValueError, EOFError, OSError) as error:
        raise InvalidInput(f"{name}: {error}") from error
    if not bad:
        return result
    shown = [FieldError(f"line {row.line}", row.why) for row in bad[:BAD_ROWS_SHOWN]]
    more = len(bad) - len(shown)
    count = f"{len(bad)} bad row{'s' if len(bad) > 1 else ''}"
    if not skip_bad:
        if more:
            shown.append(FieldError("and", f"{more} more"))
        raise InvalidInput(f"{name} has {count}; --skip-bad leaves them out", errors=shown)
    note(f"{name}: left out {count}")
    for row in shown:
        note(f"  {row.pointer}: {row.detail}")
    if more:
        note(f"  and {more} more")
    return result


@contextmanager
def _lines(name: str) -> Iterator[Iterator[str]]:
    """The lines of a text file, compressed with gzip or not; raises InvalidInput."""
    with opened(name) as file:
        data = file.read()
        text = gzip.decompress(data) if data.startswith(GZIP_MAGIC) else data
        yield io.StringIO(text.decode(), newline="")


def _json(report: "Report") -> str:
    import orjson

    return orjson.dumps(report, option=orjson.OPT_SERIALIZE_NUMPY).decode()


def _untyped(reports: "list[Report]") -> list[Any]:
    """`print_list` knows wire models; a report has no other form than this table and its JSON."""
    return list(reports)


def _rho(report: "Report") -> str:
    metrics = report.metrics
    return f"{metrics.rho_p50:.2f} / {metrics.rho_p95:.2f} / {metrics.rho_max:.2f}"


COLUMNS: "Final[list[Column[Any]]]" = [
    Column("policy", lambda r: r.policy),
    Column("error %", lambda r: f"{100 * r.metrics.fairness_error:.2f}", right=True),
    Column("worst lag GPU-h", lambda r: f"{r.metrics.worst_lag_gpu_hours:.0f}", right=True),
    Column("Jain", lambda r: f"{r.metrics.jain:.4f}", right=True),
    Column("rho p50 / p95 / max", _rho, right=True),
    Column("gang wait p95 h", lambda r: r.metrics.gang_wait_p95_hours, right=True),
    Column("preempted GPU-h", lambda r: f"{r.metrics.preempted_gpu_hours:.0f}", right=True),
    Column("used %", lambda r: f"{100 * r.metrics.utilisation:.2f}", right=True),
]
