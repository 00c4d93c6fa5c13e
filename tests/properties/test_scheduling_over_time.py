"""What holds over many cycles: bounded lag, nobody starved, and nothing done twice."""

from dataclasses import dataclass, field

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from broker.scheduling import Accounts, Hosts, Lanes, Running, Snapshot, carried, plan
from tests.oracles.fleets import WEEK_SECONDS, after
from tests.properties.test_scheduling_plan import fleets, patient

HOST_SLOTS = 8


@dataclass
class Fleet:
    """Hosts of eight slots and endless lanes, cycle after cycle; `plan` is told what the leader
    tells it: lag, skips, reservations, and what runs.

    slots: of a job, by lane; each lane is of an account of its own.
    """

    quotas: list[float]
    slots: list[int]
    hosts: int
    pending: list[int]
    skips: int = 5
    now: float = 0.0
    runs: list[tuple[int, int, float]] = field(default_factory=list)  # lane, host, end

    def __post_init__(self) -> None:
        size = len(self.quotas)
        self.lag, self.entitled, self.held = np.zeros(size), np.zeros(size), np.zeros(size)
        self.short = np.zeros(size)  # integral of entitled minus held, slot-seconds
        self.skipped, self.reserved = np.zeros(size, np.int32), np.full(size, -1, np.int32)
        self.served = np.zeros(size)

    def cycle(self, lengths: list[float], job_seconds: float) -> list[int]:
        """One plan; jobs of a lane last as long as `lengths` says. Returns lanes that started."""
        size = len(self.quotas)
        free = np.full(self.hosts, HOST_SLOTS, np.int32)
        running = np.zeros(size, np.int64)
        for lane, host, _ in self.runs:
            free[host] -= self.slots[lane]
            running[lane] += 1
        rows, none = np.arange(size), np.zeros(self.hosts, np.int64)
        made = plan(
            Snapshot(
                accounts=Accounts(
                    rows, np.array(self.quotas), np.zeros(size), lag_slots=self.lag / job_seconds
                ),
                lanes=Lanes(
                    id=rows,
                    account=rows.astype(np.int32),
                    pending=np.array(self.pending),
                    running=running,
                    slots=np.array(self.slots, np.int32),
                    cpus=np.zeros(size, np.int32),
                    memory_mib=np.zeros(size, np.int64),
                    classes=np.ones(size, np.uint64),
                    last_served=self.served,
                    limit_seconds=np.array(lengths, np.float64),
                    skipped=self.skipped,
                    reserved_class=self.reserved,
                ),
                hosts=Hosts(np.arange(self.hosts), none.astype(np.int32), free,
                            none.astype(np.int32), none),
                class_capacity=np.array([HOST_SLOTS * self.hosts]),
                half_life_seconds=WEEK_SECONDS,
                running=Running(
                    id=np.arange(len(self.runs)),
                    lane=np.array([lane for lane, _, _ in self.runs], np.int32),
                    host=np.array([host for _, host, _ in self.runs], np.int32),
                    age_seconds=np.zeros(len(self.runs)),
                    seconds_left=np.array([end - self.now for _, _, end in self.runs]),
                ),
                reserve_after_skips=self.skips,
                history_strength=0.0,
            ),
            self.now,
        )  # fmt: skip
        begun = []
        grants = zip(made.grant_lane, made.grant_host, made.grant_count, strict=True)
        for lane, host, jobs in ((int(a), int(b), int(c)) for a, b, c in grants):
            self.runs += [(lane, host, self.now + lengths[lane])] * jobs
            begun += [lane] * jobs
            self.served[lane] = self.now
            self.pending[lane] -= jobs
        self.entitled, self.skipped = made.entitlement_slots, made.lane_skipped
        self.reserved = made.lane_reserved_class
        self.held = made.allocated_slots.astype(np.float64)
        return begun

    def pass_time(self, seconds: float, job_seconds: float) -> None:
        """Nothing changes until then, when jobs whose time is over end."""
        parent = np.full(len(self.quotas), -1)
        self.short += (self.entitled - self.held) * seconds
        self.lag = carried(self.lag, self.entitled, self.held, parent, seconds, job_seconds)
        self.now += seconds
        self.runs = [run for run in self.runs if run[2] > self.now + 1e-9]


