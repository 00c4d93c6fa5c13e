"""How many jobs of each lane the budgets still pay for.

What runs is held back at its expected length, so that a burst cannot spend what is left several
times over. A job starts while anything is left: a budget is exceeded by at most one job of each
lane, and by what jobs take beyond their expected length.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

import numpy as np

from broker.protocol.ids import AccountId, LaneId
from broker.scheduling import divide
from broker.storage.budgets import Drawn


class Spender(Protocol):
    """A lane as budgets see it. `job_gpu_seconds` is what one of its jobs is expected to take."""

    @property
    def id(self) -> LaneId: ...
    @property
    def account(self) -> AccountId: ...
    @property
    def pending(self) -> int: ...
    @property
    def running(self) -> int: ...
    @property
    def job_gpu_seconds(self) -> float: ...


def allowances(
    budgets: Iterable[Drawn], lanes: Iterable[Spender], used: Mapping[AccountId, float]
) -> dict[LaneId, int]:
    """Jobs that may start, for each lane that may not start all that wait.

    Lanes that draw on one budget get what is left of it in equal parts of GPU-seconds.

    Args:
        used: GPU-seconds by account that the budgets have not counted yet.
    """
    by_account: dict[AccountId, list[Spender]] = defaultdict(list)
    for lane in lanes:
        by_account[lane.account].append(lane)
    allowed: dict[LaneId, int] = {}
    for budget in budgets:
        drawing = [lane for account in budget.accounts for lane in by_account.get(account, ())]
        taken = sum(used.get(account, 0.0) for account in budget.accounts)
        for lane_id, jobs in _of_budget(budget.left_gpu_seconds - taken, drawing):
            allowed[lane_id] = min(jobs, allowed.get(lane_id, jobs))
    return allowed


def _of_budget(left: float, lanes: Sequence[Spender]) -> Iterable[tuple[LaneId, int]]:
    left -= sum(lane.running * lane.job_gpu_seconds for lane in lanes)
    waiting = [lane for lane in lanes if lane.pending]
    if left <= 0:
        return [(lane.id, 0) for lane in waiting]
    wanted = np.array([lane.pending * lane.job_gpu_seconds for lane in waiting], np.float64)
    if not waiting or wanted.sum() <= left:
        return []
    parts = divide(left, np.ones(len(waiting)), wanted)
    jobs = [
        min(lane.pending, int(np.ceil(part / lane.job_gpu_seconds)))
        for lane, part in zip(waiting, parts, strict=True)
    ]
    return [(lane.id, may) for lane, may in zip(waiting, jobs, strict=True) if may < lane.pending]
