"""Quotas finer than a slot: what four slots give to 50, 30 and 20 over a minute of short jobs.

The leader's own memory and planner, on a clock of the test's, with production settings.
"""

import heapq
from itertools import count

import numpy as np
import pytest

from broker.protocol.ids import AccountId, AppId, HostId, LaneId, VersionId
from broker.protocol.resources import WHOLE, HostFacts, JobLimits, Resources
from broker.queues.asks import Ask, Freed
from broker.scheduling import Snapshot, plan
from broker.services.hosts.lanes import Lane
from broker.services.leader.backlog import Backlog
from broker.services.leader.fleet import Fleet
from broker.services.leader.lags import REMEMBERED_JOBS, Lags
from broker.storage.fleet import AccountRow, HostRow
from broker.storage.lanes import LaneRow
from broker.storage.leases import Active, Seen

WEEK_SECONDS = 7 * 86_400.0
HOST = HostId(1)
ASK_SECONDS = 0.006  # after its command ended a slot is offered again ...
REPORT_SECONDS = 0.02  # ... and later the job is reported


def fleet_of(slots: int) -> Fleet:
    fleet = Fleet()
    facts = HostFacts(name="host", cpus=64, memory_mib=64_000, slots=slots)
    fleet.load([HostRow(HOST, "default", facts, True)])
    return fleet


def backlog_of(quotas: list[float]) -> Backlog:
    backlog = Backlog()
    needs, bounds = Resources(), JobLimits()
    texts = (needs.model_dump_json(), bounds.model_dump_json())
    for number in range(1, len(quotas) + 1):
        row = LaneRow(
            LaneId(number), AccountId(number), VersionId(1), "default", *texts, 1, 1, AppId(1)
        )
        backlog.know({row.id: Lane(row, needs, bounds, {})})
        backlog.lanes[row.id].pending = 10_000
    backlog.load(
        AccountRow(AccountId(n), True, None, 0.0, None, 0.0, 0.0, quota)
        for n, quota in enumerate(quotas, 1)
    )
    return backlog


def seen(backlog: Backlog, fleet: Fleet) -> tuple[Snapshot, list[LaneId]]:
    accounts, groups, lanes, ids = backlog.columns(fleet, 0.0, WEEK_SECONDS)
    capacity = fleet.class_capacity
    return Snapshot(
        accounts, lanes, fleet.columns(), capacity, WEEK_SECONDS, groups, slot_units=WHOLE
    ), ids


def given(
    quotas: list[float], lengths: list[float], *, slots: int, seconds: float, seed: int
) -> list[float]:
    """Slot-seconds that each account got; lengths: the mean length of its jobs, in seconds."""
    random = np.random.default_rng(seed)
    fleet, backlog, turn = fleet_of(slots), backlog_of(quotas), count()
    free = slots
    got = [0.0] * len(quotas)
    events: list[tuple[float, int, int | None, float]] = [(0.0, next(turn), None, 0.0)]
    while (event := heapq.heappop(events))[0] < seconds:
        now, _, ended, length = event
        backlog.lags.advance(now, backlog.job_seconds())
        if ended is not None:
            backlog.ended(Freed(LaneId(ended), 1, length, xact=9))
            got[ended - 1] += length
        else:
            free += now > 0
        fleet.ask(HOST, Ask(now + 60, free) if free else None)
        snapshot, ids = seen(backlog, fleet)
        decided = plan(snapshot, now)
        backlog.lags.planned(snapshot, decided)
        for row in np.repeat(decided.grant_lane, decided.grant_count).tolist():
            state = backlog.lanes[ids[row]]
            state.running, state.last_served = state.running + 1, now
            free -= 1
            length = lengths[row] * float(random.lognormal(0, 0.3))
            end = now + length
            heapq.heappush(events, (end + ASK_SECONDS, next(turn), None, 0.0))
            heapq.heappush(events, (end + REPORT_SECONDS, next(turn), ids[row], length))
    return got


