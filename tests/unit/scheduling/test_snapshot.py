"""A snapshot refuses what no plan can be made from, and says where."""

import numpy as np
import pytest

from broker.scheduling import Accounts, Hosts, InvalidColumnError
from tests.oracles.fleets import fleet


@pytest.mark.parametrize(
    ("message", "make"),
    [
        (r"accounts\.weight\[1\]", lambda: fleet([1, float("nan")], [], [])),
        (r"accounts\.weight\[0\] is negative", lambda: fleet([-1], [], [])),
        (r"usage_gpu_seconds\[0\]", lambda: fleet([1], [], [], usage_gpu_seconds=[np.inf])),
        (r"lanes\.account\[0\] names no account", lambda: fleet([], [{}], [])),
        (r"lanes\.slots\[1\] is below 1", lambda: fleet([1, 1], [{}, {"slots": 0}], [])),
        (r"lanes\.pending\[0\] is negative", lambda: fleet([1], [{"pending": -1}], [])),
        (r"lanes\.last_served\[0\]", lambda: fleet([1], [{"last_served": float("nan")}], [])),
        (r"hosts\.slots_free\[1\] is negative", lambda: fleet([], [], [{}, {"slots_free": -1}])),
        (
            r"hosts\.klass\[0\] names no class",
            lambda: fleet([], [], [{"klass": 3}], class_capacity=[1]),
        ),
        ("class_capacity has more than 64", lambda: fleet([], [], [], class_capacity=[1] * 65)),
        ("half_life_seconds", lambda: fleet([], [], [], half_life_seconds=0.0)),
        ("history_strength", lambda: fleet([], [], [], history_strength=-1.0)),
        ("weight_factor_min", lambda: fleet([], [], [], weight_factor_min=2.0)),
        ("weight_factor_max", lambda: fleet([], [], [], weight_factor_max=0.5)),
    ],
)
def test_bad_column_is_refused_by_name_and_index(message, make):
    with pytest.raises(InvalidColumnError, match=message):
        make()


def test_columns_are_brought_to_their_types():
    hosts = Hosts([3], [0], [8], [64], [1 << 40])
    assert [hosts.id.dtype, hosts.klass.dtype] == [np.int64, np.int32]
    assert Accounts([1], [2], [3]).weight.dtype == np.float64


def test_column_that_its_type_cannot_hold_is_refused():
    with pytest.raises(InvalidColumnError, match=r"hosts.slots_free\[0\] does not fit int32"):
        Hosts([3], [0], [1 << 31], [64], [0])
    with pytest.raises(InvalidColumnError, match="must hold whole numbers"):
        Hosts([3], [0], [1.5], [64], [0])
    with pytest.raises(InvalidColumnError, match="must have 1 entries, not 2"):
        Hosts([3], [0, 0], [1], [64], [0])
