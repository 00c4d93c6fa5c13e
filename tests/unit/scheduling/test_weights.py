"""Quotas bent by past usage."""

import math

import numpy as np
import pytest

from broker.scheduling import plan
from tests.oracles.fleets import WEEK_SECONDS, fleet

WINDOW_SECONDS = WEEK_SECONDS / math.log(2)


def weights_after(usage_in_shares, strength=1.0, quotas=(1, 1), entitled=1, **options):
    """Adjusted weights of busy accounts on 10 slots; usage, and what was due, in multiples of the
    quota's part."""
    shares = 10 * np.array(quotas) / sum(quotas)
    snapshot = fleet(
        quotas,
        [{"pending": 99}] * len(quotas),
        [{"slots_free": 10}],
        usage_gpu_seconds=np.array(usage_in_shares) * shares * WINDOW_SECONDS,
        entitled_gpu_seconds=np.array(entitled) * shares * WINDOW_SECONDS,
        history_strength=strength,
        **options,
    )
    return plan(snapshot, 0.0).weight_adjusted


def test_usage_equal_to_the_share_leaves_the_quota_alone():
    assert weights_after([1, 1], quotas=(3, 1)) == pytest.approx([3, 1])


def test_less_usage_raises_and_more_lowers_the_weight():
    assert weights_after([0, 1.5]) == pytest.approx([2, 0.5])


def test_example_of_the_guide():
    quotas = (50, 30, 20)
    assert weights_after([1.5, 1, 0.5], quotas=quotas) == pytest.approx([25, 30, 30])
    assert weights_after([10, 1, 0], quotas=quotas) == pytest.approx([12.5, 30, 40])


def test_factor_stays_between_a_quarter_and_four():
    assert weights_after([0, 1e9], strength=50) == pytest.approx([4, 0.25])
    assert weights_after([0, 1e9], 50, weight_factor_min=0.5, weight_factor_max=3) == (
        pytest.approx([3, 0.5])
    )


def test_strength_zero_turns_history_off():
    assert weights_after([0, 1e300], strength=0) == pytest.approx([1, 1])


def test_slots_that_nobody_else_wanted_are_no_debt():
    """The account used ten times its quota's part, and so much was due to it at that time."""
    made = weights_after([10, 1], entitled=[10, 1])
    assert made == pytest.approx([1, 1])


def test_who_wanted_nothing_has_no_claim():
    assert weights_after([0, 1], entitled=[0, 1]) == pytest.approx([1, 1])


def test_first_jobs_of_a_newcomer_decide_little():
    """A difference is measured by a twentieth of the whole share at least."""
    assert weights_after([0.01, 1], entitled=[0, 1]) == pytest.approx([0.8, 1])


def test_idle_accounts_take_nothing_from_the_whole_share_of_busy_ones():
    snapshot = fleet(
        [1, 5],
        [{"pending": 9}, {"pending": 0}],
        [{"slots_free": 4}],
        usage_gpu_seconds=[0.1 * WINDOW_SECONDS, 0.0],
    )
    assert plan(snapshot, 0.0).weight_adjusted == pytest.approx([0.5, 5])


def test_what_is_due_by_quota_alone_is_told_beside_the_entitlement():
    snapshot = fleet(
        [1, 1],
        [{"pending": 99}, {"pending": 99}],
        [{"slots_free": 12}],
        usage_gpu_seconds=[9 * WINDOW_SECONDS, 3 * WINDOW_SECONDS],
        entitled_gpu_seconds=[6 * WINDOW_SECONDS, 6 * WINDOW_SECONDS],
    )
    made = plan(snapshot, 0.0)
    assert made.entitlement_slots == pytest.approx([3, 9])
    assert made.fair_slots == pytest.approx([6, 6])


def test_fleet_without_slots_bends_nothing():
    snapshot = fleet([2], [{}], [], usage_gpu_seconds=[5.0])
    assert plan(snapshot, 0.0).weight_adjusted == pytest.approx([2])


def test_entitlement_follows_bent_weights_and_ends_at_what_is_wanted():
    snapshot = fleet(
        [1, 1, 1],
        [{"pending": 99}, {"pending": 99}, {"pending": 1}],
        [{"slots_free": 13}],
        usage_gpu_seconds=[0.0, 1e12, 0.0],
        entitled_gpu_seconds=[1e9, 1e9, 1e9],
    )
    made = plan(snapshot, 0.0)
    assert made.weight_adjusted == pytest.approx([2, 0.25, 2])
    assert made.entitlement_slots == pytest.approx([12 * 8 / 9, 12 / 9, 1])


def test_entitlement_ends_at_the_classes_that_suit():
    snapshot = fleet(
        [1, 1],
        [{"pending": 99, "classes": 0b10}, {"pending": 99, "classes": 0b11}],
        [{"slots_free": 10}, {"slots_free": 2, "klass": 1}],
    )
    assert plan(snapshot, 0.0).entitlement_slots == pytest.approx([2, 10])


def test_slots_that_suit_nobody_now_make_no_usage_look_small():
    hosts = [{"slots_free": 4}, {"slots_free": 96, "klass": 1}]
    usage = [0.1 * WINDOW_SECONDS]
    snapshot = fleet([1], [{"pending": 9}], hosts, usage_gpu_seconds=usage)
    assert plan(snapshot, 0.0).weight_adjusted == pytest.approx([0.5])
