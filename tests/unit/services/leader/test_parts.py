"""The leader's memory of parts of GPUs: rows and classes by kind, and what a lane costs."""

import heapq
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.protocol.ids import AccountId, AppId, HostId, LaneId, VersionId
from broker.protocol.resources import WHOLE, Gpu, HostFacts, JobLimits, Resources
from broker.queues.asks import Ask, Freed
from broker.scheduling import Snapshot, plan
from broker.services.hosts.lanes import Lane
from broker.services.leader.backlog import Backlog
from broker.services.leader.description import describe
from broker.services.leader.fleet import Fleet
from broker.storage.fleet import AccountRow, HostRow
from broker.storage.lanes import LaneRow
from broker.storage.leases import Place

ANY_TIME = 3_600.0
HALF_LIFE_SECONDS = 7 * 86_400.0


def gpu(eighths: int = WHOLE, memory_mib: int = 80_000) -> Gpu:
    return Gpu(uuid="u", model=f"H100 {eighths}", memory_mib=memory_mib, eighths=eighths)


def host(number: int, *gpus: Gpu, slots: int = 0, heard: bool = True) -> HostRow:
    facts = HostFacts(name=f"h{number}", cpus=8, memory_mib=8_000, slots=slots, gpus=list(gpus))
    return HostRow(HostId(number), "default", facts, heard)


def fleet(*hosts: HostRow) -> Fleet:
    made = Fleet()
    made.load(hosts)
    return made


def part(eighths: int) -> Resources:
    return Resources(gpus=1, gpu_eighths=eighths)


def test_a_host_has_a_row_for_each_kind_and_counts_in_eighths() -> None:
    them = fleet(host(1, gpu(), *[gpu(1)] * 7, slots=2))
    assert [offer.place for offer in them.offers] == [
        Place(WHOLE, 0), Place(1, 1), Place(WHOLE, None),
    ]  # fmt: skip
    assert them.class_capacity.tolist() == [8, 7, 16]
    them.ask(HostId(1), Ask(60.0, 1, (1, 5)))
    assert them.columns().slots_free.tolist() == [8, 5, 8]
    them.ask(HostId(1), Ask(60.0, 0, (1,)))  # nothing said of the second kind
    assert them.columns().slots_free.tolist() == [8, 0, 0]
    assert "1/8 of a GPU" in them.class_name(1)
    assert "/8" not in them.class_name(0)


def test_hosts_with_the_same_kind_share_a_class_wherever_it_stands() -> None:
    them = fleet(host(1, gpu(), gpu(1)), host(2, gpu(1)))
    assert [(offer.klass, offer.place.gpu_kind) for offer in them.offers] == [
        (0, 0), (1, 1), (1, 0),
    ]  # fmt: skip


def test_a_part_is_the_smallest_of_the_pool_that_suits() -> None:
    them = fleet(host(1, gpu(2)), host(2, gpu(4), gpu(4)), host(3, gpu()))
    assert them.fit("default", part(1), ANY_TIME) == (1, 2)
    assert them.fit("default", part(2), ANY_TIME) == (1, 2)
    assert them.fit("default", part(3), ANY_TIME) == (2, 4)
    assert them.fit("default", part(5), ANY_TIME) == (0, 5)  # a whole one is no part
    assert them.fit("default", Resources(gpus=1), ANY_TIME) == (4, WHOLE)
    assert them.fit("elsewhere", part(1), ANY_TIME) == (0, 1)


def test_larger_parts_serve_while_no_host_with_smaller_ones_is_there() -> None:
    them = fleet(host(1, gpu(1), heard=False), host(2, gpu(2)))
    assert them.fit("default", part(1), ANY_TIME).eighths == 2
    them.ask(HostId(1), Ask(60.0, 0, (1,)))  # it is back
    assert them.fit("default", part(1), ANY_TIME).eighths == 1
    nobody = fleet(host(1, gpu(1), heard=False), host(2, gpu(2), heard=False))
    assert nobody.fit("default", part(1), ANY_TIME).eighths == 1


