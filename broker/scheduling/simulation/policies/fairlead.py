"""Fairlead itself: the `plan` that the broker runs, called at every event.

This adapter does for a trace what `broker.services` does in production. It keeps lanes as counts,
settled usage by account, a guess of how long a lane's jobs take, from which running jobs are
charged in advance, the lag of each account and group, and which wide jobs were passed over or have
hosts held for them; and it takes from every lane what the plan grants, first come first served.
"""

import math

import numpy as np

from broker.scheduling.accounts import Accounts, Groups
from broker.scheduling.columns import Floats, Int32s, Int64s
from broker.scheduling.cycle import plan
from broker.scheduling.decision import Plan
from broker.scheduling.kernel import kernel
from broker.scheduling.lag import carried
from broker.scheduling.simulation.matching import State, start
from broker.scheduling.simulation.scene import Scene
from broker.scheduling.snapshot import Hosts, Lanes, Running, Snapshot

SECONDS_GUESS = 60.0  # a job's length before any of its lane has ended
SECONDS_MIN = 0.05  # shorter jobs are not told apart
SMOOTHING = 0.2  # how fast the guess follows what was seen


class Fairlead:
    """See the module. By lane [m]: running, job_seconds, limit, skipped and so on. By account [a]:
    used. By node, accounts before groups [a + g]: lag, entitlement, parent."""

    def __init__(self, scene: Scene, state: State) -> None:
        self._state = state
        self._half_life_seconds = scene.half_life_seconds
        self._capacity = np.array([scene.fleet.slots], np.int64)
        lanes, accounts, groups = state.waiting.size, state.held.size, len(scene.tree.groups)
        self._group = scene.tree.group
        self._group_weight, self._weight = np.split(scene.tree.weight, [groups])
        above = np.where(self._group >= 0, self._group + accounts, -1)
        self._parent = np.concatenate((above, np.full(groups, -1))).astype(np.int64)
        self._parts, self._slots = np.zeros(lanes, np.int32), np.zeros(lanes, np.int32)
        self._parts[state.lane], self._slots[state.lane] = state.parts, state.slots
        self._running = np.zeros(lanes, np.int64)
        self._job_seconds = np.full(lanes, SECONDS_GUESS)
        self._seen = np.zeros(lanes, bool)
        self._served = np.zeros(lanes)
        self._limit = np.zeros(lanes)
        self._limit[state.lane] = state.limit
        self._wide = self._parts * self._slots > 1
        self._skipped = np.zeros(lanes, np.int32)
        self._skipped_since = np.zeros(lanes)
        self._reserved = np.full(lanes, -1, np.int32)
        self._used = np.zeros(accounts)
        self._lag = np.zeros(accounts + groups)
        self._entitlement = np.zeros(accounts + groups)
        self._now = scene.start_seconds

    def advance(self, now: float) -> None:
        """Usage fades, and who is short of slots is so for longer."""
        seconds = now - self._now
        if seconds == 0:
            return
        self._used *= math.exp(-seconds * math.log(2) / self._half_life_seconds)
        of_accounts = self._state.held.astype(np.float64)
        held = np.concatenate((of_accounts, self._by_group(of_accounts)))
        _, typical = self._charged()
        self._lag = carried(self._lag, self._entitlement, held, self._parent, seconds, typical)
        self._now = now

    def submitted(self, first: int, last: int, now: float) -> None:
        """Lanes are counted when a cycle begins."""

    def ended(self, job: int, seconds: float) -> None:
        """The usage is settled, and the lane's guess follows."""
        state, lane = self._state, self._state.lane[job]
        self._running[lane] -= 1
        self._used[state.account[job]] += seconds * state.parts[job] * state.slots[job]
        smoothing = SMOOTHING if self._seen[lane] else 1.0
        self._job_seconds[lane] += smoothing * (seconds - self._job_seconds[lane])
        self._seen[lane] = True

    def cycle(self, now: float) -> Int32s:
        """One plan, and the jobs that it grants."""
        state, size = self._state, self._used.size
        lanes = np.flatnonzero((state.waiting > 0) | (self._running > 0))
        present = np.zeros(size, bool)
        present[state.lane_account[lanes]] = True
        accounts = np.flatnonzero(present)
        wide = bool((self._wide & (state.waiting > 0)).any())
        hosts = np.arange(state.free.size) if wide else np.flatnonzero(state.free > 0)
        running = self._runs(lanes, now) if wide else Running()
        decided = plan(self._snapshot(lanes, accounts, hosts, running), now)
        self._entitlement[:size] = 0.0
        self._entitlement[accounts] = decided.entitlement_slots
        self._entitlement[size:] = decided.group_entitlement_slots
        absent = ~present  # who left with slots to its credit wants them no more
        self._lag[:size][absent] = np.minimum(self._lag[:size][absent], 0.0)
        self._skipped_since[lanes[self._skipped[lanes] == 0]] = now
        self._skipped[:], self._reserved[:] = 0, -1
        self._skipped[lanes] = decided.lane_skipped
        self._reserved[lanes] = decided.lane_reserved_class
        return self._take(lanes, hosts, decided, now)

    def _by_group(self, of_accounts: Floats) -> Floats:
        """Sums by group, float64[g]; accounts beside the groups are in none."""
        sums = np.zeros(self._group_weight.size + 1)
        np.add.at(sums, self._group + 1, of_accounts)
        return sums[1:]

    def _charged(self) -> tuple[Floats, float]:
        """GPU-seconds that running jobs are expected to take, float64[a], and the length of a
        typical job: the mean over the slots that are busy."""
        charged = np.zeros(self._used.size)
        slots, seconds = _charge(
            self._state.lane_account,
            self._running,
            self._parts * self._slots,
            self._job_seconds,
            charged,
        )
        return charged, max(SECONDS_MIN, seconds / slots) if slots > 0 else SECONDS_GUESS

    def _runs(self, lanes: Int64s, now: float) -> Running:
        """What runs, a row for each part; all hosts are rows of the snapshot then."""
        state = self._state
        jobs = state.running[: state.totals[0]]
        parts = state.parts[jobs]
        each = np.repeat(jobs, parts)
        part = np.arange(each.size) - np.repeat(np.cumsum(parts) - parts, parts)
        return Running(
            id=each.astype(np.int64),
            lane=np.searchsorted(lanes, state.lane[each]).astype(np.int32),
            host=state.place[state.first_place[each] + part],
            age_seconds=now - (state.ends[each] - state.limit[each]),
            seconds_left=np.maximum(state.ends[each] - now, 0.0),
        )

    def _snapshot(
        self, lanes: Int64s, accounts: Int64s, hosts: Int64s, running: Running
    ) -> Snapshot:
        """The rows that matter: lanes and accounts with jobs waiting or running, hosts that are
        free, or all."""
        state, size = self._state, self._used.size
        charged, typical = self._charged()
        usage, lag = self._used + charged, self._lag / typical
        left = self._used.copy()
        left[accounts] = 0.0
        row = np.zeros(size, np.int32)
        row[accounts] = np.arange(accounts.size, dtype=np.int32)
        none = np.zeros(lanes.size, np.int64)
        return Snapshot(
            accounts=Accounts(
                id=accounts,
                weight=self._weight[accounts],
                usage_gpu_seconds=usage[accounts],
                lag_slots=lag[accounts],
                group=self._group[accounts],
            ),
            groups=Groups(
                id=np.arange(self._group_weight.size),
                parent=np.full(self._group_weight.size, -1, np.int32),
                weight=self._group_weight,
                usage_gpu_seconds=self._by_group(left),
                lag_slots=lag[size:],
            ),
            lanes=Lanes(
                id=lanes,
                account=row[state.lane_account[lanes]],
                pending=state.waiting[lanes],
                running=self._running[lanes],
                slots=self._slots[lanes],
                members=self._parts[lanes],
                limit_seconds=self._limit[lanes],
                skipped=self._skipped[lanes],
                waited_seconds=np.where(
                    self._skipped[lanes] > 0, self._now - self._skipped_since[lanes], 0.0
                ),
                reserved_class=self._reserved[lanes],
                cpus=none.astype(np.int32),
                memory_mib=none,
                classes=np.ones(lanes.size, np.uint64),
                last_served=self._served[lanes],
            ),
            hosts=Hosts(
                id=hosts,
                klass=np.zeros(hosts.size, np.int32),
                slots_free=state.free[hosts],
                cpus_free=np.zeros(hosts.size, np.int32),
                memory_mib_free=np.zeros(hosts.size, np.int64),
            ),
            running=running,
            class_capacity=self._capacity,
            half_life_seconds=self._half_life_seconds,
        )

    def _take(self, lanes: Int64s, hosts: Int64s, decided: Plan, now: float) -> Int32s:
        """Start the jobs of a plan's grants; rows of the plan are rows of `lanes` and `hosts`."""
        granted = lanes[decided.grant_lane]
        where = hosts[decided.grant_host].astype(np.int32)
        jobs: list[int] = []
        gang: list[int] = []
        for grant, count in enumerate(decided.grant_count.tolist()):
            lane = int(granted[grant])
            parts = int(self._parts[lane])
            gang += [int(where[grant])] * count
            while len(gang) >= parts:
                job = int(self._state.head[lane])
                start(self._state, job, np.array(gang[:parts], np.int32), now)
                del gang[:parts]
                jobs.append(job)
                self._running[lane] += 1
        self._served[granted] = now
        return np.array(jobs, np.int32)


@kernel
def _charge(
    account: Int32s, running: Int64s, slots: Int32s, seconds: Floats, charged: Floats
) -> tuple[float, float]:
    """Add slot-seconds of running jobs to charged float64[a]; returns slots held and all added.

    By lane [m]: account int32; running int64, jobs; slots int32 and seconds float64 of one job.
    """
    busy = 0.0
    total = 0.0
    for lane in range(account.size):
        if running[lane] > 0:
            held = float(running[lane]) * slots[lane]
            charged[account[lane]] += held * seconds[lane]
            busy += held
            total += held * seconds[lane]
    return busy, total
