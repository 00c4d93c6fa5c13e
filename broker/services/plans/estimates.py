"""When a batch may end and a submission may start, by the pace of the last plan.

Estimates are a courtesy: without Redis, or without a plan of late, there are none.
"""

import math
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from broker.domain.estimates import Range, end_estimate, start_at_once, start_estimate
from broker.domain.explanations import PLAN_SECONDS_MAX, AccountStanding, LaneStanding
from broker.errors import Unavailable
from broker.protocol.estimates import Estimate
from broker.protocol.ids import AccountId, BatchId, LaneId
from broker.protocol.resources import JobLimits, Resources
from broker.queues.client import Queues
from broker.services.plans import board, surroundings
from broker.services.plans.board import SECONDS_GUESS, Board, LaneNote
from broker.storage.database import Connection

REMEMBER_SECONDS = 2.0


@dataclass(slots=True)
class Outlook:
    """The last plan, read anew every few seconds: with ten thousand lanes that takes a while, and
    whoever watches a batch asks often."""

    queues: Queues
    clock: Callable[[], float] = time.monotonic
    _board: Board = field(default_factory=Board)
    _until: float = -math.inf

    async def board(self) -> Board:
        """The board, or an empty one where nobody has planned of late or Redis is away."""
        if self.clock() >= self._until:
            self._until = self.clock() + REMEMBER_SECONDS
            try:
                self._board = await board.read(self.queues)
            except Unavailable:
                self._board = Board()
        return self._board if (age_seconds(self._board) or 0) <= PLAN_SECONDS_MAX else Board()


def age_seconds(last: Board) -> float | None:
    """How old the last plan is; None before the first."""
    return max(0.0, time.time() - last.planned_at) if last.planned_at else None


def lane_standing(note: LaneNote, limits: JobLimits) -> LaneStanding:
    """The lane in the plan; a length of its jobs that is still the scheduler's guess is none."""
    guess = min(SECONDS_GUESS, float(limits.wall_seconds))
    seconds = None if note.job_seconds == guess else note.job_seconds
    return LaneStanding(**{**asdict(note), "job_seconds": seconds})


def account_standing(last: Board, account: AccountId) -> AccountStanding | None:
    """The account in the plan; None when nothing of it waits or runs."""
    note = last.accounts.get(account)
    return AccountStanding(**asdict(note)) if note else None


def ends(last: Board, rows: Iterable[Mapping[str, Any]]) -> dict[BatchId, Estimate]:
    """When the last jobs of unfinished batches may end.

    Args:
        rows: of the block `rows` of storage.batches.
    """
    found: dict[BatchId, Estimate] = {}
    for row in rows:
        if note := last.lanes.get(row["lane_id"]):
            ended = row["succeeded"] + row["failed"] + row["cancelled"] + row["quarantined"]
            lane = lane_standing(note, JobLimits.model_validate_json(row["limits"]))
            standing = account_standing(last, row["account_id"])
            if end := end_estimate(row["jobs"] - ended, lane, standing):
                found[row["id"]] = view(end)
    return found


async def start(
    connection: Connection,
    last: Board,
    account: AccountId,
    lane_id: LaneId,
    *,
    jobs_ahead: int,
    pool: str,
    needs: Resources,
    limits: JobLimits,
    silent_seconds: float,
) -> Estimate | None:
    """When the first job of a submission that is not stored may start."""
    at_once = not jobs_ahead and await surroundings.starts_now(
        connection, last, pool, needs, silent_seconds=silent_seconds
    )
    if at_once:
        return view(start_at_once())
    note = last.lanes.get(lane_id)
    lane = lane_standing(note, limits) if note else None
    estimate = start_estimate(jobs_ahead, lane, account_standing(last, account))
    return view(estimate) if estimate else None


def view(estimate: Range) -> Estimate:
    """An estimate as people see it."""
    return Estimate(
        seconds_low=estimate.seconds_low,
        seconds_high=estimate.seconds_high,
        basis=estimate.basis,
    )
