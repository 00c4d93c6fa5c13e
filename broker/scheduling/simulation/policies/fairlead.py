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
from broker.scheduling.division import breadth_first, divide_tree
from broker.scheduling.history import Charges, charges, faded
from broker.scheduling.kernel import kernel
from broker.scheduling.lag import carried
from broker.scheduling.simulation.matching import start
from broker.scheduling.simulation.scene import Scene
from broker.scheduling.simulation.state import State
from broker.scheduling.snapshot import NOTHING_RUNS, Hosts, Lanes, Running, Snapshot

SECONDS_GUESS = 60.0  # a job's length before any of its lane has ended
SECONDS_MIN = 0.05  # shorter jobs are not told apart
SMOOTHING = 0.2  # how fast the guess follows what was seen


class Fairlead:
    """See the module. By lane [m]: running, started, job_seconds, limit, skipped and so on. By
    account [a]: used, entitled, fair, held. By node, accounts before groups [a + g]: lag,
    entitlement, parent."""

    def __init__(self, scene: Scene, state: State) -> None:
        self._state = state
        self._window_seconds = scene.half_life_seconds / math.log(2)
        self._half_life_seconds = scene.half_life_seconds
        self._capacity = np.array([scene.fleet.slots], np.int64)
        lanes, accounts, groups = state.waiting.size, state.held.size, len(scene.tree.groups)
        self._ids = np.arange(max(lanes, accounts, groups, state.free.size))
        self._group = scene.tree.group
        self._group_parent = np.full(groups, -1, np.int32)
        self._group_weight, self._weight = np.split(scene.tree.weight, [groups])
        above = np.where(self._group >= 0, self._group + accounts, -1)
        self._parent = np.concatenate((above, np.full(groups, -1))).astype(np.int64)
        self._parts, self._slots = np.zeros(lanes, np.int32), np.zeros(lanes, np.int32)
        self._parts[state.lane], self._slots[state.lane] = state.parts, state.slots
        self._job_slots = self._parts.astype(np.float64) * self._slots
        self._running = np.zeros(lanes, np.int64)
        self._started = np.zeros(lanes)
        self._job_seconds = np.full(lanes, SECONDS_GUESS)
        self._seen = np.zeros(lanes, bool)
        self._served = np.zeros(lanes)
        self._limit = np.zeros(lanes)
        self._limit[state.lane] = state.limit
        self._wide = self._parts * self._slots > 1
        self._skipped = np.zeros(lanes, np.int32)
        self._skipped_since = np.zeros(lanes)
        self._reserved = np.full(lanes, -1, np.int32)
        self._used, self._entitled = np.zeros(accounts), np.zeros(accounts)
        self._fair = np.zeros(accounts)
        self._stale = False  # whether demand changed since `fair` was told
        self._order, self._first = breadth_first(self._parent)
        self._lag = np.zeros(accounts + groups)
        self._entitlement = np.zeros(accounts + groups)
        self._now = scene.start_seconds

    def advance(self, now: float) -> None:
        """Usage fades, and who is short of slots is so for longer."""
        seconds = now - self._now
        if seconds == 0:
            return
        if self._stale:
            self._fair = self._due()
        kept = math.exp(-seconds / self._window_seconds)
        self._used *= kept
        self._entitled *= kept
        self._entitled += (1.0 - kept) * self._window_seconds * self._fair
        held = _by_node(self._state.held, self._parent)
        typical = typical_seconds(self._charged(self._now))
        self._lag = carried(self._lag, self._entitlement, held, self._parent, seconds, typical)
        self._now = now

    def submitted(self, first: int, last: int, now: float) -> None:
        """Lanes are counted when a cycle begins."""
        self._stale = True

    def ended(self, job: int, seconds: float) -> None:
        """The usage is settled, and the lane's guess follows."""
        state, lane = self._state, self._state.lane[job]
        self._stale = True
        self._running[lane] -= 1
        self._started[lane] -= state.ends[job] - state.limit[job]
        held = faded(seconds, self._half_life_seconds)
        self._used[state.account[job]] += held * state.parts[job] * state.slots[job]
        smoothing = SMOOTHING if self._seen[lane] else 1.0
        self._job_seconds[lane] += smoothing * (seconds - self._job_seconds[lane])
        self._seen[lane] = True

    def cycle(self, now: float) -> Int32s:
        """One plan, and the jobs that it grants."""
        state, size = self._state, self._used.size
        lanes = present(state.waiting, self._running)
        wide = bool((self._wide[lanes] & (state.waiting[lanes] > 0)).any())
        hosts = self._ids[: state.free.size] if wide else np.flatnonzero(state.free)
        running = self._runs(lanes, now) if wide else NOTHING_RUNS
        decided = plan(self._snapshot(lanes, hosts, running), now, explain=False)
        self._fair, self._stale = decided.fair_slots, False
        self._entitlement[:size] = decided.entitlement_slots
        self._entitlement[size:] = decided.group_entitlement_slots
        _drop_claims(self._lag, state.lane_account, lanes, size)
        self._skipped_since[lanes[self._skipped[lanes] == 0]] = now
        self._skipped.fill(0)
        self._reserved.fill(-1)
        self._skipped[lanes] = decided.lane_skipped
        self._reserved[lanes] = decided.lane_reserved_class
        return self._take(lanes, hosts, decided, now)

    def _due(self) -> Floats:
        """`Plan.fair_slots` at a moment without a plan: all slots are busy, or nothing waits."""
        state = self._state
        demand = _demand(state.lane_account, state.waiting, self._job_slots, state.held)
        weight = np.concatenate((self._weight, self._group_weight))
        wanted = np.append(demand, np.zeros(self._group_weight.size))
        low, high = np.zeros(weight.size), np.full(weight.size, np.inf)
        slots = float(self._capacity[0])
        due: Floats = divide_tree(slots, weight, wanted, low, high, self._order, self._first)
        return due[: demand.size]

    def _charged(self, now: float) -> Charges:
        return charges(
            self._state.lane_account,
            self._running,
            self._job_slots,
            self._job_seconds,
            self._started,
            accounts=self._used.size,
            now=now,
            half_life_seconds=self._half_life_seconds,
        )

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

    def _snapshot(self, lanes: Int64s, hosts: Int64s, running: Running) -> Snapshot:
        """The rows that matter: lanes and accounts with jobs waiting or running, hosts that are
        free, or all."""
        state, groups = self._state, self._group_weight.size
        size = self._used.size
        charged = self._charged(self._now)
        lag = self._lag / typical_seconds(charged)
        none = np.zeros(lanes.size, np.int64)
        return Snapshot(
            accounts=Accounts(
                id=self._ids[:size],
                weight=self._weight,
                usage_gpu_seconds=self._used + charged.gpu_seconds,
                entitled_gpu_seconds=self._entitled + self._fair * charged.ahead_seconds,
                lag_slots=lag[:size],
                group=self._group,
            ),
            groups=Groups(
                id=self._ids[:groups],
                parent=self._group_parent,
                weight=self._group_weight,
                lag_slots=lag[size:],
            ),
            lanes=Lanes(
                id=lanes,
                account=state.lane_account[lanes],
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
                self._started[lane] += now
        self._served[granted] = now
        return np.array(jobs, np.int32)


def typical_seconds(charged: Charges) -> float:
    """The length of a typical job: the mean over the slots that are busy."""
    return max(SECONDS_MIN, charged.job_seconds) if charged.busy_slots > 0 else SECONDS_GUESS


@kernel
def present(waiting: Int64s, running: Int64s) -> Int64s:
    """Rows of the lanes with jobs waiting or running. int64[m] both."""
    rows = np.empty(waiting.size, np.int64)
    count = 0
    for lane in range(waiting.size):
        if waiting[lane] > 0 or running[lane] > 0:
            rows[count] = lane
            count += 1
    return rows[:count].copy()


@kernel
def _demand(account: Int32s, waiting: Int64s, slots: Floats, held: Int64s) -> Floats:
    """Slots that accounts hold or wait for, float64[a]. Lane columns [m]; held int64[a]."""
    demand = held.astype(np.float64)
    for lane in range(account.size):
        demand[account[lane]] += waiting[lane] * slots[lane]
    return demand


@kernel
def _by_node(held: Int64s, parent: Int64s) -> Floats:
    """Slots held by accounts int64[a], then the sums by group; groups do not lie in groups."""
    values = np.zeros(parent.size)
    for account in range(held.size):
        values[account] = held[account]
        if parent[account] >= 0:
            values[parent[account]] += held[account]
    return values


@kernel
def _drop_claims(lag: Floats, lane_account: Int32s, lanes: Int64s, accounts: int) -> None:
    """Who left with slots to its credit wants them no more. lag: float64[>= accounts]."""
    present = np.zeros(accounts, np.bool_)
    for lane in lanes:
        present[lane_account[lane]] = True
    for account in range(accounts):
        if not present[account]:
            lag[account] = min(lag[account], 0.0)
