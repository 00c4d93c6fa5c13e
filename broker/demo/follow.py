"""Following the sweeps while they run, and reading what remains of them afterwards."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path

import orjson
from rich.console import Console
from rich.live import Live

from broker.client.crowd import for_each
from broker.demo.ising import Result
from broker.demo.measure import Attempt, fractions
from broker.demo.scientists import Sweep
from broker.demo.table import Standing, line, table
from broker.errors import FairleadError
from broker.protocol.batches import Batch
from broker.protocol.ids import show
from broker.protocol.jobs import Job, JobSummary
from broker.protocol.states import JobState

LOOK_SECONDS = 0.5
LINE_SECONDS = 10.0
REQUESTS_AT_ONCE = 8
STDERR_CHARACTERS = 2_000
FAILED = (JobState.FAILED, JobState.QUARANTINED)


class Ending(Enum):
    """Why there is nothing more to wait for."""

    DONE = auto()
    TIME_OVER = auto()
    FAILURE = auto()


@dataclass(slots=True)
class Follower:
    """Draws the table until every job has ended; one scientist's row follows one batch."""

    sweeps: Sequence[Sweep]
    console: Console
    title: str
    _shares: dict[str, float] | None = None

    async def run(self, deadline: float) -> Ending:
        """Looks twice a second until there is nothing more to wait for.

        Args:
            deadline: by the event loop's clock.
        """
        clock = asyncio.get_running_loop().time
        began = said = clock()
        with Live(console=self.console, refresh_per_second=4, transient=True) as live:
            while True:
                batches = [await sweep.batch.refresh() for sweep in self.sweeps]
                standings = self._standings(batches)
                seconds = clock() - began
                live.update(table(standings, f"{self.title}, {seconds:.0f} s"))
                if not self.console.is_terminal and clock() - said >= LINE_SECONDS:
                    said = clock()
                    self.console.print(line(standings, seconds), soft_wrap=True)
                if any(_failures(batch) for batch in batches):
                    return Ending.FAILURE
                if all(batch.finished_at is not None for batch in batches):
                    return Ending.DONE
                if clock() >= deadline:
                    return Ending.TIME_OVER
                await asyncio.sleep(LOOK_SECONDS)

    def _standings(self, batches: Sequence[Batch]) -> list[Standing]:
        names = [sweep.scientist.name for sweep in self.sweeps]
        usage = dict(zip(names, (batch.usage_gpu_seconds for batch in batches), strict=True))
        contended = all(batch.counts.queued > 0 for batch in batches)
        if sum(usage.values()) > 0 and (contended or self._shares is None):
            self._shares = fractions(usage)  # stands still once somebody has nothing waiting
        quotas = fractions({s.scientist.name: s.scientist.quota for s in self.sweeps})
        return [
            Standing(
                name,
                quotas[name],
                self._shares[name] if self._shares else None,
                batch.counts.leased + batch.counts.running,
                batch.jobs - batch.counts.queued - batch.counts.leased - batch.counts.running,
                batch.jobs,
            )
            for name, batch in zip(names, batches, strict=True)
        ]


def _failures(batch: Batch) -> int:
    return batch.counts.failed + batch.counts.quarantined


@dataclass(frozen=True, slots=True)
class Harvest:
    """What the sweeps left."""

    results: list[Result]
    attempts: list[Attempt]
    waiting: dict[str, int]
    """For each scientist, the jobs that never got a lease."""
    failed: int
    """Jobs that ended badly by themselves."""


async def harvest(sweeps: Sequence[Sweep], output: Path) -> Harvest:
    """Downloads every output, and reads from the API when each attempt held its slot."""
    results: list[Result] = []
    attempts: list[Attempt] = []
    waiting: dict[str, int] = {}
    failed = 0
    for sweep in sweeps:
        name = sweep.scientist.name
        directory = output / name
        for paths in (await sweep.batch.outputs(directory)).values():
            results.extend(
                Result(**orjson.loads(path.read_bytes()))
                for path in paths
                if path.name == "result.json"
            )
        done = [
            Job.model_validate_json(each)
            for each in (directory / "jobs.ndjson").read_bytes().splitlines()
        ]
        others = await _jobs_without_success(sweep)
        for job in done + others:
            attempts.extend(attempts_of(name, job))
        waiting[name] = sum(1 for job in others if not job.attempts)
        failed += sum(1 for job in others if job.state in FAILED)
    return Harvest(results, attempts, waiting, failed)


def attempts_of(name: str, job: Job) -> list[Attempt]:
    """The closed attempts of one job, in the words of `measure`."""
    return [
        Attempt(
            name,
            attempt.leased_at.timestamp(),
            attempt.finished_at.timestamp(),
            attempt.debited_gpu_seconds,
        )
        for attempt in job.attempts
    ]


async def _jobs_without_success(sweep: Sweep) -> list[Job]:
    summaries = [job async for job in sweep.batch.jobs() if job.state is not JobState.SUCCEEDED]
    jobs: list[Job] = []

    async def one(summary: JobSummary) -> None:
        jobs.append(await sweep.client.job(summary.id))

    await for_each(summaries, one, at_once=REQUESTS_AT_ONCE)
    return jobs


async def first_failure(sweeps: Sequence[Sweep]) -> str | None:
    """What went wrong with one failed job, in the broker's words and its own; None without one."""
    for sweep in sweeps:
        for state in FAILED:
            async for job in sweep.client.jobs(batch=sweep.batch.id, state=state, limit=1):
                return await _words_of(sweep, job)
    return None


async def _words_of(sweep: Sweep, job: JobSummary) -> str:
    why = (await sweep.client.explain(job.id)).sentence
    try:
        stderr = "".join([text async for text in sweep.client.logs(job.id, "stderr")])
    except FairleadError as error:
        stderr = f"(no stderr: {error.message})"
    words = f"{show('job', job.id)} of {sweep.scientist.name} ({job.name}): {why}"
    return f"{words}\n{stderr[-STDERR_CHARACTERS:].rstrip()}".rstrip()
