"""Jobs of several members: all or none start, on hosts of one class."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from broker.scheduling import LaneReason, plan
from tests.oracles.fleets import after, fleet

patient = settings(deadline=None, max_examples=100)


@st.composite
def fleets(draw):
    weights = draw(st.lists(st.sampled_from([1, 2, 5]), min_size=1, max_size=4))
    lane = st.fixed_dictionaries(
        {
            "account": st.integers(0, len(weights) - 1),
            "pending": st.integers(0, 4),
            "running": st.integers(0, 2),
            "slots": st.integers(1, 4),
            "memory_mib": st.sampled_from([0, 10]),
            "members": st.sampled_from([1, 1, 2, 3, 8]),
            "classes": st.integers(1, 7),
        }
    )
    host = st.fixed_dictionaries(
        {
            "klass": st.integers(0, 2),
            "slots_free": st.integers(0, 8),
            "memory_mib_free": st.sampled_from([0, 25, 100]),
        }
    )
    hosts = draw(st.lists(host, max_size=6))
    return fleet(weights, draw(st.lists(lane, max_size=6)), hosts)


def fits(snapshot, lane):
    """Whether one more job of a lane could start, all members on hosts of one class."""
    lanes, hosts = snapshot.lanes, snapshot.hosts
    room = hosts.slots_free // lanes.slots[lane]
    if lanes.memory_mib[lane]:
        room = np.minimum(room, hosts.memory_mib_free // lanes.memory_mib[lane])
    suits = [c for c in range(snapshot.class_capacity.size) if int(lanes.classes[lane]) >> c & 1]
    return any(
        snapshot.class_capacity[c] > 0 and room[hosts.klass == c].sum() >= lanes.members[lane]
        for c in suits
    )


@patient
@given(fleets())
def test_all_members_start_on_hosts_of_one_class_or_none(snapshot):
    made = plan(snapshot, 0.0)
    after(snapshot, made)  # its checks refuse any negative amount
    lanes, hosts = snapshot.lanes, snapshot.hosts
    jobs = np.zeros(lanes.id.size, np.int64)
    for gang in np.unique(made.grant_gang[made.grant_gang >= 0]):
        rows = made.grant_gang == gang
        (lane,) = np.unique(made.grant_lane[rows])
        (klass,) = np.unique(hosts.klass[made.grant_host[rows]])
        assert int(lanes.classes[lane]) >> int(klass) & 1
        assert made.grant_count[rows].sum() == lanes.members[lane] > 1
        jobs[lane] += 1
    single = made.grant_gang < 0
    assert (lanes.members[made.grant_lane[single]] == 1).all()
    np.add.at(jobs, made.grant_lane[single], made.grant_count[single])
    assert (jobs == made.lane_granted).all()


@patient
@given(fleets())
def test_no_job_waits_that_would_fit_as_a_whole(snapshot):
    left = after(snapshot, plan(snapshot, 0.0))
    for lane in np.flatnonzero(left.lanes.pending > 0):
        assert not fits(left, lane)


@patient
@given(fleets())
def test_second_cycle_does_nothing_and_holdings_count_every_member(snapshot):
    made = plan(snapshot, 0.0)
    again = plan(after(snapshot, made), 1.0)
    assert again.grant_count.size == 0
    assert (again.allocated_slots == made.allocated_slots).all()


def test_gang_takes_few_hosts_and_counts_in_full_for_its_account():
    lanes = [{"slots": 2, "members": 4}, {"pending": 99}]
    hosts = [{"slots_free": n} for n in (1, 3, 4, 4)]
    made = plan(fleet([9, 1], lanes, hosts), 0.0)
    assert made.allocated_slots.tolist() == [8, 4]
    rows = made.grant_gang >= 0
    assert sorted(made.grant_host[rows].tolist()) == [2, 3]
    assert made.grant_count[rows].tolist() == [2, 2]


def test_gang_that_does_not_fit_holds_up_neither_its_account_nor_others():
    lanes = [{"account": 0, "members": 9}, {"account": 0, "pending": 9}, {"account": 1}]
    made = plan(fleet([1, 1], lanes, [{"slots_free": 4}, {"slots_free": 4}]), 0.0)
    assert made.lane_granted.tolist() == [0, 7, 1]
    assert made.lane_reason[0] == LaneReason.SHARE_REACHED
