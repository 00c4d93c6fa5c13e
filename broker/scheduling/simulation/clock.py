"""The event loop: submissions and ends in order of time, and cycles of the policy after them.

What happens at one moment is taken together, as the broker takes together what happens within a few
milliseconds: first the ends, then the submissions, then one cycle. Where cycles are to come only
every so many seconds, the cycle waits for the next full multiple of that time. Jobs that are taken
back are gone at once, and the cycle follows.
"""

import heapq
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from broker.scheduling.columns import Floats, Int32s
from broker.scheduling.simulation.matching import enqueue, enqueue_all, finish
from broker.scheduling.simulation.scene import Policy, Reclaimer, Scene
from broker.scheduling.simulation.state import State

PROGRESS_JOBS = 500
RECLAIM_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Attempts:
    """Who held what and when, in order of start; k rows. job int32[k]; start_seconds, end_seconds
    float64[k]; completed bool[k], False where the job was stopped and waited again."""

    job: Int32s
    start_seconds: Floats
    end_seconds: Floats
    completed: np.ndarray[tuple[int], np.dtype[np.bool_]]
    cycles: int


class Book:
    """Who started when, and what comes to its end next.

    started: how many jobs have started and have not been stopped since.
    """

    def __init__(self, duration_seconds: Floats) -> None:
        self.started = 0
        self._duration: list[float] = duration_seconds.tolist()
        self._jobs: list[int] = []
        self._starts: list[float] = []
        self._stops: dict[int, float] = {}  # by attempt
        self._attempt: dict[int, int] = {}  # of each job that runs
        self._ends: list[tuple[float, int, int]] = []  # a heap: moment, job, attempt

    def start(self, job: int, now: float) -> None:
        """A job runs."""
        attempt = len(self._jobs)
        self._jobs.append(job)
        self._starts.append(now)
        self._attempt[job] = attempt
        heapq.heappush(self._ends, (now + self._duration[job], job, attempt))
        self.started += 1

    def stop(self, job: int, now: float) -> None:
        """A job waits again, and begins anew when it is started."""
        self._stops[self._attempt.pop(job)] = now
        self.started -= 1

    def next_end(self) -> float:
        """When the next job ends, inf if none runs."""
        while self._ends and self._ends[0][2] in self._stops:
            heapq.heappop(self._ends)
        return self._ends[0][0] if self._ends else np.inf

    def end(self) -> tuple[int, float]:
        """Take out the job that ends next; how long it lasted."""
        _, job, _ = heapq.heappop(self._ends)
        del self._attempt[job]
        return job, self._duration[job]

    def attempts(self, cycles: int) -> Attempts:
        """All that ran, at the end of the replay."""
        job, start = np.array(self._jobs, np.int32), np.array(self._starts, np.float64)
        end = start + np.array(self._duration, np.float64)[job]
        stopped = np.array(list(self._stops), np.int64)
        end[stopped] = list(self._stops.values())
        completed = np.ones(job.size, bool)
        completed[stopped] = False
        return Attempts(job, start, end, completed, cycles)


def replay(
    scene: Scene,
    state: State,
    policy: Policy,
    every_seconds: float = 0.0,
    progress: Callable[[int], None] | None = None,
    reclaimer: Reclaimer | None = None,
) -> Attempts:
    """Run the trace to its last end.

    every_seconds: time between two cycles, 0 for one after every event. progress hears now and
    then how many jobs have ended. reclaimer: the policy once more, if it takes running jobs back;
    then that comes before a cycle while jobs wait, at most every `RECLAIM_SECONDS`.
    """
    moments, firsts = np.unique(scene.trace.submit_seconds, return_index=True)
    arrivals = [*moments.tolist(), np.inf]
    rows = [*firsts.tolist(), scene.trace.jobs]
    book = Book(scene.trace.duration_seconds)
    arrival, cycles, done, due = 0, 0, 0, np.inf
    reclaim_due = np.inf if reclaimer is None else scene.start_seconds
    while done < scene.trace.jobs:
        waits = book.started < rows[arrival]
        now = min(arrivals[arrival], book.next_end(), due, reclaim_due if waits else np.inf)
        if now == np.inf:
            raise RuntimeError("jobs wait on an empty cluster, and the policy starts none")
        policy.advance(now)
        while book.next_end() <= now:
            job, seconds = book.end()
            finish(state, job)
            policy.ended(job, seconds)
            done += 1
            if progress is not None and done % PROGRESS_JOBS == 0:
                progress(done)
        if arrivals[arrival] <= now:
            enqueue_all(state, rows[arrival], rows[arrival + 1])
            policy.submitted(rows[arrival], rows[arrival + 1], now)
            arrival += 1
        waits = book.started < rows[arrival]
        if reclaimer is not None and waits and reclaim_due <= now:
            reclaim_due = now + RECLAIM_SECONDS
            for job in reclaimer.reclaim(now).tolist():
                finish(state, job)
                reclaimer.stopped(job)
                enqueue(state, job)
                book.stop(job, now)
        if state.totals[1] == 0 or not waits:
            due = np.inf
            continue  # no slot is free, or nothing waits: no cycle could start anything
        due = min(due, next_cycle(now, every_seconds))
        if due > now:
            continue
        due = np.inf
        cycles += 1
        for job in policy.cycle(now).tolist():
            book.start(job, now)
    if progress is not None:
        progress(done)
    return book.attempts(cycles)


def next_cycle(now: float, every_seconds: float) -> float:
    """When the cycle after something that happened now comes: at the next full multiple."""
    return math.ceil(now / every_seconds) * every_seconds if every_seconds > 0 else now
