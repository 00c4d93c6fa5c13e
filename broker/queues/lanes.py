"""Lanes: the queued jobs of one account, app version, pool and resource shape."""

from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from broker.protocol.ids import JobId, LaneId
from broker.queues.client import Queues, reachable

# Jobs that one script call touches at most: about 5 ms of Redis' only thread.
JOBS_PER_CALL_MAX = 10_000


@dataclass(frozen=True, slots=True)
class Run:
    """Consecutive jobs of one lane: `jobs` ids from `first_job_id` on."""

    lane_id: LaneId
    first_job_id: JobId
    jobs: int
    priority: int = 0

    def chunks(self, size: int = JOBS_PER_CALL_MAX) -> list["Run"]:
        """The run cut into pieces of at most `size` jobs."""
        return [
            Run(
                self.lane_id,
                JobId(self.first_job_id + start),
                min(size, self.jobs - start),
                self.priority,
            )
            for start in range(0, self.jobs, size)
        ]


def grouped(runs: Sequence[Run]) -> list[list[Run]]:
    """Runs in script calls of at most JOBS_PER_CALL_MAX jobs each."""
    calls: list[list[Run]] = [[]]
    room = JOBS_PER_CALL_MAX
    for piece in (piece for run in runs for piece in run.chunks()):
        if piece.jobs > room:
            calls.append([])
            room = JOBS_PER_CALL_MAX
        calls[-1].append(piece)
        room -= piece.jobs
    return [call for call in calls if call]


async def push(queues: Queues, runs: Sequence[Run]) -> int:
    """Adds jobs to their lanes; returns how many were not there."""
    added = 0
    for call in grouped(runs):
        fields = [f for r in call for f in (r.lane_id, -r.priority, r.first_job_id, r.jobs)]
        added += await queues.run("push", *fields)
    return added


async def remove(queues: Queues, runs: Sequence[Run]) -> int:
    """Takes jobs out of their lanes, for jobs that were cancelled while queued."""
    removed = 0
    for call in grouped(runs):
        fields = [f for r in call for f in (r.lane_id, r.first_job_id, r.jobs)]
        removed += await queues.run("remove", *fields)
    return removed


async def pop(
    queues: Queues, cycle: str, wanted: Sequence[tuple[int, int]]
) -> list["np.ndarray[Any, np.dtype[np.int64]]"]:
    """Takes the oldest jobs of each lane.

    Args:
        cycle: a name for this scheduling cycle, until `confirm`.
        wanted: (lane, jobs) pairs, each lane once.

    Returns:
        One int64 array of job ids for each pair; shorter than wanted when the lane ran dry.
    """
    fields = [field for pair in wanted for field in pair]
    popped = cast(list[bytes], await queues.run("pop", cycle, *fields))
    return [np.frombuffer(members, dtype=">i8").astype(np.int64) for members in popped]


async def confirm(queues: Queues, cycle: str) -> None:
    """Forgets a cycle whose claims are in PostgreSQL."""
    async with reachable():
        await queues.redis.hdel(queues.key("popped"), cycle)


async def restore(queues: Queues, cycle: str | None = None) -> int:
    """Puts back what one cycle, or every unconfirmed one, popped; returns how many jobs."""
    return int(await queues.run("restore", *([cycle] if cycle else [])))


async def mark_all_dirty(queues: Queues) -> None:
    """Makes the leader look at every lane, as it must when it takes office."""
    async with reachable():
        await queues.redis.sunionstore(queues.key("dirty"), [queues.key("lanes")])


async def position(queues: Queues, lane_id: LaneId, job_id: JobId) -> int | None:
    """How many jobs of its lane stand before a job; None when it is not in the lane."""
    member = int(job_id).to_bytes(8, "big")
    async with reachable():
        rank = await cast(
            Awaitable[int | None], queues.redis.zrank(queues.key(f"lane:{lane_id}"), member)
        )
    return rank
