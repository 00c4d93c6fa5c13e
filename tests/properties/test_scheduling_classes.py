"""Entitlements where classes suit some lanes and not others."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from broker.scheduling import plan
from tests.oracles.class_shares import class_shares
from tests.oracles.fleets import fleet

patient = settings(deadline=None)
NESTED = (0b001, 0b010, 0b011, 0b100, 0b111)  # any two lie within one another or apart


@st.composite
def cases(draw, masks):
    size = draw(st.integers(1, 7))
    weights = draw(st.lists(st.sampled_from([1, 2, 3, 5]), min_size=size, max_size=size))
    pending = draw(st.lists(st.integers(1, 20), min_size=size, max_size=size))
    reach = draw(st.lists(st.sampled_from(masks), min_size=size, max_size=size))
    capacity = draw(st.lists(st.integers(0, 12), min_size=3, max_size=3))
    return weights, pending, reach, capacity


def entitled(weights, pending, reach, capacity):
    lanes = [{"pending": p, "classes": m} for p, m in zip(pending, reach, strict=True)]
    hosts = [{"klass": c, "slots_free": n} for c, n in enumerate(capacity)]
    snapshot = fleet(weights, lanes, hosts, class_capacity=np.array(capacity), history_strength=0.0)
    return plan(snapshot, 0.0).entitlement_slots


@settings(patient, max_examples=300)
@given(cases(NESTED))
def test_entitlements_by_nested_classes_equal_exact_fractions(case):
    weights, pending, reach, capacity = case
    suits = [{c for c in range(3) if m >> c & 1 and capacity[c]} for m in reach]
    expected = class_shares(
        capacity, [Fraction(w) for w in weights], [Fraction(p) for p in pending], suits
    )
    assert entitled(*case) == pytest.approx([float(e) for e in expected])


@settings(patient, max_examples=300)
@given(cases(tuple(range(8))))
def test_no_set_of_classes_is_promised_twice_and_no_slot_is_forgotten(case):
    _, pending, reach, capacity = case
    owed = entitled(*case)
    for chosen in range(1, 8):
        slots = sum(n for c, n in enumerate(capacity) if chosen >> c & 1)
        confined = [i for i, m in enumerate(reach) if m & ~chosen == 0]
        assert owed[confined].sum() <= slots + 1e-6
    most = min(
        sum(p for p, m in zip(pending, reach, strict=True) if m & ~chosen)
        + sum(n for c, n in enumerate(capacity) if chosen >> c & 1)
        for chosen in range(8)
    )  # maximum flow, minimum cut
    assert owed.sum() == pytest.approx(most)
