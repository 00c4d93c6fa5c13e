"""`divide`: published examples, trees, limits and complaints."""

import json
from pathlib import Path

import numpy as np
import pytest

from broker.scheduling import InvalidColumnError, divide

EXAMPLES = json.loads(
    (Path(__file__).parents[2] / "data" / "worked_examples.json").read_text(encoding="utf-8")
)
UNLIMITED = 1e12


def of_kind(*kinds):
    found = [case for case in EXAMPLES if case["kind"] in kinds]
    return pytest.mark.parametrize("case", found, ids=lambda case: case["id"])


@of_kind("weighted_max_min")
def test_published_shares_with_minimum_and_maximum(case):
    given = case["input"]
    share = divide(
        given["capacity"],
        given["weights"],
        given["demands"],
        minimum=given["min"],
        maximum=given["max"],
    )
    assert share == pytest.approx(case["expected"])


@of_kind("hierarchical_weighted")
def test_published_shares_down_a_tree(case):
    names, weights, demands, parent = flatten(case["input"]["tree"])
    share = divide(case["input"]["capacity"], weights, demands, parent=parent)
    assert dict(zip(names, share, strict=True)) == pytest.approx(
        case["expected"] | {"research": 8.0}
    )


@of_kind("hier_quota")
def test_published_nested_quotas(case):
    names, weights, demands, parent = flatten(case["input"]["tree"])
    share = divide(case["input"]["pool"], weights, demands, parent=parent)
    assert dict(zip(names, share, strict=True)) == pytest.approx(case["expected"], abs=1e-3)


@of_kind("hier_quota_surplus")
def test_published_surplus_stays_under_the_cap_of_the_group(case):
    wanted = case["input"]["demand"]
    demands = [0, wanted["hep"], wanted["lep"], wanted["chemistry"]]
    share = divide(
        case["input"]["pool"],
        [2, 3, 1, 1],
        demands,
        maximum=[20, np.inf, np.inf, 10],
        parent=[-1, 0, 0, -1],
    )
    assert share[1:] == pytest.approx(list(case["expected"].values()))


@of_kind("quota_scale_down")
def test_published_minima_beyond_the_pool_shrink_by_one_factor(case):
    quotas = list(case["input"]["static"].values())
    share = divide(case["input"]["pool"], [1, 1], [UNLIMITED] * 2, minimum=quotas)
    assert share == pytest.approx(list(case["expected"].values()))


@of_kind("inverse_priority_share")
def test_published_shares_by_inverse_priority(case):
    weights = [1 / priority for priority in case["input"]["eup"]]
    share = divide(case["input"]["slots"], weights, [UNLIMITED] * 3)
    assert share == pytest.approx(case["expected"])


@of_kind("hypothetical_new_share")
def test_published_share_of_a_newcomer_with_endless_demand(case):
    given = case["input"]
    share = divide(
        given["capacity"],
        [*given["weights"], given["new_weight"]],
        [*given["demands"], np.inf],
    )
    assert share[-1] / given["capacity"] == pytest.approx(case["expected"])


def flatten(tree):
    """Names, weights, demands and parents of an example two levels deep."""
    rows = []
    for name, value in tree.items():
        weight, below = value if isinstance(value, list) else (value, UNLIMITED)
        group = len(rows)
        rows.append((name, weight, 0 if isinstance(below, dict) else below, -1))
        if isinstance(below, dict):
            for member, inner in below.items():
                rows.append(
                    (member, *(inner if isinstance(inner, list) else (inner, UNLIMITED)), group)
                )
    return tuple(zip(*rows, strict=True))


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
