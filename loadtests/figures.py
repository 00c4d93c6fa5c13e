"""Figures out of samples. Pure."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence


def percentile(samples: Sequence[float], percent: float) -> float:
    """The smallest sample that at least `percent` of all do not exceed (nearest rank).

    Raises:
        ValueError: no samples, or a percentage outside 0..100.
    """
    return percentile_of_counts(Counter(samples), percent)


def percentile_of_counts(counts: Mapping[float, int], percent: float) -> float:
    """The same over a histogram.

    Args:
        counts: value -> how often it was seen.

    Raises:
        ValueError: an empty histogram, or a percentage outside 0..100.
    """
    total = sum(counts.values())
    if not total or not 0 <= percent <= 100:
        raise ValueError(f"percentile {percent} of {total} samples")
    rank, seen = max(1, math.ceil(total * percent / 100)), 0
    for value in sorted(counts):
        seen += counts[value]
        if seen >= rank:
            return value
    raise AssertionError("the ranks end with the last value")


def merged(histograms: Sequence[Mapping[float, int]]) -> dict[float, int]:
    """One histogram out of several."""
    total: dict[float, int] = {}
    for histogram in histograms:
        for value, count in histogram.items():
            total[value] = total.get(value, 0) + count
    return total


def spread_ms(name: str, seconds: Sequence[float]) -> dict[str, float]:
    """p50, p99 and the maximum of times in seconds, as milliseconds: `<name>_p50_ms`, ..."""
    return {
        f"{name}_p50_ms": percentile(seconds, 50) * 1e3,
        f"{name}_p99_ms": percentile(seconds, 99) * 1e3,
        f"{name}_max_ms": max(seconds) * 1e3,
    }
