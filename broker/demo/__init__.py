"""`fairlead demo`: three scientists share four slots 50/30/20 on a real computation.

stage       a broker with private servers, and a worker
scientists  three accounts, each with a sweep of the 2-D Ising model over temperatures
follow      the live table, then outputs and attempts
measure     shares from what really ran
onsager     the exact solution, and how far the results lie from it
report      the verdict
pictures    the magnetisation curve, and shares over time
"""

import asyncio
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson
from rich.console import Console

from broker.demo import measure, onsager, pictures, report
from broker.demo.follow import Ending, Follower, Harvest, first_failure, harvest
from broker.demo.report import Report
from broker.demo.scientists import SCIENTISTS, Design, Sweep, sweeps
from broker.demo.stage import set_up
from broker.main import until_signal

__all__ = ["Design", "run"]

SLOTS = 4
MOVING_SECONDS = 10.0  # the second line of the picture of shares
INTERRUPTED = 130  # as a shell counts SIGINT
CONTENTION_SECONDS_MAX = 55.0  # enough to measure; a slow machine need not do the whole sweep
CLOSING_SECONDS_MAX = 20.0  # kept back of the time given: cancel, collect, draw, stop
CANCEL_SECONDS_MAX = 10.0


async def run(
    directory: Path | None,
    output: Path,
    seconds_max: int,
    json: bool,
    console: Console,
    *,
    design: Design | None = None,
    slots: int = SLOTS,
) -> int:
    """Plays the demo; returns the exit code.

    Args:
        directory: an empty place for the broker's data, which stays; None takes one in /tmp that
            is removed.
        output: where results, pictures and the log go.
        seconds_max: longest time that it may take, in seconds.
        json: print one JSON document on stdout.
        console: where a person reads.
        design: the size of the computation; None takes the full one.
        slots: CPU slots of the worker.

    Returns:
        0 when shares and physics are within their tolerances, 1 otherwise, 130 when interrupted.

    Raises:
        StartupError: something cannot start, or matplotlib is missing.
    """
    pictures.require()
    demo = Demo(
        directory, output, seconds_max, json, console, design or Design.for_slots(slots), slots
    )
    async with until_signal() as stop:
        playing = asyncio.create_task(demo.play())
        stopping = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait({playing, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if playing.done():
                return playing.result()
            console.print("interrupted; stopping everything", style="yellow")
            return INTERRUPTED
        finally:
            for task in (playing, stopping):
                task.cancel()
            await asyncio.gather(playing, stopping, return_exceptions=True)


@dataclass(slots=True)
class Demo:
    """One performance; the arguments are those of `run`."""

    directory: Path | None
    output: Path
    seconds_max: int
    json: bool
    console: Console
    design: Design
    slots: int
    began: float = 0.0

    async def play(self) -> int:
        """From the start of the servers to the verdict."""
        self.began = time.monotonic()
        try:
            async with asyncio.timeout(self.seconds_max):
                return await self._play()
        except TimeoutError:
            self.console.print(f"not done within {self.seconds_max} s", style="red")
            return 1

    async def _play(self) -> int:
        self.output.mkdir(parents=True, exist_ok=True)
        log = self.output / "fairlead.log"
        self._announce()
        async with (
            set_up(self.directory, log, self.slots) as place,
            sweeps(place.url, place.admin_token, self.design) as submitted,
            place.worker() as dying,
        ):
            following = asyncio.create_task(self._follow(submitted))
            try:
                await asyncio.wait({following, dying}, return_when=asyncio.FIRST_COMPLETED)
                if not following.done():
                    dying.result()  # raises
                found = following.result()
            finally:
                following.cancel()
                await asyncio.gather(following, return_exceptions=True)
        verdict = await asyncio.to_thread(self._conclude, found)
        report.show(verdict, self.design, self.console)
        if self.json:
            sys.stdout.write(orjson.dumps(verdict.document()).decode() + "\n")
            sys.stdout.flush()
        return 1 if verdict.faults() else 0

    def _announce(self) -> None:
        jobs = sum(1 for s in SCIENTISTS for _ in self.design.jobs(s))
        self.console.print(
            f"{jobs} jobs of the 2-D Ising model for three scientists with quotas "
            f"{'/'.join(f'{s.quota:g}' for s in SCIENTISTS)} on {self.slots} slots.",
            soft_wrap=True,
        )

    async def _follow(self, submitted: Sequence[Sweep]) -> Harvest:
        left = self.seconds_max - (time.monotonic() - self.began)
        closing = min(CLOSING_SECONDS_MAX, self.seconds_max / 2)
        title = f"{self.slots} slots"
        follower = Follower(submitted, self.console, title)
        seconds = min(CONTENTION_SECONDS_MAX, left - closing)
        ending = await follower.run(asyncio.get_running_loop().time() + seconds)
        if ending is Ending.FAILURE:
            failure = await first_failure(submitted)
            self.console.print(failure, style="red", markup=False, soft_wrap=True)
        elif ending is Ending.TIME_OVER:
            self.console.print(f"cancelling what still waits after {seconds:.0f} s", style="yellow")
        if ending is not Ending.DONE:
            await self._cancel(submitted)
        return await harvest(submitted, self.output)

    async def _cancel(self, submitted: Sequence[Sweep]) -> None:
        for sweep in submitted:
            await sweep.batch.cancel()
        for sweep in submitted:
            await sweep.batch.wait(timeout_seconds=CANCEL_SECONDS_MAX)

    def _conclude(self, found: Harvest) -> Report:
        quotas = {s.name: s.quota for s in SCIENTISTS}
        window = measure.contention(found.attempts, found.waiting)
        amounts = measure.delivered(found.attempts, quotas, window) if window else None
        shares = measure.fractions(amounts) if amounts else None
        points = onsager.merged(found.results)
        drawn = []
        if points:
            drawn.append(self.output / "magnetisation.png")
            pictures.draw_magnetisation(drawn[-1], points, self.design.size)
        if window:
            drawn.append(self.output / "shares.png")
            pictures.draw_shares(
                drawn[-1],
                found.attempts,
                quotas,
                window,
                width_seconds=MOVING_SECONDS,
                remark=f"{self.slots} slots",
            )
        return Report(
            quotas=measure.fractions(quotas),
            shares=shares,
            slot_seconds=amounts,
            share_error_points=measure.error_points(shares, quotas) if shares else None,
            contention_seconds=window.seconds if window else 0.0,
            deviation_max=onsager.magnetisation_deviation_max(points),
            energy_deviation_max=onsager.energy_deviation_max(points),
            points=points,
            jobs=sum(1 for s in SCIENTISTS for _ in self.design.jobs(s)),
            jobs_succeeded=len(found.results),
            jobs_failed=found.failed,
            pictures=[str(file) for file in drawn],
            seconds=time.monotonic() - self.began,
            slots=self.slots,
        )
