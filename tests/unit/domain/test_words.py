"""Numbers and times in words."""

import pytest

from broker.domain.words import amount, count, duration, exit_words, times


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-3, "0 s"),
        (0, "0 s"),
        (0.0421, "0.042 s"),
        (9.9, "9.9 s"),
        (9.96, "10 s"),
        (99.4, "99 s"),
        (99.6, "2 min"),
        (720, "12 min"),
        (5_969, "99 min"),
        (7_200, "2 h"),
        (12_600, "3.5 h"),
        (172_799, "48 h"),
        (172_800, "2.0 days"),
        (8.64e8, "10,000.0 days"),
    ],
)
def test_time_in_words(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (0.71428, "0.714"), (6.25, "6.25"), (999, "999"), (12_300.4, "12,300")],
)
def test_amount_in_words(value: float, text: str) -> None:
    assert amount(value) == text


def test_counts_in_words() -> None:
    assert [count(n, "job") for n in (0, 1, 1_200)] == ["0 jobs", "1 job", "1,200 jobs"]
    assert [times(n) for n in (1, 2, 3)] == ["Once", "Twice", "3 times"]


@pytest.mark.parametrize(
    ("exit_code", "text"),
    [
        (0, "exit code 0"),
        (3, "exit code 3"),
        (-9, "signal 9 (SIGKILL)"),
        (-200, "signal 200"),
        (None, "an error before it ran"),
    ],
)
def test_exit_in_words(exit_code: int | None, text: str) -> None:
    assert exit_words(exit_code) == text
