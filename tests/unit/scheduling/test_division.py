"""`divide`: trees, limits and complaints. (Published examples: test_worked_examples.py.)"""

import numpy as np
import pytest

from broker.scheduling import InvalidColumnError, divide


def test_weight_zero_gets_only_what_others_leave_and_evenly():
    assert divide(10, [1, 0, 0], [4, 9, 1]) == pytest.approx([4, 5, 1])
    assert divide(10, [1, 0, 0], [40, 9, 1]) == pytest.approx([10, 0, 0])


def test_minimum_of_a_member_takes_from_siblings_not_from_other_groups():
    share = divide(12, [1, 1, 1, 1], [0, 9, 9, 9], minimum=[0, 9, 0, 0], parent=[-1, 0, 0, -1])
    assert share == pytest.approx([6, 6, 0, 6])


def test_demand_of_a_group_is_that_of_its_members():
    share = divide(10, [1, 1, 1], [999, 3, 10], parent=[-1, 0, -1])
    assert share == pytest.approx([3, 3, 7])


def test_nobody_and_nothing_divide():
    assert divide(5, [], []).size == 0
    assert divide(0, [1, 2], [3, 4]) == pytest.approx([0, 0])
    assert divide(5, [], [], parent=np.empty(0, int)).size == 0


def test_light_account_keeps_its_part_beside_a_heavy_one():
    """A running sum of weights would lose 1 beside 2**60."""
    share = divide(50, [2.0**60, 1, 1], [5, 100, 100])
    assert share == pytest.approx([5, 22.5, 22.5])


@pytest.mark.parametrize(
    ("argument", "index", "call"),
    [
        ("capacity", None, lambda: divide(float("nan"), [1], [1])),
        ("capacity", None, lambda: divide(-1, [1], [1])),
        ("weights", 1, lambda: divide(1, [1, float("nan")], [1, 1])),
        ("weights", 0, lambda: divide(1, [-1, 1], [1, 1])),
        ("weights", 1, lambda: divide(1, [1, np.inf], [1, 1])),
        ("demands", 1, lambda: divide(1, [1, 1], [1, float("nan")])),
        ("demands", 0, lambda: divide(1, [1], [-2])),
        ("demands", None, lambda: divide(1, [1, 1], [1])),
        ("minimum", 0, lambda: divide(1, [1], [1], minimum=[np.inf])),
        ("minimum", 1, lambda: divide(1, [1, 1], [1, 1], minimum=[0, 3], maximum=[9, 2])),
        ("maximum", 0, lambda: divide(1, [1], [1], maximum=[-1])),
        ("parent", 1, lambda: divide(1, [1, 1], [1, 1], parent=[-1, 2])),
        ("parent", 0, lambda: divide(1, [1], [1], parent=[0])),
        ("parent", 2, lambda: divide(1, [1] * 4, [1] * 4, parent=[2, -1, 2, 2])),
        ("parent", None, lambda: divide(1, [1], [1], parent=[0.5])),
    ],
)
def test_complaint_names_argument_and_index(argument, index, call):
    with pytest.raises(InvalidColumnError) as raised:
        call()
    assert raised.value.argument == argument
    assert raised.value.index == index
    assert str(raised.value).startswith(argument if index is None else f"{argument}[{index}]")
