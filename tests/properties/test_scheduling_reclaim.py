"""What is never taken back, and that what is taken makes shares fairer."""

from dataclasses import fields, replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from broker.scheduling import Lanes, Reclaim, Running, plan, reclaims
from tests.oracles.busy import busy_fleets, everywhere, once_gone, with_grants
from tests.oracles.fleets import after

patient = settings(deadline=None, max_examples=300)
any_fleet = busy_fleets() | busy_fleets(tree=True) | busy_fleets(narrow=True, tree=True)
EDGE = 1e-6


def settled(snapshot):
    """After the grants of a cycle, and the next plan, which grants nothing more."""
    left = with_grants(snapshot, plan(snapshot, 0.0))
    return left, plan(left, 1.0)


def taken_and_granted(snapshot, decided, rules):
    """The rows taken and the plan once they are gone."""
    rows = reclaims(snapshot, decided, rules, 1.0)
    gone = once_gone(snapshot, rows)
    return rows, gone, plan(gone, 2.0)


def held(made):
    return np.append(made.allocated_slots, made.group_allocated_slots)


def owed(made):
    return np.append(made.entitlement_slots, made.group_entitlement_slots)


@patient
@given(any_fleet)
def test_nobody_ends_below_entitlement_or_minimum_who_lost_slots(snapshot):
    left, decided = settled(snapshot)
    _, _, made = taken_and_granted(left, decided, everywhere(left))
    minimum = np.append(left.accounts.minimum, left.groups.minimum)
    lost = held(made) < held(decided)
    assert (held(made) >= np.maximum(owed(decided), minimum) - EDGE)[lost].all()


@patient
@given(any_fleet)
def test_somebody_below_entitlement_gains_whenever_a_job_is_taken(snapshot):
    left, decided = settled(snapshot)
    rows, _, made = taken_and_granted(left, decided, everywhere(left))
    gained = made.allocated_slots > decided.allocated_slots
    short = decided.allocated_slots < decided.entitlement_slots
    assert rows.size == 0 or (gained & short).any()
    maximum = np.append(left.accounts.maximum, left.groups.maximum)
    assert (held(made) <= maximum)[held(made) > held(decided)].all()


@patient
@given(busy_fleets() | busy_fleets(narrow=True))
def test_sorted_vector_of_allocation_over_weight_improves(snapshot):
    left, decided = settled(snapshot)
    rows, _, made = taken_and_granted(left, decided, everywhere(left))
    before = sorted(decided.allocated_slots / decided.weight_adjusted)
    then = sorted(made.allocated_slots / decided.weight_adjusted)
    assert (then > before) == (rows.size > 0)


@patient
@given(any_fleet, st.integers(0, 21))
def test_no_job_goes_that_is_younger_than_the_pool_allows(snapshot, seconds):
    left, decided = settled(snapshot)
    rules = everywhere(left, minimum_run_seconds=float(seconds))
    rows = reclaims(left, decided, rules, 1.0)
    assert (left.running.age_seconds[rows] >= seconds).all()


@patient
@given(any_fleet, st.lists(st.integers(0, 3), min_size=2, max_size=2), st.data())
def test_no_pool_loses_more_jobs_than_its_rate_and_others_lose_none(snapshot, rates, data):
    left, decided = settled(snapshot)
    hosts = left.hosts.id.size
    pool = data.draw(st.lists(st.integers(-1, 1), min_size=hosts, max_size=hosts))
    rules = Reclaim(np.array(pool, np.int32), np.zeros(2), np.array(rates))
    rows = reclaims(left, decided, rules, 1.0)
    of_row = np.array(pool)[left.running.host[rows]]
    assert (of_row >= 0).all()
    for number in (0, 1):
        assert np.unique(left.running.id[rows[of_row == number]]).size <= rates[number]


@patient
@given(any_fleet)
def test_jobs_go_whole_and_once(snapshot):
    left, decided = settled(snapshot)
    rows = reclaims(left, decided, everywhere(left), 1.0)
    assert (np.diff(rows) > 0).all()
    went = np.isin(left.running.id, left.running.id[rows])
    assert (np.flatnonzero(went) == rows).all()


