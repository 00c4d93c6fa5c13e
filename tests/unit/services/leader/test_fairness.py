"""The running broker's measure of fairness."""

import math

import numpy as np
import pytest

from broker.scheduling import Snapshot, plan
from broker.services.leader.fairness import AVERAGE_SECONDS, FairnessMeter, fairness_error
from tests.oracles.fleets import fleet


def one_class(
    *, capacity: int, weights: list[float], pending: list[int], running: list[int]
) -> Snapshot:
    """Accounts with a lane each on one host whose free slots leave this capacity."""
    lanes = [{"pending": p, "running": r} for p, r in zip(pending, running, strict=True)]
    return fleet(weights, lanes, [{"slots_free": capacity - sum(running)}])


@pytest.mark.parametrize(
    ("running", "error"),
    [([2, 2], 0.0), ([4, 0], 0.5), ([3, 1], 0.25), ([1, 1], 0.5), ([0, 0], 1.0)],
)
def test_the_error_is_what_is_missing_from_what_is_due(running: list[int], error: float) -> None:
    snapshot = one_class(capacity=4, weights=[1.0, 1.0], pending=[9, 9], running=running)
    assert fairness_error(snapshot, plan(snapshot, 0.0)) == pytest.approx(error)


def test_nobody_is_owed_what_nobody_wants() -> None:
    snapshot = one_class(capacity=4, weights=[1.0, 1.0], pending=[0, 0], running=[4, 0])
    assert fairness_error(snapshot, plan(snapshot, 0.0)) == 0
    empty = one_class(capacity=0, weights=[1.0], pending=[5], running=[0])
    assert fairness_error(empty, plan(empty, 0.0)) == 0


def test_the_average_weighs_by_time() -> None:
    meter = FairnessMeter()
    meter.observe(0.8, at=100.0)
    assert meter.average == 0.8
    meter.observe(0.0, at=100.0)  # at the same moment: nothing lasted
    assert (meter.now, meter.average) == (0.0, 0.8)
    meter.observe(0.0, at=100.0 + AVERAGE_SECONDS)
    assert meter.average == pytest.approx(0.8 / math.e)
    meter.observe(0.5, at=50.0)  # the clock stepped back
    assert meter.average == pytest.approx(0.8 / math.e)


def test_the_error_lies_between_none_and_all() -> None:
    rng = np.random.default_rng(7)
    for _ in range(50):
        n = int(rng.integers(1, 6))
        running = rng.integers(0, 4, n)
        snapshot = one_class(
            capacity=int(running.sum() + rng.integers(0, 9)),
            weights=rng.random(n).tolist(),
            pending=rng.integers(0, 20, n).tolist(),
            running=running.tolist(),
        )
        assert 0 <= fairness_error(snapshot, plan(snapshot, 0.0)) <= 1
