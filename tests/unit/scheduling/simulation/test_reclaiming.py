"""Replays in which running jobs are taken back."""

import numpy as np
import pytest

from broker.scheduling import InvalidColumnError
from broker.scheduling.simulation import Trace, simulate

HOUR = 3600.0
YEAR = 365 * 86_400.0  # a half-life that leaves history out of it


def trace(*jobs):
    """jobs: (account, gpus, submitted, duration), in hours."""
    account, gpus, submit, duration = zip(*jobs, strict=True)
    hours = [HOUR * np.array(column, float) for column in (submit, duration)]
    return Trace(account, gpus, *hours, (("a", ""), ("b", "")))


def late_comer():
    """a fills all five slots for ten hours. b comes after one with two jobs of an hour; the last
    submission, after twenty, closes the account."""
    return trace(*[(0, 1, 0, 10)] * 5, *[(1, 1, 1, 1)] * 2, (0, 1, 20, 1))


def test_late_comer_gets_what_is_due_at_once_and_what_was_computed_is_lost():
    waits = simulate(late_comer(), 5, "fairlead", YEAR).metrics
    taken = simulate(late_comer(), 5, "fairlead", YEAR, reclaim_after_seconds=0.5 * HOUR)
    assert waits.preempted_gpu_hours == 0
    assert taken.metrics.preempted_gpu_hours == pytest.approx(2 * 1.0)
    # b is due two slots for the nine hours that it waits, and then for its last hour.
    assert waits.fairness_error == pytest.approx(2 * 9 / (5 * 20))
    assert taken.metrics.fairness_error == pytest.approx(0.0)
    # Two jobs of a ran one hour in vain and ten more from the second on.
    assert waits.utilisation == pytest.approx((5 * 10 + 2) / (5 * 20))
    assert taken.metrics.utilisation == pytest.approx((5 * 10 + 2 + 2) / (5 * 20))


def test_jobs_run_for_the_minimum_first():
    """Taken after two hours, not after the one at which b comes: b is short for an hour."""
    taken = simulate(late_comer(), 5, "fairlead", YEAR, reclaim_after_seconds=2 * HOUR)
    assert taken.metrics.preempted_gpu_hours == pytest.approx(2 * 2.0)
    assert taken.metrics.fairness_error == pytest.approx(2 * 1 / (5 * 20))


def test_no_more_than_ten_jobs_go_in_a_minute():
    """b is due the eleven slots that it wants: ten go at once, one a minute later."""
    jobs = [(0, 1, 0, 10)] * 23 + [(1, 1, 1, 1)] * 11 + [(0, 1, 20, 1)]
    taken = simulate(trace(*jobs), 23, "fairlead", YEAR, reclaim_after_seconds=0.0)
    assert taken.metrics.preempted_gpu_hours == pytest.approx(10 + 1 + 1 / 60)
    assert taken.metrics.fairness_error == pytest.approx(1 / 60 / (23 * 20))


def test_gang_that_is_taken_back_runs_again_whole():
    jobs = trace((0, 16, 0, 10), (1, 8, 1, 1), (0, 1, 20, 1))
    taken = simulate(jobs, 16, "fairlead", YEAR, reclaim_after_seconds=0.0)
    assert taken.metrics.preempted_gpu_hours == 0  # a would end below its half
    wider = trace((0, 8, 0, 10), (0, 16, 0, 10), (1, 8, 1, 1), (0, 1, 30, 1))
    taken = simulate(wider, 24, "fairlead", YEAR, reclaim_after_seconds=0.0)
    assert taken.metrics.preempted_gpu_hours == pytest.approx(8)
    assert taken.metrics.utilisation == pytest.approx((8 * 11 + 16 * 10 + 8) / (24 * 30))


def test_other_policies_take_nothing_back():
    taken = simulate(late_comer(), 5, "fifo", YEAR, reclaim_after_seconds=0.0)
    assert taken.metrics.preempted_gpu_hours == 0


def test_seconds_that_are_none_are_refused():
    for seconds in (-1.0, np.nan, np.inf):
        with pytest.raises(InvalidColumnError, match="reclaim_after_seconds must be finite"):
            simulate(late_comer(), 5, "fairlead", YEAR, reclaim_after_seconds=seconds)
