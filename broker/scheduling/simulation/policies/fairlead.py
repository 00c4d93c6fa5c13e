"""Fairlead itself: the `plan` that the broker runs, called at every event.

This adapter does for a trace what `broker.services` does in production. It keeps lanes as counts,
settled usage by account, a guess of how long a lane's jobs take, from which running jobs are
charged in advance, and the lag of each account; and it takes from every lane what the plan grants,
first come first served.

`plan` does not place jobs over several hosts yet; those start here, before the others, when the
hosts happen to be free.
"""

import math

import numpy as np

from broker.scheduling.accounts import Accounts, Groups
from broker.scheduling.columns import Int32s, Int64s
from broker.scheduling.cycle import plan
from broker.scheduling.decision import Plan
from broker.scheduling.lag import carried
from broker.scheduling.simulation.matching import State, start, start_if_fits
from broker.scheduling.simulation.scene import Scene
from broker.scheduling.snapshot import Hosts, Lanes, Snapshot

SECONDS_GUESS = 60.0  # a job's length before any of its lane has ended
SECONDS_MIN = 0.05  # shorter jobs are not told apart
SMOOTHING = 0.2  # how fast the guess follows what was seen


class Fairlead:
    """See the module."""

    def __init__(self, scene: Scene, state: State) -> None:
        self._state = state
        lanes, accounts = state.waiting.size, state.held.size
        self._half_life_seconds = scene.half_life_seconds
        tree = scene.tree
        self._group, self._weight = tree.group, tree.weight[len(tree.groups) :]
        self._groups = Groups(
            id=np.arange(len(tree.groups)),
            parent=np.full(len(tree.groups), -1, np.int32),
            weight=tree.weight[: len(tree.groups)],
        )
        self._slots = np.zeros(lanes, np.int32)
        self._slots[state.lane] = state.slots
        self._hosts = np.zeros(lanes, np.int32)
        self._hosts[state.lane] = state.hosts
        self._running = np.zeros(lanes, np.int64)
        self._seconds = np.full(lanes, SECONDS_GUESS)
        self._seen = np.zeros(lanes, bool)
        self._served = np.zeros(lanes)
        self._used = np.zeros(accounts)
        self._lag = np.zeros(accounts)
        self._entitlement = np.zeros(accounts)
        self._now = scene.start_seconds
        self._capacity = np.array([scene.fleet.slots], np.int64)

    def advance(self, now: float) -> None:
        """Usage fades, and who is short of slots is so for longer."""
        seconds = now - self._now
        self._used *= math.exp(-seconds * math.log(2) / self._half_life_seconds)
        held = self._state.held.astype(np.float64)
        group, typical = self._group.astype(np.int64), self._typical_seconds()
        self._lag = carried(self._lag, self._entitlement, held, group, seconds, typical)
        self._now = now

    def submitted(self, first: int, last: int, now: float) -> None:
        """Lanes are counted when a cycle begins."""

    def ended(self, job: int, seconds: float) -> None:
        """The usage is settled, and the lane's guess follows."""
        state, lane = self._state, self._state.lane[job]
        self._running[lane] -= 1
        self._used[state.account[job]] += seconds * state.hosts[job] * state.slots[job]
        smoothing = SMOOTHING if self._seen[lane] else 1.0
        self._seconds[lane] += smoothing * (seconds - self._seconds[lane])
        self._seen[lane] = True

    def cycle(self, now: float) -> Int32s:
        """One plan, and the jobs that it grants."""
        wide = self._start_wide(now)
        rows = np.flatnonzero((self._state.waiting > 0) | (self._running > 0))
        accounts = np.unique(self._state.lane_account[rows])
        decided = plan(self._snapshot(rows, accounts), now)
        self._entitlement[:] = 0.0
        self._entitlement[accounts] = decided.entitlement_slots
        return np.concatenate((wide, self._take(rows, decided, now)))

    def _start_wide(self, now: float) -> Int32s:
        jobs = []
        waiting = np.flatnonzero((self._hosts > 1) & (self._state.waiting > 0))
        for lane in sorted(waiting.tolist(), key=lambda lane: self._state.head[lane]):
            job = int(self._state.head[lane])
            while job >= 0 and start_if_fits(self._state, job, now):
                jobs.append(job)
                self._running[lane] += 1
                job = int(self._state.head[lane])
        return np.array(jobs, np.int32)

    def _typical_seconds(self) -> float:
        """The mean over the slots that are busy."""
        busy = self._running * self._slots * self._hosts
        slots = float(busy.sum())
        return max(SECONDS_MIN, float(busy @ self._seconds) / slots) if slots else SECONDS_GUESS

    def _snapshot(self, rows: Int64s, accounts: Int32s) -> Snapshot:
        """rows int64: lanes that matter; accounts int32: theirs."""
        state, running = self._state, self._running[rows]
        busy = self._running * self._slots * self._hosts * self._seconds
        reserved = np.bincount(state.lane_account, busy, minlength=state.held.size)
        none = np.zeros(rows.size, np.int32)
        free = np.flatnonzero(state.free > 0)
        return Snapshot(
            accounts=Accounts(
                id=accounts.astype(np.int64),
                weight=self._weight[accounts],
                usage_gpu_seconds=(self._used + reserved)[accounts],
                group=self._group[accounts],
                lag_slots=self._lag[accounts] / self._typical_seconds(),
            ),
            lanes=Lanes(
                id=rows,
                account=np.searchsorted(accounts, state.lane_account[rows]).astype(np.int32),
                pending=np.where(self._hosts[rows] > 1, 0, state.waiting[rows]),
                running=running * self._hosts[rows],
                slots=self._slots[rows],
                cpus=none,
                memory_mib=none.astype(np.int64),
                classes=np.ones(rows.size, np.uint64),
                last_served=self._served[rows],
            ),
            hosts=Hosts(
                id=free,
                klass=np.zeros(free.size, np.int32),
                slots_free=state.free[free],
                cpus_free=np.zeros(free.size, np.int32),
                memory_mib_free=np.zeros(free.size, np.int64),
            ),
            class_capacity=self._capacity,
            half_life_seconds=self._half_life_seconds,
            groups=self._groups,
        )

    def _take(self, rows: Int64s, decided: Plan, now: float) -> Int32s:
        free = np.flatnonzero(self._state.free > 0)
        lanes = rows[decided.grant_lane]
        hosts = free[decided.grant_host].astype(np.int32)
        jobs = []
        for lane, host, count in zip(lanes, hosts, decided.grant_count, strict=True):
            for _ in range(count):
                job = self._state.head[lane]
                start(self._state, job, np.array([host], np.int32), now)
                jobs.append(job)
        np.add.at(self._running, lanes, decided.grant_count)
        self._served[lanes] = now
        return np.array(jobs, np.int32)
