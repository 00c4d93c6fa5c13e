"""`plan` against a plain loop over jobs, and what it promises of any fleet."""

from collections import Counter
from dataclasses import fields, replace
from unittest.mock import patch

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from broker.scheduling import Accounts, Groups, Hosts, LaneReason, Lanes, plan
from tests.oracles.fleets import after, fleet
from tests.oracles.one_by_one import grants_one_by_one

patient = settings(deadline=None)  # the first example compiles the kernels
few = st.integers(0, 6)
whole_lags = st.sampled_from([0.0, 0.0, 0.5, -0.5, 1.5, -9.0, 9.0])  # exact in binary


@st.composite
def trees(draw, accounts):
    """Options of `fleet`: up to four groups, accounts in them, minima and maxima."""
    size = draw(st.integers(0, 4))
    bounds = st.sampled_from([(0.0, np.inf), (0.0, np.inf), (1.5, 6.0), (2.0, 2.0), (0.0, 0.0)])
    low, high = np.array(draw(st.lists(bounds, min_size=size, max_size=size))).reshape(-1, 2).T
    groups = Groups(
        id=np.arange(size),
        parent=[draw(st.integers(-1, g - 1)) for g in range(size)],
        weight=draw(st.lists(st.sampled_from([0.0, 1.0, 2.0, 3.0]), min_size=size, max_size=size)),
        minimum=low,
        maximum=high,
    )
    bound = draw(st.lists(bounds, min_size=accounts, max_size=accounts))
    return {
        "groups": groups,
        "group": [draw(st.integers(-1, size - 1)) for _ in range(accounts)],
        "minimum": [b[0] for b in bound],
        "maximum": [b[1] for b in bound],
    }


@st.composite
def fleets(
    draw, one_class=False, weights=(0, 1, 1, 2, 3, 8), history=0.0, lags=whole_lags, tree=False
):
    accounts = draw(st.lists(st.sampled_from(weights), min_size=1, max_size=6))
    size = len(accounts)
    lane = st.fixed_dictionaries(
        {
            "account": st.integers(0, size - 1),
            "pending": few,
            "running": few,
            "slots": st.just(1) if one_class else st.sampled_from([1, 1, 2, 3, 8]),
            "cpus": st.just(0) if one_class else st.integers(0, 4),
            "memory_mib": st.just(0) if one_class else st.sampled_from([0, 10, 20]),
            "classes": st.just(1) if one_class else st.integers(0, 15),
            "last_served": st.sampled_from([0.0, 1.0, 2.0]),
        }
    )
    host = st.fixed_dictionaries(
        {
            "klass": st.just(0) if one_class else st.integers(0, 2),
            "slots_free": st.integers(0, 8),
            "cpus_free": st.integers(0, 16),
            "memory_mib_free": st.sampled_from([0, 15, 64]),
        }
    )
    lanes = draw(st.lists(lane, max_size=8))
    usage = draw(st.lists(st.sampled_from([0.0, 1e4, 1e7]), min_size=size, max_size=size))
    return fleet(
        accounts,
        lanes,
        draw(st.lists(host, max_size=6)),
        usage_gpu_seconds=usage,
        entitled_gpu_seconds=usage[::-1],
        history_strength=history,
        **(draw(trees(size)) if tree else {}),
        lag_slots=draw(st.lists(lags, min_size=size, max_size=size)),
    )


def plan_at_once(snapshot):
    """The plan without moving planned jobs to make room, which the plain loop does not do."""
    with patch("broker.scheduling.cycle.worthwhile", return_value=False):
        return plan(snapshot, 10.0)


def granted(made):
    by_pair: Counter[tuple[int, int]] = Counter()
    for lane, host, count in zip(made.grant_lane, made.grant_host, made.grant_count, strict=True):
        by_pair[int(lane), int(host)] += int(count)
    return by_pair


@settings(patient, max_examples=300)
@given(fleets() | fleets(one_class=True))
def test_plan_equals_the_plain_loop(snapshot):
    made = plan_at_once(snapshot)
    assert granted(made) == grants_one_by_one(snapshot, snapshot.accounts.weight)


@settings(patient, max_examples=300)
@given(fleets(tree=True) | fleets(one_class=True, tree=True))
def test_plan_with_groups_equals_the_plain_loop(snapshot):
    made = plan_at_once(snapshot)
    expected = grants_one_by_one(snapshot, snapshot.accounts.weight, snapshot.groups.weight)
    assert granted(made) == expected


