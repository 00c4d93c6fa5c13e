"""When a job may start, and a batch end."""

from dataclasses import replace

import pytest

from broker.domain.estimates import end_estimate, start_estimate
from broker.domain.explanations import AccountStanding, LaneStanding

LANE = LaneStanding("share_reached", 40, 6, "", 300.0)
ANN = AccountStanding(1.0, 0.0, 1.0, 12.0, 6, 40, 1)


def test_the_range_reaches_from_what_is_due_to_what_runs_now() -> None:
    found = start_estimate(11, LANE, ANN)
    assert found is not None
    assert found.seconds_low == pytest.approx(12 * 300 / 12 * 0.5)
    assert found.seconds_high == pytest.approx(12 * 300 / 6 * 1.5)
    assert "11 jobs of the account before it, about 5 min each, 6 at a time now" in found.basis


def test_who_runs_nothing_is_judged_by_what_is_due() -> None:
    found = start_estimate(0, replace(LANE, running_jobs=0), replace(ANN, allocated_slots=0))
    assert found is not None
    assert (found.seconds_low, found.seconds_high) == pytest.approx((12.5, 37.5))


@pytest.mark.parametrize(
    ("ahead", "lane", "standing"),
    [
        (None, LANE, ANN),
        (1, None, ANN),
        (1, LANE, None),
        (1, replace(LANE, job_seconds=None), ANN),
        (1, replace(LANE, running_jobs=0), replace(ANN, entitlement_slots=0.0)),
    ],
)
def test_nothing_is_guessed(
    ahead: int | None, lane: LaneStanding | None, standing: AccountStanding | None
) -> None:
    assert start_estimate(ahead, lane, standing) is None


def test_a_batch_ends_between_first_and_last_of_its_lane() -> None:
    found = end_estimate(10, LANE, ANN)
    assert found is not None
    assert found.seconds_low == pytest.approx(10 * 300 / 12 * 0.5)
    assert found.seconds_high == pytest.approx(46 * 300 / 6 * 1.5)
    assert found.basis.startswith("10 open jobs, after up to 36 other jobs, about 5 min each")


def test_a_batch_alone_in_its_lane_waits_for_no_other() -> None:
    found = end_estimate(50, LANE, ANN)
    assert found is not None
    assert found.seconds_high == pytest.approx(50 * 300 / 6 * 1.5)
    assert "other" not in found.basis


@pytest.mark.parametrize("lane", [None, replace(LANE, job_seconds=None)])
def test_no_end_is_guessed(lane: LaneStanding | None) -> None:
    assert end_estimate(5, lane, ANN) is None
