"""The event loop: submissions and ends in order of time, and cycles of the policy after them.

What happens at one moment is taken together, as the broker takes together what happens within a few
milliseconds: first the ends, then the submissions, then one cycle. Where cycles are to come only
every so many seconds, the cycle waits for the next full multiple of that time.
"""

import heapq
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from broker.scheduling.columns import Floats, Int32s
from broker.scheduling.simulation.matching import State, enqueue_all, finish
from broker.scheduling.simulation.scene import Policy, Scene

PROGRESS_JOBS = 500


@dataclass(frozen=True, slots=True)
class Attempts:
    """Who held what and when, in order of start; k rows. job int32[k]; start_seconds, end_seconds
    float64[k]; completed bool[k], False where the job was stopped and waited again."""

    job: Int32s
    start_seconds: Floats
    end_seconds: Floats
    completed: np.ndarray[tuple[int], np.dtype[np.bool_]]
    cycles: int


def replay(
    scene: Scene,
    state: State,
    policy: Policy,
    every_seconds: float = 0.0,
    progress: Callable[[int], None] | None = None,
) -> Attempts:
    """Run the trace to its last end.

    every_seconds: time between two cycles, 0 for one after every event. progress hears now and
    then how many jobs have ended.
    """
    submit, duration = scene.trace.submit_seconds, scene.trace.duration_seconds.tolist()
    moments, firsts = np.unique(submit, return_index=True)
    arrivals = [*moments.tolist(), np.inf]
    rows = [*firsts.tolist(), submit.size]
    jobs: list[int] = []
    starts: list[float] = []
    ends: list[tuple[float, int]] = []
    arrival, cycles, done, due = 0, 0, 0, np.inf
    while ends or arrival < moments.size or len(jobs) < rows[arrival]:
        now = min(arrivals[arrival], ends[0][0] if ends else np.inf, due)
        if now == np.inf:
            raise RuntimeError("jobs wait on an empty cluster, and the policy starts none")
        policy.advance(now)
        while ends and ends[0][0] <= now:
            job = heapq.heappop(ends)[1]
            finish(state, job)
            policy.ended(job, duration[job])
            done += 1
            if progress is not None and done % PROGRESS_JOBS == 0:
                progress(done)
        if arrivals[arrival] <= now:
            enqueue_all(state, rows[arrival], rows[arrival + 1])
            policy.submitted(rows[arrival], rows[arrival + 1], now)
            arrival += 1
        if state.totals[1] == 0 or rows[arrival] == len(jobs):
            due = np.inf
            continue  # no slot is free, or nothing waits: no cycle could start anything
        due = min(due, next_cycle(now, every_seconds))
        if due > now:
            continue
        due = np.inf
        cycles += 1
        for job in policy.cycle(now).tolist():
            jobs.append(job)
            starts.append(now)
            heapq.heappush(ends, (now + duration[job], job))
    if progress is not None:
        progress(done)
    job_column = np.array(jobs, np.int32)
    start_column = np.array(starts, np.float64)
    return Attempts(
        job_column,
        start_column,
        start_column + scene.trace.duration_seconds[job_column],
        np.ones(job_column.size, bool),
        cycles,
    )


def next_cycle(now: float, every_seconds: float) -> float:
    """When the cycle after something that happened now comes: at the next full multiple."""
    return math.ceil(now / every_seconds) * every_seconds if every_seconds > 0 else now