@patient
@given(busy_fleets(narrow=True) | busy_fleets(narrow=True, tree=True))
def test_second_call_asks_for_nothing_where_all_hosts_are_alike(snapshot):
    left, decided = settled(snapshot)
    _, gone, made = taken_and_granted(left, decided, everywhere(left))
    again = with_grants(gone, made)
    assert reclaims(again, plan(again, 3.0), everywhere(again), 3.0).size == 0


@patient
@given(any_fleet)
def test_calls_come_to_rest_and_nobody_gains_and_loses(snapshot):
    """A job that goes may start on a host of another kind at once, so that its account can spare
    one more; but no slot goes to and fro."""
    left, decided = settled(snapshot)
    gained = np.zeros(left.accounts.id.size, bool)
    for _ in range(30):
        rows, gone, made = taken_and_granted(left, decided, everywhere(left))
        if rows.size == 0:
            break
        assert not (gained & (made.allocated_slots < decided.allocated_slots)).any()
        gained |= made.allocated_slots > decided.allocated_slots
        left = with_grants(gone, made)
        decided = plan(left, 1.0)
    assert rows.size == 0


@patient
@given(any_fleet)
def test_jobs_that_are_leaving_count_as_gone(snapshot):
    left, decided = settled(snapshot)
    rows, gone, made = taken_and_granted(left, decided, everywhere(left))
    leaving = np.zeros(left.running.id.size, bool)
    leaving[rows] = True
    asked = replace(left, running=replace(left.running, leaving=leaving))
    more = reclaims(asked, plan(asked, 2.0), everywhere(asked), 2.0)
    later = after(gone, made)
    same = reclaims(later, plan(later, 3.0), everywhere(later), 3.0)
    assert (asked.running.id[more] == later.running.id[same]).all()


@patient
@given(busy_fleets(narrow=True))
def test_as_many_jobs_go_as_one_by_one(snapshot):
    """One kind of host, jobs of one slot, no groups. Who is served first among equals decides
    whether a slot comes back to its victim."""
    left, decided = settled(snapshot)
    rows = reclaims(left, decided, everywhere(left), 1.0)
    least, most = (one_by_one(left, decided, ties) for ties in (False, True))
    assert least <= rows.size <= most


def one_by_one(snapshot, decided, ties):
    """Who is served next takes from who stands highest, while both are on their own sides of what
    they are owed and the slot would not come back; the jobs moved."""
    slots, weight = decided.allocated_slots.copy(), decided.weight_adjusted
    owed_slots = decided.entitlement_slots
    waits = np.bincount(snapshot.lanes.account, snapshot.lanes.pending, slots.size)
    moved = 0
    while True:
        poor = [a for a in range(slots.size) if slots[a] < owed_slots[a] - EDGE and waits[a] > 0]
        rich = [a for a in range(slots.size) if slots[a] - 1 >= owed_slots[a] - EDGE]
        if not poor or not rich:
            return moved
        to = min(poor, key=lambda a: (slots[a] + 1) / weight[a])
        origin = max(rich, key=lambda a: slots[a] / weight[a])
        gap = slots[origin] / weight[origin] - (slots[to] + 1) / weight[to]
        if gap < -EDGE or (not ties and gap < EDGE):
            return moved
        slots[[to, origin]] += (1, -1)
        waits[to] -= 1
        moved += 1


@patient
@given(any_fleet, st.randoms(use_true_random=False))
def test_order_of_rows_does_not_matter(snapshot, random):
    left, decided = settled(snapshot)
    expected = left.running.id[reclaims(left, decided, everywhere(left), 1.0)]

    def shuffled(table):
        order = list(range(table.id.size))
        random.shuffle(order)
        return np.array(order, np.int64), {
            f.name: getattr(table, f.name)[order] for f in fields(table)
        }

    lane_order, lanes = shuffled(left.lanes)
    host_order, hosts = shuffled(left.hosts)
    _, running = shuffled(left.running)
    running["lane"] = np.argsort(lane_order)[running["lane"]]
    running["host"] = np.argsort(host_order)[running["host"]]
    moved = replace(
        left,
        lanes=Lanes(**lanes),
        hosts=replace(left.hosts, **hosts),
        running=Running(**running),
    )
    rows = reclaims(moved, plan(moved, 1.0), everywhere(moved), 1.0)
    assert sorted(moved.running.id[rows]) == sorted(expected)
