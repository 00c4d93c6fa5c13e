"""`divide` against exact fractions, and what fairness promises of it."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from broker.scheduling import divide
from tests.oracles.max_min import weighted_max_min_tree

patient = settings(deadline=None)  # the first example compiles the kernels
amounts = st.integers(0, 400).map(lambda n: n / 4)
weights = st.sampled_from([0.0, 0.25, 0.5, 1.0, 1.0, 2.0, 3.0, 7.0, 100.0, 2.0**-40])


@st.composite
def divisions(draw, tree=False, smallest=1):
    size = draw(st.integers(smallest, 9))
    columns = {
        "weights": draw(st.lists(weights, min_size=size, max_size=size)),
        "demands": draw(st.lists(amounts, min_size=size, max_size=size)),
    }
    minimum = draw(st.lists(st.just(0.0) | amounts, min_size=size, max_size=size))
    room = draw(st.lists(st.just(1000.0) | amounts, min_size=size, max_size=size))
    columns["minimum"] = minimum
    columns["maximum"] = [low + r for low, r in zip(minimum, room, strict=True)]
    if tree:
        above = [draw(st.integers(-1, node - 1)) for node in range(size)]
        moved = draw(st.permutations(range(size)))  # so that parents also follow their children
        parent = [0] * size
        for node, group in enumerate(above):
            parent[moved[node]] = -1 if group < 0 else moved[group]
        columns["parent"] = parent
    return draw(amounts), columns


def run(capacity, columns):
    rest = {name: columns[name] for name in columns if name not in ("weights", "demands")}
    return divide(capacity, columns["weights"], columns["demands"], **rest)


def exact(capacity, columns):
    size = len(columns["weights"])
    parts = [
        [Fraction(v) for v in columns[name]]
        for name in ("weights", "demands", "minimum", "maximum")
    ]
    return weighted_max_min_tree(Fraction(capacity), *parts, columns.get("parent", [-1] * size))


@patient
@given(divisions())
def test_flat_division_equals_exact_fractions(case):
    assert run(*case) == pytest.approx([float(x) for x in exact(*case)], abs=1e-9)


@patient
@given(divisions(tree=True))
def test_tree_division_equals_exact_fractions(case):
    assert run(*case) == pytest.approx([float(x) for x in exact(*case)], abs=1e-9)


@patient
@given(divisions(tree=True))
def test_nothing_is_left_while_anybody_can_take_more(case):
    capacity, columns = case
    share = run(capacity, columns)
    top = np.array(columns["parent"]) == -1
    limitless = run(1e6, columns)
    assert share[top].sum() == pytest.approx(min(capacity, limitless[top].sum()), abs=1e-9)


@patient
@given(divisions(), st.sampled_from(["weights", "demands"]), st.floats(1, 100))
def test_raising_ones_own_weight_or_demand_never_lowers_ones_share(case, name, factor):
    capacity, columns = case
    before = run(capacity, columns)[0]
    raised = columns | {name: [columns[name][0] * factor, *columns[name][1:]]}
    assert run(capacity, raised)[0] >= before - 1e-9


@patient
@given(divisions(tree=True), amounts)
def test_more_capacity_lowers_nobody(case, extra):
    capacity, columns = case
    assert (run(capacity + extra, columns) >= run(capacity, columns) - 1e-9).all()


@patient
@given(divisions(smallest=2))
def test_departure_lowers_nobody_else(case):
    capacity, columns = case
    without = {name: values[1:] for name, values in columns.items()}
    assert (run(capacity, without) >= run(capacity, columns)[1:] - 1e-9).all()


@patient
@given(divisions(tree=True), st.floats(1e-6, 1e6))
def test_scale_of_weights_does_not_matter(case, scale):
    capacity, columns = case
    scaled = columns | {"weights": [w * scale for w in columns["weights"]]}
    assert run(capacity, scaled) == pytest.approx(run(capacity, columns), abs=1e-9)


@patient
@given(divisions(), st.randoms(use_true_random=False))
def test_order_of_rows_does_not_matter(case, random):
    capacity, columns = case
    order = list(range(len(columns["weights"])))
    random.shuffle(order)
    moved = {name: [values[i] for i in order] for name, values in columns.items()}
    assert run(capacity, moved) == pytest.approx(run(capacity, columns)[order], abs=1e-9)


@patient
@given(st.lists(st.lists(st.integers(1, 9), min_size=1, max_size=4), min_size=1, max_size=4))
def test_backlogged_tree_equals_flat_division_by_products(groups):
    """Weights of groups are the sums of their members', so each member weighs its own number."""
    sums = [sum(members) for members in groups]
    flat = [w for members in groups for w in members]
    parent = [-1] * len(groups) + [g for g, members in enumerate(groups) for _ in members]
    demands = np.full(len(parent), np.inf)
    share = divide(100.0, sums + flat, demands, parent=parent)
    assert share[len(groups) :] == pytest.approx(divide(100.0, flat, demands[: len(flat)]))


@patient
@given(st.lists(st.integers(-1074, 1000), min_size=1, max_size=6), st.floats(0, 1e9))
def test_no_range_of_weights_breaks_conservation(exponents, capacity):
    share = divide(capacity, [2.0**e for e in exponents], [np.inf] * len(exponents))
    assert share.sum() == pytest.approx(capacity)