def test_a_pilot_with_the_smallest_part_serves_jobs_that_end_before_it_leaves() -> None:
    them = fleet(host(1, gpu(1)), host(2, gpu(2)))
    them.ask(HostId(1), Ask(60.0, 0, (1,), wall_seconds_max=1_000.0))
    assert them.fit("default", part(1), 900.0).eighths == 1
    assert them.fit("default", part(1), 901.0).eighths == 2


@given(st.lists(st.integers(1, WHOLE), max_size=6), st.integers(1, WHOLE))
def test_a_job_never_pays_for_less_than_it_asked_for_nor_for_more_than_there_was_need(
    sizes: list[int], wanted: int
) -> None:
    them = fleet(*(host(n, gpu(size)) for n, size in enumerate(sizes, 1)))
    classes, eighths = them.fit("default", part(wanted), ANY_TIME)
    assert eighths >= wanted
    able = [s for s in sizes if (s == WHOLE if wanted == WHOLE else wanted <= s < WHOLE)]
    assert bool(classes) == bool(able)
    assert eighths == min(able, default=wanted)


# -- lanes ----------------------------------------------------------------------------------


def backlog(*lanes: tuple[int, Resources], **bounds: float) -> Backlog:
    """Lanes of accounts with equal quotas and much to do. bounds: minimum and maximum of all."""
    made, limits = Backlog(), JobLimits()
    for number, (account, needs) in enumerate(lanes, 1):
        texts = (needs.model_dump_json(), limits.model_dump_json())
        row = LaneRow(
            LaneId(number),
            AccountId(account),
            VersionId(1),
            "default",
            *texts,
            needs.slots,
            needs.hosts,
            AppId(1),
        )
        made.know({row.id: Lane(row, needs, limits, {})})
        made.lanes[row.id].pending = 100
    low, high = bounds.get("minimum", 0.0), bounds.get("maximum")
    made.load(
        AccountRow(AccountId(account), True, None, low, high, 0.0, 0.0, 1.0)
        for account in {account for account, _ in lanes}
    )
    return made


def seen(them: Backlog, there: Fleet, now: float = 0.0) -> Snapshot:
    accounts, groups, lanes, _ = them.columns(there, now, HALF_LIFE_SECONDS)
    columns = (accounts, lanes, there.columns(), there.class_capacity)
    return Snapshot(*columns, HALF_LIFE_SECONDS, groups, slot_units=WHOLE)


def mixed() -> Fleet:
    them = fleet(host(1, gpu(), *[gpu(1)] * 7))
    them.ask(HostId(1), Ask(60.0, 0, (1, 7)))
    return them


def test_who_holds_the_whole_gpu_leaves_the_parts_to_the_other() -> None:
    either = [(account, need) for account in (1, 2) for need in (Resources(gpus=1), part(1))]
    snapshot = seen(backlog(*either), mixed())
    made = plan(snapshot, 0.0)
    assert sorted(made.allocated_slots.tolist()) == [6, 9]  # and not four devices each
    assert made.entitlement_slots.tolist() == [7.5, 7.5]


@pytest.mark.parametrize("seed", range(3))
def test_shares_follow_quotas_in_gpu_seconds_where_whole_gpus_and_parts_are_wanted(
    seed: int,
) -> None:
    """A minute of jobs of about half a second, of both sorts from both accounts."""
    random = np.random.default_rng(seed)
    either = [(account, need) for account in (1, 2) for need in (Resources(gpus=1), part(1))]
    them, there = backlog(*either), mixed()
    got, free, now = {1: 0.0, 2: 0.0}, [1, 7], 0.0
    running: list[tuple[float, int, int, float]] = []  # end, kind, lane, length
    while now < 60:
        for state in them.lanes.values():
            state.pending = 100
        there.ask(HostId(1), Ask(now + 60, 0, tuple(free)))
        made = plan(snapshot := seen(them, there, now), now)
        them.lags.planned(snapshot, made)
        them.dues.planned(snapshot, made)
        for lane, row in zip(
            np.repeat(made.grant_lane, made.grant_count).tolist(),
            np.repeat(made.grant_host, made.grant_count).tolist(),
            strict=True,
        ):
            state, kind = list(them.lanes.values())[lane], there.place_of(row).gpu_kind or 0
            state.leased(1, now)
            state.last_served, free[kind] = now, free[kind] - 1
            length = 0.5 * float(random.lognormal(0, 0.3))
            heapq.heappush(running, (now + length, kind, state.id, length))
        now, kind, lane, length = heapq.heappop(running)
        state, free[kind] = them.lanes[LaneId(lane)], free[kind] + 1
        them.lags.advance(now, them.job_seconds())
        them.dues.advance(now)
        them.ended(Freed(state.id, 1, length * state.slots, xact=9))
        got[state.account] += length * state.slots
    assert got[1] + got[2] > 60 * 1.875 * 0.98  # nothing stood idle
    assert abs(got[1] - got[2]) / (got[1] + got[2]) < 0.02