@settings(patient, max_examples=60)
@given(
    st.lists(st.sampled_from([1.0, 2.0, 3.0, 5.0, 8.0]), min_size=2, max_size=6),
    st.data(),
)
def test_lag_stays_within_the_longest_job_and_a_cycle(quotas, data):
    """All are backlogged for sixty rounds of jobs of one second; no usage is remembered."""
    size = len(quotas)
    slots = data.draw(st.lists(st.sampled_from([1, 1, 2]), min_size=size, max_size=size))
    fleet = Fleet(quotas, slots, 1, [10_000] * size)
    worst = 0.0
    for _ in range(60):
        fleet.cycle([1.0] * size, 1.0)
        fleet.pass_time(1.0, 1.0)
        worst = max(worst, float(np.abs(fleet.short).max()))
    cycle = 1.0 * float(fleet.entitled.max())  # what is due to one account in the time of a cycle
    assert worst <= max(slots) * 1.0 + cycle


def test_a_job_larger_than_its_accounts_part_gets_no_more_than_that_in_the_long_run():
    """Hosts are held for it when it was passed over, but not again as soon as it has ended."""
    quotas, slots = [1.0, 5.0, 8.0, 8.0, 8.0, 1.0], [1, 1, 1, 1, 1, 2]
    fleet = Fleet(quotas, slots, 1, [10_000] * len(quotas))
    for _ in range(600):
        fleet.cycle([1.0] * len(quotas), 1.0)
        fleet.pass_time(1.0, 1.0)
    assert np.abs(fleet.short).max() <= 2.0


@settings(patient, max_examples=40)
@given(st.data())
def test_a_wide_job_is_not_starved_by_small_ones_that_never_end_together(data):
    """Single jobs of an adversary take whatever gets free; the job of a whole host starts once it
    was passed over five times and what runs then has ended."""
    hosts = data.draw(st.integers(1, 3))
    fleet = Fleet([1.0, 1.0], [1, HOST_SLOTS], hosts, [10_000, 0])
    longest = 9.0
    for _ in range(12):  # the cluster fills with jobs that end at different times
        fleet.cycle([float(data.draw(st.integers(1, 9))), 1.0], 1.0)
        fleet.pass_time(1.0, 1.0)
    fleet.pending[1] = 1
    passed_over = 0
    since = fleet.now  # when it was passed over often enough
    while 1 not in (begun := fleet.cycle([float(data.draw(st.integers(1, 9))), 1.0], 1.0)):
        passed_over += bool(begun)
        if passed_over <= fleet.skips:
            since = fleet.now
        fleet.pass_time(1.0, 1.0)
        assert fleet.now - since <= longest + 1.0


@settings(patient, max_examples=100)
@given(fleets(tree=True, history=1.0))
def test_second_cycle_with_groups_and_bounds_grants_nothing(snapshot):
    assert plan(after(snapshot, plan(snapshot, 10.0)), 11.0).grant_count.size == 0


@settings(patient, max_examples=100)
@given(fleets(tree=True, history=1.0))
def test_leaving_explanations_out_changes_nothing_else(snapshot):
    told, bare = plan(snapshot, 10.0), plan(snapshot, 10.0, explain=False)
    for name in told.__dataclass_fields__:
        if name not in ("lane_reason", "lane_blocking_class", "account_rank"):
            assert np.array_equal(getattr(told, name), getattr(bare, name)), name
    assert bare.lane_reason.size == bare.lane_blocking_class.size == bare.account_rank.size == 0


@settings(patient, max_examples=100)
@given(fleets(tree=True, history=1.0))
def test_the_same_snapshot_gives_the_same_plan_and_is_not_written_to(snapshot):
    tables = (snapshot.accounts, snapshot.lanes, snapshot.hosts, snapshot.groups)
    columns = [
        (getattr(table, name), getattr(table, name).copy())
        for table in tables
        for name in table.__dataclass_fields__
    ]
    first, second = plan(snapshot, 10.0), plan(snapshot, 10.0)
    for name in first.__dataclass_fields__:
        assert np.array_equal(getattr(first, name), getattr(second, name)), name
    assert all(np.array_equal(column, copy) for column, copy in columns)