@patient
@given(fleets(tree=True, one_class=True))
def test_no_maximum_is_exceeded_that_was_not_before(snapshot):
    made = plan(snapshot, 10.0)
    before = plan(replace(snapshot, hosts=Hosts([], [], [], [], [])), 10.0)
    for name, table in (("", snapshot.accounts), ("group_", snapshot.groups)):
        held = getattr(made, name + "allocated_slots")
        beyond = held > table.maximum
        assert (held == getattr(before, name + "allocated_slots"))[beyond].all()


@patient
@given(fleets(tree=True, one_class=True))
def test_lane_that_waits_below_every_maximum_finds_no_slot_free(snapshot):
    left = after(snapshot, plan(snapshot, 10.0))
    again = plan(left, 11.0)
    assert again.grant_count.size == 0
    capped = again.lane_reason == LaneReason.MAXIMUM_REACHED
    waits = (left.lanes.pending > 0) & (left.lanes.classes & np.uint64(1) > 0)
    if left.hosts.slots_free.sum() > 0:
        assert (capped | (again.lane_reason == LaneReason.NO_HOST_WITH_ENOUGH) | ~waits).all()


@patient
@given(fleets(history=1.0))
def test_grants_stay_within_what_waits_and_what_is_free(snapshot):
    made = plan(snapshot, 10.0)
    left = after(snapshot, made)  # its checks refuse any negative amount
    assert (made.grant_count > 0).all()
    jobs = np.zeros(snapshot.lanes.id.size, np.int64)
    np.add.at(jobs, made.grant_lane, made.grant_count)
    assert (jobs == made.lane_granted).all()
    masks = snapshot.lanes.classes[made.grant_lane]
    klass = snapshot.hosts.klass[made.grant_host].astype(np.uint64)
    assert ((masks >> klass) & np.uint64(1)).all()
    held = np.zeros(snapshot.accounts.id.size, np.int64)
    np.add.at(held, left.lanes.account, left.lanes.running * left.lanes.slots)
    assert (held == made.allocated_slots).all()


@patient
@given(fleets(history=1.0))
def test_no_slot_stays_idle_that_a_waiting_job_could_use(snapshot):
    left = after(snapshot, plan(snapshot, 10.0))
    lanes, hosts = left.lanes, left.hosts
    exists = snapshot.class_capacity[hosts.klass] > 0
    for lane in np.flatnonzero(lanes.pending > 0):
        suits = (lanes.classes[lane] >> hosts.klass.astype(np.uint64)) & np.uint64(1) > 0
        fits = (
            (hosts.slots_free >= lanes.slots[lane])
            & (hosts.cpus_free >= lanes.cpus[lane])
            & (hosts.memory_mib_free >= lanes.memory_mib[lane])
        )
        assert not (exists & suits & fits).any()


@patient
@given(fleets(history=1.0))
def test_second_cycle_on_the_same_fleet_grants_nothing(snapshot):
    assert plan(after(snapshot, plan(snapshot, 10.0)), 11.0).grant_count.size == 0


@patient
@given(fleets(one_class=True, weights=(1, 2, 3), history=1.0, lags=st.just(0.0)))
def test_no_waiting_account_stands_a_job_below_one_that_was_granted(snapshot):
    made = plan(snapshot, 10.0)
    weight, lanes = made.weight_adjusted, snapshot.lanes
    waits = np.unique(lanes.account[lanes.pending > made.lane_granted])
    for rich in np.unique(lanes.account[made.grant_lane]):
        for poor in waits:
            assert (
                made.allocated_slots[rich] / weight[rich]
                <= (made.allocated_slots[poor] + 1) / weight[poor] + 1e-9
            )


@patient
@given(fleets(one_class=True, weights=(0, 0, 1, 2)))
def test_account_without_quota_is_served_only_when_nobody_with_one_waits(snapshot):
    made = plan(snapshot, 10.0)
    waits = snapshot.lanes.account[snapshot.lanes.pending > made.lane_granted]
    if (snapshot.accounts.weight[waits] > 0).any():
        served = snapshot.lanes.account[made.grant_lane]
        assert (snapshot.accounts.weight[served] > 0).all()


