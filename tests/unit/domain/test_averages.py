"""Exponential averages: the laws that usage and credit rely on."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.domain.averages import DAY_SECONDS, HALF_LIFE_SECONDS, decay, recent_average

seconds = st.floats(0, 1e8)
half_lives = st.floats(1, 1e8)


def test_half_is_left_after_a_half_life() -> None:
    assert decay(0) == 1
    assert decay(HALF_LIFE_SECONDS) == pytest.approx(0.5)
    assert decay(3 * HALF_LIFE_SECONDS) == pytest.approx(1 / 8)


@given(seconds, seconds, half_lives)
def test_decay_composes(first: float, second: float, half_life: float) -> None:
    together = decay(first + second, half_life)
    assert decay(first, half_life) * decay(second, half_life) == pytest.approx(
        together, rel=1e-6, abs=1e-300
    )


@given(st.floats(-1e9, 0))
def test_a_clock_that_steps_back_changes_nothing(step: float) -> None:
    assert decay(step) == 1
    assert recent_average(10, step, 0) == 10


@given(st.floats(0, 1e300), half_lives)
def test_decay_stays_between_nothing_and_all(time: float, half_life: float) -> None:
    assert 0 < decay(time, half_life) <= 1


@pytest.mark.parametrize("half_life", [0.0, -1.0, math.nan])
def test_a_half_life_must_be_positive(half_life: float) -> None:
    with pytest.raises(ValueError, match="half_life_seconds"):
        decay(1, half_life)


@given(st.floats(0.001, 1e6), st.lists(st.floats(1, 1e6), min_size=1, max_size=30))
def test_a_steady_rate_never_gives_more_than_itself(rate: float, gaps: list[float]) -> None:
    average = 0.0
    for gap in gaps:
        average = recent_average(average, gap, rate * gap / DAY_SECONDS)
        assert average <= rate * (1 + 1e-9)


def test_a_steady_rate_is_approached() -> None:
    average = 0.0
    for _ in range(100):
        average = recent_average(average, DAY_SECONDS, 200.0)
    assert average == pytest.approx(200, rel=1e-3)


@given(st.floats(0, 1e6), st.floats(0, 1e6))
def test_two_reports_at_once_count_like_one(first: float, second: float) -> None:
    one_by_one = recent_average(recent_average(5, 0, first), 0, second)
    assert one_by_one == pytest.approx(recent_average(5, 0, first + second))


def test_the_limit_for_a_tiny_time_meets_the_formula() -> None:
    edge = 1e-3 * HALF_LIFE_SECONDS / DAY_SECONDS
    below = recent_average(0, edge * 0.999, 100)
    above = recent_average(0, edge * 1.001, 100)
    assert below == pytest.approx(above, rel=1e-4)
