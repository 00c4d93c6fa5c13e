"""Percentiles and merged histograms."""

import pytest

from loadtests.figures import merged, percentile, percentile_of_counts, spread_ms


def test_percentile_is_the_nearest_rank() -> None:
    samples = [float(n) for n in range(100, 0, -1)]
    assert [percentile(samples, p) for p in (0, 1, 50, 99, 100)] == [1, 1, 50, 99, 100]
    assert percentile([3.0, 1.0, 2.0], 50) == 2


def test_percentile_of_one_sample_is_that_sample() -> None:
    assert {percentile([7.0], p) for p in (0, 50, 100)} == {7.0}


@pytest.mark.parametrize(("samples", "percent"), [([], 50.0), ([1.0], -1.0), ([1.0], 101.0)])
def test_percentile_of_nothing_is_refused(samples: list[float], percent: float) -> None:
    with pytest.raises(ValueError, match="percentile"):
        percentile(samples, percent)


def test_histogram_gives_the_same_percentile_as_its_samples() -> None:
    samples = [1.0] * 90 + [5.0] * 9 + [80.0]
    counts = merged([{1.0: 40, 5.0: 9}, {1.0: 50, 80.0: 1}])
    for percent in (50, 90, 91, 99, 100):
        assert percentile_of_counts(counts, percent) == percentile(samples, percent)


def test_spread_is_told_in_milliseconds() -> None:
    assert spread_ms("x", [0.001, 0.002]) == {"x_p50_ms": 1, "x_p99_ms": 2, "x_max_ms": 2}
