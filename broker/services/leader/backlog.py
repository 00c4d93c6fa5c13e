"""The leader's memory of work: lanes with jobs waiting or running, as growing columns.

What a job occupies is told in slots here, fractions for parts of GPUs, and handed to the planner in
eighths of a slot, which are whole numbers.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from broker.protocol.ids import AccountId, GroupId, LaneId
from broker.protocol.resources import WHOLE
from broker.queues.asks import Freed
from broker.scheduling import Accounts, Groups, Lanes, charges
from broker.scheduling.columns import Floats, Int32s
from broker.services.hosts.lanes import Lane
from broker.services.leader.allowances import allowances
from broker.services.leader.dues import Dues
from broker.services.leader.fleet import ClassKey, Fleet
from broker.services.leader.lags import Lags
from broker.services.plans.board import SECONDS_GUESS
from broker.storage.budgets import Drawn
from broker.storage.fleet import AccountRow, GroupRow
from broker.storage.leases import Active, Seen

IDLE = Active(0, 0.0)
JOB_SECONDS_MIN = 0.05  # shorter jobs are not told apart
SMOOTHING = 0.2  # how fast the guess follows what was seen


@dataclass(slots=True)
class LaneState:
    """One lane: what waits, what runs, and how long a job of it takes."""

    lane: Lane
    pending: int = 0
    running: int = 0
    started: float = 0.0  # sum of the moments at which what runs was leased
    last_served: float = 0.0
    job_seconds: float = SECONDS_GUESS
    seen: bool = False  # whether job_seconds is more than a guess
    skipped: int = 0  # as Plan.lane_skipped
    skipped_at: float = 0.0  # when that became more than 0
    reserved: ClassKey | None = None  # whose hosts are held for it
    eighths: int = WHOLE  # of a slot, that each of its devices is

    def __post_init__(self) -> None:
        self.eighths = self.lane.needs.gpu_eighths  # until a host with such a part is known

    @property
    def slots(self) -> float:
        """What one job takes in all, on one host or several."""
        return self.lane.row.slots * self.lane.row.hosts * self.eighths / WHOLE

    @property
    def id(self) -> LaneId:
        return self.lane.row.id

    @property
    def account(self) -> AccountId:
        return self.lane.row.account_id

    @property
    def job_gpu_seconds(self) -> float:
        """What budgets hold back for a job: the declared limit until one of the lane has ended."""
        seconds = self.job_seconds if self.seen else float(self.lane.bounds.wall_seconds)
        return max(JOB_SECONDS_MIN, seconds) * self.slots

    def waited_seconds(self, now: float) -> float:
        """How long the job at the head has been passed over."""
        return max(0.0, now - self.skipped_at) if self.skipped else 0.0

    def passed_over(self, skipped: int, reserved: ClassKey | None, now: float) -> None:
        """Remembers what a plan said; forgotten, without harm, when another broker leads."""
        if skipped and not self.skipped:
            self.skipped_at = now
        self.skipped, self.reserved = skipped, reserved

    def leased(self, jobs: int, now: float) -> None:
        """Jobs were leased."""
        self.running += jobs
        self.started += jobs * now

    def left(self, jobs: int) -> None:
        """Jobs run no more.

        Which ones is not told, so they are taken for as old as the others until the next recount.
        """
        left = max(0, self.running - jobs)
        self.started *= left / self.running if self.running else 0.0
        self.running = left

    def took(self, jobs: int, slot_seconds: float) -> None:
        """So long jobs of this lane run: so many slot-seconds in all."""
        seconds = slot_seconds / (jobs * self.slots)
        self.job_seconds += (SMOOTHING if self.seen else 1.0) * (seconds - self.job_seconds)
        self.seen = True


@dataclass(slots=True)
class Backlog:
    """Lanes and accounts that matter to the next plan."""

    lanes: dict[LaneId, LaneState] = field(default_factory=dict)
    accounts: dict[AccountId, AccountRow] = field(default_factory=dict)
    groups: Sequence[GroupRow] = ()
    budgets: Sequence[Drawn] = ()
    lags: Lags = field(default_factory=Lags)
    dues: Dues = field(default_factory=Dues)
    _used_since: dict[AccountId, float] = field(default_factory=dict)
    _counted: Seen = field(default_factory=Seen)

    @property
    def pending_jobs(self) -> int:
        return sum(state.pending for state in self.lanes.values())

    def job_seconds(self) -> float:
        """The length of a typical job: the mean over the slots that are busy."""
        slots = total = 0.0
        for state in self.lanes.values():
            busy = state.running * state.slots
            slots += busy
            total += busy * state.job_seconds
        if slots == 0:
            return SECONDS_GUESS
        return max(JOB_SECONDS_MIN, total / slots)

    def load(
        self,
        accounts: Iterable[AccountRow],
        groups: Sequence[GroupRow] = (),
        budgets: Sequence[Drawn] = (),
    ) -> None:
        """Replaces the accounts, groups and budgets by PostgreSQL's."""
        self.groups, self.budgets = groups, budgets
        # An account that moved between the two reads waits for the next one beside the groups.
        known = {group.id for group in groups}
        self.accounts = {
            row.id: row if row.group_id in known else row._replace(group_id=None)
            for row in accounts
        }
        self._used_since.clear()

    def ended(self, freed: Freed) -> None:
        """Jobs left their hosts. Their usage counts now; the next `load` says it again, for good.

        What was settled just before that read may come as news just after it, and counts twice
        until the read after that one.
        """
        if state := self.lanes.get(freed.lane_id):
            account = state.lane.row.account_id
            if not self._counted.saw(freed.xact):  # else the last count knows it already
                state.left(freed.jobs)
            self.lags.freed(account, freed.jobs * state.slots)
            if not math.isnan(freed.slot_seconds):
                state.took(freed.jobs, freed.slot_seconds)
                used = self._used_since.get(account, 0.0)
                self._used_since[account] = used + freed.slot_seconds

    def of_unknown_accounts(self) -> list[LaneState]:
        """Lanes with jobs waiting whose account was not in the last read."""
        return [
            state
            for state in self.lanes.values()
            if state.pending and state.lane.row.account_id not in self.accounts
        ]

    def pools_passed_over(self) -> set[str]:
        """Pools in which a job of several slots waits that was passed over."""
        return {s.lane.row.pool for s in self.lanes.values() if s.pending and s.skipped}

    def know(self, lanes: Mapping[LaneId, Lane]) -> None:
        """Adds lanes that were not there."""
        for lane_id, lane in lanes.items():
            if lane_id not in self.lanes:
                guess = min(SECONDS_GUESS, float(lane.bounds.wall_seconds))
                self.lanes[lane_id] = LaneState(lane, job_seconds=guess)

    def recount(self, running: Mapping[LaneId, Active], seen: Seen, now: float) -> None:
        """Replaces what runs by PostgreSQL's count, and forgets idle lanes.

        Args:
            seen: the transactions that were counted; news of them may come only now.
        """
        self._counted = seen
        for lane_id, state in list(self.lanes.items()):
            state.running, seconds = running.get(lane_id, IDLE)
            state.started = state.running * now - seconds
            if state.running == 0 and state.pending == 0:
                del self.lanes[lane_id]

    def held_back(self) -> dict[AccountId, float]:
        """GPU-seconds that budgets hold back for what runs, by account."""
        held: dict[AccountId, float] = {}
        for state in self.lanes.values():
            if state.running:
                gpu_seconds = state.running * state.job_gpu_seconds
                held[state.account] = held.get(state.account, 0.0) + gpu_seconds
        return held

    def waiting(self, lane: LaneId) -> int:
        """Jobs of a lane that wait for a slot or for a budget; none of a suspended account."""
        state = self.lanes[lane]
        account = self.accounts.get(state.account)
        return state.pending if account and account.active else 0

    def columns(
        self, fleet: Fleet, now: float, half_life_seconds: float
    ) -> tuple[Accounts, Groups, Lanes, list[LaneId]]:
        """(accounts, groups, lanes, lane id of each row) for the scheduler, slots in eighths.

        Lanes of suspended accounts keep what runs and offer nothing, and lanes whose budget ends
        only what it still pays for; usage includes what the running jobs are expected to take (a
        reservation, settled when they report), and what is due to the account so much more time.
        """
        states = [
            state
            for state in self.lanes.values()
            if (state.pending or state.running) and state.lane.row.account_id in self.accounts
        ]
        fits = [
            fleet.fit(s.lane.row.pool, s.lane.needs, s.lane.bounds.wall_seconds) for s in states
        ]
        for state, fit in zip(states, fits, strict=True):
            state.eighths = fit.eighths
        paid = allowances(self.budgets, self.lanes.values(), self._used_since)
        present = sorted({state.lane.row.account_id for state in states})
        row_of = {account: row for row, account in enumerate(present)}
        rows = [self.accounts[account] for account in present]
        account = np.array([row_of[s.account] for s in states], np.int32)
        running = np.array([s.running for s in states], np.int64)
        charged = charges(
            account,
            running,
            np.array([s.slots for s in states], np.float64),
            np.array([s.job_seconds for s in states], np.float64),
            np.array([s.started for s in states], np.float64),
            accounts=len(present),
            now=now,
            half_life_seconds=half_life_seconds,
        )
        due = np.array([row.due_gpu_seconds for row in rows], np.float64) + self.dues.of(present)
        group_row = {group.id: row for row, group in enumerate(self.groups)}
        accounts = Accounts(
            id=np.array(present, np.int64),
            weight=np.array([row.weight for row in rows], np.float64),
            usage_gpu_seconds=np.array([self._usage(row) for row in rows]) + charged.gpu_seconds,
            entitled_gpu_seconds=due + self.dues.slots(present) * charged.ahead_seconds,
            lag_slots=WHOLE * self.lags.of_accounts(present, self.job_seconds()),
            group=_rows(group_row, [row.group_id for row in rows]),
            minimum=WHOLE * np.array([row.minimum_slots for row in rows], np.float64),
            maximum=_bounds([row.maximum_slots for row in rows]),
        )
        active = {row.id for row in rows if row.active}
        lanes = Lanes(
            id=np.array([state.lane.row.id for state in states], np.int64),
            account=account,
            pending=np.array(
                [paid.get(s.id, s.pending) if s.account in active else 0 for s in states], np.int64
            ),
            running=running,
            slots=np.array([s.lane.row.slots * s.eighths for s in states], np.int32),
            cpus=np.array([s.lane.needs.cpus for s in states], np.int32),
            memory_mib=np.array([s.lane.needs.memory_mib for s in states], np.int64),
            classes=np.array([fit.classes for fit in fits], np.uint64),
            last_served=np.array([s.last_served for s in states], np.float64),
            members=np.array([s.lane.row.hosts for s in states], np.int32),
            members_on_host=np.ones(len(states), np.int32),  # a host holds a job once
            limit_seconds=np.array([s.lane.bounds.wall_seconds for s in states], np.float64),
            skipped=np.array([s.skipped for s in states], np.int32),
            waited_seconds=np.array([s.waited_seconds(now) for s in states], np.float64),
            reserved_class=np.array(
                [fleet.class_of(s.reserved) if s.reserved else -1 for s in states], np.int32
            ),
        )
        return (
            accounts,
            self._groups(group_row, present),
            lanes,
            [state.lane.row.id for state in states],
        )

    def _groups(self, row_of: Mapping[GroupId, int], present: Iterable[AccountId]) -> Groups:
        usage = np.array([group.usage_gpu_seconds for group in self.groups], np.float64)
        due = np.array([group.due_gpu_seconds for group in self.groups], np.float64)
        absent = sorted(self.accounts.keys() - set(present))  # open jobs, but none in a lane now
        for account, late in zip(absent, self.dues.of(absent).tolist(), strict=True):
            row = self.accounts[account]
            if row.group_id is not None:
                usage[row_of[row.group_id]] += self._usage(row)
                due[row_of[row.group_id]] += row.due_gpu_seconds + late
        return Groups(
            id=np.array([group.id for group in self.groups], np.int64),
            parent=_rows(row_of, [group.parent_id for group in self.groups]),
            weight=np.array([group.weight for group in self.groups], np.float64),
            usage_gpu_seconds=usage,
            entitled_gpu_seconds=due,
            lag_slots=WHOLE * self.lags.of_groups([g.id for g in self.groups], self.job_seconds()),
            minimum=WHOLE * np.array([group.minimum_slots for group in self.groups], np.float64),
            maximum=_bounds([group.maximum_slots for group in self.groups]),
        )

    def _usage(self, row: AccountRow) -> float:
        return row.usage_gpu_seconds + self._used_since.get(row.id, 0.0)


def _rows(row_of: Mapping[GroupId, int], groups: Iterable[GroupId | None]) -> Int32s:
    """Rows of groups, -1 for none."""
    return np.array([-1 if group is None else row_of[group] for group in groups], np.int32)


def _bounds(maxima: Iterable[float | None]) -> Floats:
    """Maxima in eighths of a slot, inf for none."""
    return np.array([np.inf if bound is None else WHOLE * bound for bound in maxima], np.float64)
