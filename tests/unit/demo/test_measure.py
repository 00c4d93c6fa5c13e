"""Shares from attempts."""

import numpy as np
import pytest

from broker.demo.measure import (
    Attempt,
    Window,
    contention,
    delivered,
    error_points,
    fractions,
    over_time,
)

NOBODY_WAITS = {"a": 0, "b": 0}


def test_contention_lasts_until_the_first_scientist_has_nothing_left_to_start() -> None:
    attempts = [
        Attempt("a", 10, 12, 2),
        Attempt("b", 11, 13, 2),
        Attempt("b", 14, 17, 3),
        Attempt("a", 15, 30, 15),
    ]
    assert contention(attempts, NOBODY_WAITS) == Window(10, 14)


def test_contention_goes_on_while_jobs_are_left_that_never_started() -> None:
    attempts = [Attempt("a", 10, 12, 2), Attempt("b", 11, 13, 2), Attempt("a", 15, 30, 15)]
    assert contention(attempts, {"a": 0, "b": 3}) == Window(10, 15)
    assert contention(attempts, {"a": 2, "b": 3}) == Window(10, 15)


@pytest.mark.parametrize("attempts", [[], [Attempt("a", 1, 2, 1)]])
def test_there_is_no_contention_where_somebody_got_nothing(attempts: list[Attempt]) -> None:
    assert contention(attempts, NOBODY_WAITS) is None


def test_attempts_count_with_the_part_that_falls_into_the_window() -> None:
    attempts = [Attempt("a", 0, 4, 4), Attempt("b", 3, 5, 6), Attempt("b", 9, 10, 1)]
    assert delivered(attempts, "ab", Window(1, 4)) == {"a": 3.0, "b": 3.0}


def test_an_attempt_without_length_counts_where_it_stands() -> None:
    assert Attempt("a", 2, 2, 1).within(2, 3) == 1
    assert Attempt("a", 2, 2, 1).within(3, 4) == 0


def test_shares_add_up_and_their_error_is_in_points() -> None:
    shares = fractions({"a": 52.0, "b": 29.0, "c": 19.0})
    assert sum(shares.values()) == pytest.approx(1)
    assert error_points(shares, {"a": 5, "b": 3, "c": 2}) == pytest.approx(2.0)
    assert fractions({"a": 0.0}) == {"a": 0.0}


def test_shares_over_time_end_with_the_shares() -> None:
    attempts = [Attempt("a", i, i + 1, 1) for i in range(10)]
    attempts += [Attempt("b", i, i + 1, 1) for i in range(5, 10)]
    times, since_start, lately = over_time(attempts, "ab", Window(0, 10), 2.0, moments=10)
    assert times.tolist() == list(range(1, 11))
    assert since_start[:, -1] == pytest.approx([10 / 15, 5 / 15])
    assert lately[:, -1] == pytest.approx([0.5, 0.5])
    assert lately[:, 3] == pytest.approx([1.0, 0.0])
    np.testing.assert_allclose(since_start.sum(axis=0), 1.0)