@patient
@given(fleets(history=1.0, tree=True), st.randoms(use_true_random=False))
def test_order_of_rows_does_not_matter(snapshot, random):
    def shuffled(size):
        order = list(range(size))
        random.shuffle(order)
        return np.array(order, np.int64)

    def taken(table, order):
        return {f.name: getattr(table, f.name)[order] for f in fields(table)}

    tables = (snapshot.accounts, snapshot.lanes, snapshot.hosts, snapshot.groups)
    orders = [shuffled(table.id.size) for table in tables]
    row = np.append(np.argsort(orders[3]), -1)
    groups = taken(snapshot.groups, orders[3])
    groups["parent"] = row[groups["parent"]]
    accounts = taken(snapshot.accounts, orders[0])
    accounts["group"] = row[accounts["group"]]
    lanes = taken(snapshot.lanes, orders[1])
    lanes["account"] = np.argsort(orders[0])[lanes["account"]]
    moved = replace(
        snapshot,
        accounts=Accounts(**accounts),
        groups=Groups(**groups),
        lanes=Lanes(**lanes),
        hosts=Hosts(**taken(snapshot.hosts, orders[2])),
    )
    made, other = plan(snapshot, 10.0), plan(moved, 10.0)
    assert (orders[1][other.grant_lane] == made.grant_lane).all()
    assert (orders[2][other.grant_host] == made.grant_host).all()
    assert (other.grant_count == made.grant_count).all()
    for name in ("weight_adjusted", "entitlement_slots", "allocated_slots", "account_rank"):
        assert (getattr(other, name) == getattr(made, name)[orders[0]]).all()
    for name in ("lane_granted", "lane_reason", "lane_blocking_class"):
        assert (getattr(other, name) == getattr(made, name)[orders[1]]).all()
    for name in ("group_weight_adjusted", "group_entitlement_slots", "group_allocated_slots"):
        assert (getattr(other, name) == getattr(made, name)[orders[3]]).all()


@patient
@given(fleets(history=1.0), st.integers(-20, 20))
def test_scale_of_quotas_does_not_matter(snapshot, exponent):
    weight = snapshot.accounts.weight * 2.0**exponent
    scaled = replace(snapshot, accounts=replace(snapshot.accounts, weight=weight))
    assert granted(plan(scaled, 10.0)) == granted(plan(snapshot, 10.0))


@patient
@given(fleets(one_class=True, history=1.0), st.integers(1, 3))
def test_splitting_a_lane_changes_no_account(snapshot, parts):
    lanes = snapshot.lanes
    if lanes.id.size == 0:
        return
    rows = np.concatenate((np.zeros(parts, np.int64), np.arange(1, lanes.id.size)))
    split = Lanes(**{f.name: getattr(lanes, f.name)[rows] for f in fields(lanes)})

    def shared(total):
        values = total[rows].copy()
        values[:parts] = total[0] // parts
        values[: total[0] % parts] += 1
        return values

    split = replace(
        split,
        id=np.arange(rows.size),
        pending=shared(lanes.pending),
        running=shared(lanes.running),
    )
    made, other = plan(snapshot, 10.0), plan(replace(snapshot, lanes=split), 10.0)
    assert (made.allocated_slots == other.allocated_slots).all()
    assert (made.entitlement_slots == other.entitlement_slots).all()


@patient
@given(fleets(history=1.0))
def test_every_lane_has_the_reason_that_is_true_of_it(snapshot):
    made = plan(snapshot, 10.0)
    lanes = snapshot.lanes
    done = made.lane_reason <= LaneReason.GRANTED_ALL
    assert (done == (lanes.pending == made.lane_granted)).all()
    assert ((made.lane_reason == LaneReason.EMPTY) == (lanes.pending == 0)).all()
    named = made.lane_blocking_class >= 0
    assert (named == (made.lane_reason > LaneReason.NO_SUITABLE_CLASS)).all()
    waits = np.unique(lanes.account[made.lane_reason > LaneReason.NO_SUITABLE_CLASS])
    assert sorted(made.account_rank[waits]) == list(range(1, waits.size + 1))
    assert (made.account_rank > 0).sum() == waits.size


@patient
@given(fleets(tree=True, history=1.0) | fleets(one_class=True, tree=True, history=1.0))
def test_counting_slots_in_eighths_changes_nothing(snapshot):
    """The leader counts so where hosts offer parts of GPUs."""

    def times_8(table, *names):
        return replace(table, **{name: getattr(table, name) * 8 for name in names})

    bounds = ("lag_slots", "minimum", "maximum")
    fine = replace(
        snapshot,
        accounts=times_8(snapshot.accounts, *bounds),
        groups=times_8(snapshot.groups, *bounds),
        lanes=times_8(snapshot.lanes, "slots"),
        hosts=times_8(snapshot.hosts, "slots_free"),
        class_capacity=snapshot.class_capacity * 8,
        slot_units=8,
    )
    made, same = plan(snapshot, 10.0), plan(fine, 10.0)
    assert granted(made) == granted(same)
    assert (made.lane_reason == same.lane_reason).all()
    assert (made.account_rank == same.account_rank).all()
    assert np.allclose(made.weight_adjusted, same.weight_adjusted)
    for name in ("entitlement_slots", "allocated_slots", "group_entitlement_slots"):
        assert np.allclose(8 * getattr(made, name), getattr(same, name))
