"""The kernels that queue, place and start jobs, against a plain loop."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from broker.scheduling.simulation.in_order import serve_in_order
from broker.scheduling.simulation.matching import enqueue, enqueue_all, finish, start, start_if_fits
from broker.scheduling.simulation.negotiation import spin_pie
from broker.scheduling.simulation.state import initial_state
from tests.oracles.first_fit import Job, Yard

NO_KEY = np.zeros(64)


def state_of(jobs, free):
    """jobs: (account, parts, slots, limit)."""
    account, parts, slots, limit = zip(*jobs, strict=True)
    return initial_state(
        np.array(account, np.int32),
        np.array(parts, np.int32),
        np.array(slots, np.int32),
        np.array(limit, np.float64),
        np.array(free, np.int32),
    )


job_rows = st.lists(
    st.tuples(
        st.integers(0, 2), st.integers(1, 3), st.integers(1, 4), st.integers(1, 9).map(float)
    ),
    min_size=1,
    max_size=24,
)


@settings(max_examples=150, deadline=None)
@given(
    jobs=job_rows,
    free=st.lists(st.integers(1, 4), min_size=3, max_size=6),
    ranks=st.permutations([0.0, 1.0, 1.0]),
    reserve=st.booleans(),
    data=st.data(),
)
def test_service_is_that_of_a_plain_loop(jobs, free, ranks, reserve, data):
    state = state_of(jobs, free)
    yard = Yard(list(free))
    keys = np.array(ranks)
    arrived, now = 0, 0.0
    while arrived < len(jobs) or yard.running:
        now += 1.0
        ended = sorted(job.row for end, job, _ in yard.running if end <= now)
        for row in ended:
            finish(state, row)
            yard.finish(row)
        more = data.draw(st.integers(0, len(jobs) - arrived))
        enqueue_all(state, arrived, arrived + more)
        for row in range(arrived, arrived + more):
            account, parts, slots, limit = jobs[row]
            yard.waiting.append(Job(row, account, parts, slots, limit, (ranks[account],)))
        arrived += more
        started = serve_in_order(state, keys, np.zeros(len(jobs)), now, reserve)
        assert started.tolist() == yard.serve_in_order(now, reserve)
        assert state.free.tolist() == yard.free
        assert state.totals.tolist() == [len(yard.running), sum(yard.free)]
        if not ended and not more and not yard.running:
            break  # what is left fits on no host, ever
    held = np.zeros(state.held.size, int)
    for _, job, _ in yard.running:
        held[job.account] += job.parts * job.slots
    assert state.held.tolist() == held.tolist()


def test_a_gang_starts_on_all_its_hosts_or_on_none():
    state = state_of([(0, 1, 2, 9.0), (0, 2, 2, 9.0)], [2, 2])
    enqueue_all(state, 0, 2)
    assert start_if_fits(state, 0, 0.0)
    assert not start_if_fits(state, 1, 0.0)
    assert sorted(state.free.tolist()) == [0, 2]
    finish(state, 0)
    assert start_if_fits(state, 1, 0.0)
    assert state.free.tolist() == [0, 0]


def test_parts_share_a_host_where_they_fit():
    state = state_of([(0, 5, 2, 9.0)], [5, 8, 1])
    enqueue_all(state, 0, 1)
    assert start_if_fits(state, 0, 0.0)
    assert state.free.tolist() == [1, 2, 1]


def test_a_job_that_comes_back_takes_its_old_place_in_line():
    state = state_of([(0, 1, 1, 9.0)] * 3, [1])
    enqueue_all(state, 0, 3)
    start(state, 1, np.array([0], np.int32), 0.0)
    finish(state, 1)
    enqueue(state, 1)
    order = []
    for _ in range(3):
        [job] = serve_in_order(state, NO_KEY[:1], NO_KEY[:3], 0.0, False)
        order.append(int(job))
        finish(state, job)
    assert order == [0, 1, 2]


def test_a_short_job_passes_a_blocked_gang_and_a_long_one_does_not():
    jobs = [(0, 1, 1, 10.0), (0, 2, 2, 5.0), (0, 1, 1, 11.0), (0, 1, 1, 9.0)]
    state = state_of(jobs, [2, 2])
    enqueue_all(state, 0, 1)
    assert serve_in_order(state, NO_KEY[:1], NO_KEY[:4], 0.0, True).tolist() == [0]
    enqueue_all(state, 1, 4)
    assert serve_in_order(state, NO_KEY[:1], NO_KEY[:4], 1.0, True).tolist() == [3]


def test_pie_is_cut_in_inverse_proportion_to_priority():
    jobs = [(account, 1, 1, 9.0) for account in (0, 1, 2) for _ in range(70)]
    state = state_of(jobs, [70])
    enqueue_all(state, 0, 210)
    members = np.array([0, 1, 2], np.int32)
    started = spin_pie(state, members, np.array([5.0, 10.0, 20.0]), 70.0, 70.0, 0.0)
    assert started.size == 70
    assert state.held.tolist() == [40, 20, 10]


def test_pie_that_one_submitter_leaves_goes_to_the_others_up_to_the_quota():
    jobs = [(0, 1, 1, 9.0)] * 2 + [(1, 1, 1, 9.0)] * 9
    state = state_of(jobs, [12])
    enqueue_all(state, 0, 11)
    members = np.array([0, 1], np.int32)
    spin_pie(state, members, np.array([1.0, 1.0]), 8.0, 12.0, 0.0)
    assert state.held.tolist() == [2, 6]


def test_a_submitter_with_any_pie_left_may_round_up_to_one_gang():
    state = state_of([(0, 1, 4, 9.0), (1, 1, 4, 9.0)], [4, 4])
    enqueue_all(state, 0, 2)
    members = np.array([0, 1], np.int32)
    assert spin_pie(state, members, np.array([1.0, 1.0]), 6.0, 8.0, 0.0).tolist() == [0, 1]


def test_long_jobs_pass_a_reservation_only_as_far_as_they_fit_beside_it():
    """At 10 s six slots are free, four of them held: of three long jobs two may start now."""
    jobs = [(0, 1, 3, 10.0), (0, 1, 4, 5.0), *[(0, 1, 1, 99.0)] * 3]
    state = state_of(jobs, [6])
    enqueue_all(state, 0, 1)
    assert serve_in_order(state, NO_KEY[:1], NO_KEY[:5], 0.0, True).tolist() == [0]
    enqueue_all(state, 1, 5)
    assert serve_in_order(state, NO_KEY[:1], NO_KEY[:5], 1.0, True).tolist() == [2, 3]