def error_points(got: list[float], quotas: list[float]) -> float:
    difference = np.array(got) / sum(got) - np.array(quotas) / sum(quotas)
    return float(100 * np.abs(difference).max())


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("quotas", "lengths", "slots"),
    [
        ([50, 30, 20], [0.5, 0.5, 0.5], 4),
        ([50, 30, 20], [0.3, 1.0, 0.6], 4),
        ([70, 20, 10], [0.5, 0.5, 0.5], 2),
        ([1, 1, 1, 1, 1, 2], [0.5] * 6, 4),
    ],
)
def test_a_minute_of_short_jobs_follows_quotas_finer_than_a_slot(
    quotas: list[float], lengths: list[float], slots: int, seed: int
) -> None:
    got = given(quotas, lengths, slots=slots, seconds=60, seed=seed)
    assert error_points(got, quotas) < 1.0


def test_without_lag_the_rounding_of_slots_stays_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        Lags, "of_accounts", lambda self, accounts, _: np.zeros(len(list(accounts)))
    )
    got = given([50, 30, 20], [0.5] * 3, slots=4, seconds=60, seed=0)
    assert error_points(got, [50, 30, 20]) > 4.0


def test_who_comes_back_soon_is_not_forgiven_and_who_was_owed_wants_it_no_more() -> None:
    lags, both = Lags(), [AccountId(1), AccountId(2)]
    fleet, backlog = fleet_of(2), backlog_of([3, 1])
    for lane, running in backlog.lanes.items():
        running.running = 2 * (lane == 1)
    snapshot, _ = seen(backlog, fleet)
    lags.planned(snapshot, plan(snapshot, 0.0))
    lags.advance(1.0, 2.0)
    assert lags.of_accounts(both, 2.0) == pytest.approx([-0.25, 0.25], rel=1e-2)

    nobody, _ = seen(backlog_of([]), fleet)
    lags.planned(nobody, plan(nobody, 1.0))
    lags.advance(2.0, 2.0)
    assert lags.of_accounts(both, 2.0) == pytest.approx([-0.25, 0.0], rel=1e-2)
    lags.advance(2.0 + REMEMBERED_JOBS * 2.0, 2.0)
    assert lags.of_accounts(both, 2.0).tolist() == [0.0, 0.0]


def test_usage_counts_before_the_next_read_and_once_after_it() -> None:
    fleet, backlog = fleet_of(1), backlog_of([1])
    backlog.lanes[LaneId(1)].running = 1
    backlog.ended(Freed(LaneId(1), 1, 7.0, xact=9))
    assert backlog.columns(fleet, 0.0, WEEK_SECONDS)[0].usage_gpu_seconds.tolist() == [7.0]
    backlog.load([backlog.accounts[AccountId(1)]._replace(usage_gpu_seconds=7.0)])
    assert backlog.columns(fleet, 0.0, WEEK_SECONDS)[0].usage_gpu_seconds.tolist() == [7.0]


def test_an_end_that_was_counted_is_not_counted_again_when_its_news_come() -> None:
    backlog, lane = backlog_of([1]), LaneId(1)
    backlog.recount({lane: Active(4, 8.0)}, Seen(10), 10.0)
    assert (backlog.lanes[lane].running, backlog.lanes[lane].started) == (4, 32.0)
    # 11 and 13 had ended when PostgreSQL counted, 12 was about to
    backlog.recount({lane: Active(3, 3.0)}, Seen(14, frozenset({12})), 20.0)
    backlog.ended(Freed(lane, 1, 1.0, xact=11))
    assert backlog.lanes[lane].running == 3
    assert backlog.lanes[lane].seen  # how long it took counts all the same
    backlog.ended(Freed(lane, 1, 1.0, xact=12))
    assert backlog.lanes[lane].running == 2
    backlog.ended(Freed(lane, 1, 1.0, xact=13))
    backlog.ended(Freed(lane, 1, 1.0, xact=14))
    assert backlog.lanes[lane].running == 1