def test_minima_and_maxima_are_slots() -> None:
    capped = plan(seen(backlog((1, part(1)), maximum=0.375), mixed()), 0.0)
    assert capped.allocated_slots.tolist() == [3]
    whole = plan(seen(backlog((1, Resources(gpus=1)), maximum=0.875), mixed()), 0.0)
    assert whole.allocated_slots.tolist() == [0]
    them = backlog((1, part(1)), (2, part(1)), minimum=0.5)
    assert seen(them, mixed()).accounts.minimum.tolist() == [4, 4]


def test_what_runs_is_reserved_and_held_back_at_the_size_of_its_part() -> None:
    them, there = backlog((1, part(1)), (2, Resources(gpus=1))), mixed()
    for state in them.lanes.values():
        state.pending, state.job_seconds, state.seen = 0, 80.0, True
        state.leased(1, 0.0)
    assert seen(them, there).accounts.usage_gpu_seconds.tolist() == [10.0, 80.0]
    assert them.held_back() == {1: 10.0, 2: 80.0}
    them.ended(Freed(LaneId(1), 1, 5.0, xact=9))  # debited by eighths, too
    assert them.lanes[LaneId(1)].job_seconds == 80.0 + 0.2 * (40.0 - 80.0)


def test_lag_and_usage_bend_parts_as_they_bend_whole_gpus() -> None:
    """The same world with devices eight times as large has the same weights and eight times the
    entitlements and lags."""
    of_parts, of_whole = (
        backlog((1, part(1)), (2, part(1))),
        backlog((1, Resources(gpus=1)), (2, Resources(gpus=1))),
    )
    results = []
    for them, size in ((of_parts, 1), (of_whole, WHOLE)):
        there = fleet(host(1, *[gpu(size)] * 3))
        there.ask(HostId(1), Ask(60.0, 0, (3,)))
        used = {AccountId(1): 1e5 * size, AccountId(2): 0.0}
        them.accounts = {
            account: row._replace(usage_gpu_seconds=used[account])
            for account, row in them.accounts.items()
        }
        made = plan(seen(them, there), 0.0)
        them.lags.planned(seen(them, there), made)
        them.lags.advance(1.0, 60.0)
        lags = them.lags.of_accounts([AccountId(1), AccountId(2)], 60.0)
        results.append((made.weight_adjusted, made.entitlement_slots / size, lags / size))
    for parts, whole in zip(*results, strict=True):
        assert np.allclose(parts, whole)


def test_the_board_tells_slots() -> None:
    them, there = backlog((1, part(1))), mixed()
    snapshot = seen(them, there)
    board = describe(snapshot, plan(snapshot, 0.0), [LaneId(1)], them, there)
    assert (board.capacity_slots, board.free_slots) == (1.875, 1.875)
    assert board.accounts[AccountId(1)].allocated_slots == 0.875
    assert board.accounts[AccountId(1)].demand_slots == 0.875
    assert board.lanes[LaneId(1)].job_slots == 0.125
    assert [(note.free_slots, note.eighths) for note in board.classes] == [(1.0, 8), (0.0, 1)]
    assert math.isclose(board.accounts[AccountId(1)].entitlement_slots, 0.875)
