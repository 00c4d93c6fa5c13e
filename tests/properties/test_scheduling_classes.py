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
    size = draw(st.integers(1, 12))
    weights = draw(st.lists(st.sampled_from([1, 2, 3, 5]), min_size=size, max_size=size))
    pending = draw(st.lists(st.integers(1, 20), min_size=size, max_size=size))
    reach = draw(st.lists(st.sampled_from(masks), min_size=size, max_size=size))
    capacity = draw(st.lists(st.integers(0, 12), min_size=3, max_size=3))
    return weights, pending, reach, capacity


def snapshot_of(weights, pending, reach, capacity):
    lanes = [{"pending": p, "classes": m} for p, m in zip(pending, reach, strict=True)]
    hosts = [{"klass": c, "slots_free": n} for c, n in enumerate(capacity)]
    return fleet(weights, lanes, hosts, class_capacity=np.array(capacity), history_strength=0.0)


def entitled(*case):
    return plan(snapshot_of(*case), 0.0).entitlement_slots


def most_slots(pending, reach, capacity):
    """Jobs of one slot that fit at most: maximum flow is minimum cut."""
    return min(
        sum(p for p, m in zip(pending, reach, strict=True) if m & ~chosen)
        + sum(n for c, n in enumerate(capacity) if chosen >> c & 1)
        for chosen in range(1 << len(capacity))
    )


@settings(patient, max_examples=100)
@given(cases(NESTED))
def test_entitlements_by_nested_classes_equal_exact_fractions(case):
    weights, pending, reach, capacity = case
    suits = [{c for c in range(3) if m >> c & 1 and capacity[c]} for m in reach]
    expected = class_shares(
        capacity, [Fraction(w) for w in weights], [Fraction(p) for p in pending], suits
    )
    assert entitled(*case) == pytest.approx([float(e) for e in expected])


@settings(patient, max_examples=100)
@given(cases(tuple(range(8))))
def test_no_set_of_classes_is_promised_twice_and_no_slot_is_forgotten(case):
    _, pending, reach, capacity = case
    owed = entitled(*case)
    for chosen in range(1, 8):
        slots = sum(n for c, n in enumerate(capacity) if chosen >> c & 1)
        confined = [i for i, m in enumerate(reach) if m & ~chosen == 0]
        assert owed[confined].sum() <= slots + 1e-6
    assert owed.sum() == pytest.approx(most_slots(pending, reach, capacity))


@settings(patient, max_examples=100)
@given(cases(tuple(range(8))), st.randoms(use_true_random=False))
def test_as_many_jobs_start_as_any_arrangement_could_start(case, random):
    weights, pending, reach, capacity = case
    hosts = []
    for klass, slots in enumerate(capacity):
        while slots:
            part = random.randint(1, slots)
            hosts.append({"klass": klass, "slots_free": part})
            slots -= part
    lanes = [{"pending": p, "classes": m} for p, m in zip(pending, reach, strict=True)]
    made = plan(fleet(weights, lanes, hosts, class_capacity=np.array(capacity)), 0.0)
    assert made.lane_granted.sum() == most_slots(pending, reach, capacity)


def test_chain_of_planned_jobs_makes_room():
    """Cat fits only where ben goes first, ben could go where ann went, and ann elsewhere."""
    lanes = [{"classes": 0b110}, {"classes": 0b011}, {"classes": 0b001, "last_served": 9.0}]
    hosts = [{"klass": c} for c in range(3)]
    made = plan(fleet([9, 5, 1], lanes, hosts), 0.0)
    assert made.lane_granted.tolist() == [1, 1, 1]
