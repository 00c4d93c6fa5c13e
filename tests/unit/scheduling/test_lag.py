"""Lag: who was short of slots lately, and what that is worth."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from broker.scheduling import carried, plan
from broker.scheduling.lag import LAG_JOBS_MAX
from tests.oracles.fleets import fleet

FLAT = np.full(3, -1)
amounts = st.lists(st.floats(0, 100), min_size=3, max_size=3).map(np.array)


def granted(lag_slots, weights=(1, 1), **lane):
    snapshot = fleet(
        weights, [{"pending": 9} | lane] * len(weights), [{"slots_free": 1}], lag_slots=lag_slots
    )
    return plan(snapshot, 0.0).lane_granted.tolist()


def test_part_that_was_missed_adds_up_and_what_was_beyond_it_falls():
    lag = carried(np.zeros(2), np.array([1.2, 0.8]), np.array([1.0, 1.0]), FLAT[:2], 10.0, 60.0)
    assert lag == pytest.approx([2, -2])


def test_idle_or_twice_counted_slots_are_nobodys_gain_or_loss():
    entitlement = np.array([3.0, 1.0])
    for allocated in ([0.75, 0.25], [0.0, 0.0], [6.0, 2.0]):
        lag = carried(np.zeros(2), entitlement, np.array(allocated), FLAT[:2], 10.0, 60.0)
        assert lag == pytest.approx([0, 0])


def test_what_a_group_misses_is_no_claim_of_one_member_on_another():
    entitlement = np.array([2.0, 2.0, 4.0, 4.0])  # two members, their group, and its rival
    allocated = np.array([1.0, 2.0, 3.0, 5.0])
    lag = carried(np.zeros(4), entitlement, allocated, np.array([2, 2, -1, -1]), 10.0, 60.0)
    assert lag == pytest.approx([5, -5, 10, -10])


@given(amounts, amounts, amounts, st.floats(0, 1e6), st.floats(0.01, 1e4))
@example(np.zeros(3), np.array([0.0, 0.0, 2e-309]), np.array([0.0, 0.0, 1.0]), 1.0, 1.0)
def test_lag_never_exceeds_a_few_typical_jobs(lag, entitlement, allocated, seconds, job_seconds):
    after = carried(lag, entitlement, allocated, FLAT, seconds, job_seconds)
    assert np.isfinite(after).all()
    assert (np.abs(after) <= LAG_JOBS_MAX * job_seconds).all()


def test_who_was_short_goes_first_among_equals():
    assert granted([0.0, 0.1]) == [0, 1]
    assert granted([0.1, 0.0]) == [1, 0]


def test_lag_outweighs_a_quota_by_at_most_one_job():
    assert granted([0.0, 0.6], weights=(2, 1)) == [0, 1]
    assert granted([0.0, 0.4], weights=(2, 1)) == [1, 0]
    holds_two = [
        {"pending": 9, "account": 0},
        {"pending": 9, "account": 1, "running": 2},
    ]
    snapshot = fleet([1, 1], holds_two, [{"slots_free": 1}], lag_slots=[0.0, 1e9])
    assert plan(snapshot, 0.0).lane_granted.tolist() == [1, 0]
