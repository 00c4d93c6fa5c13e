"""What every quota policy promises; found by the registry, so that a new one is tested unasked."""

import math
from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.domain.quotas import POLICIES, QuotaBasis, weight
from broker.protocol.states import QuotaPolicy

AMOUNTS = st.floats(0, 1e12)
BASES = st.builds(
    QuotaBasis,
    quota=AMOUNTS,
    own_credit_recent=AMOUNTS,
    donated_credit_recent=AMOUNTS,
    contribution_points=AMOUNTS,
)
PARTS = [field.name for field in fields(QuotaBasis)]


def test_every_policy_of_the_wire_but_the_combination_has_a_class() -> None:
    assert set(POLICIES) == set(QuotaPolicy) - {QuotaPolicy.COMBINED}


@pytest.mark.parametrize("policy", POLICIES)
@given(basis=BASES)
def test_a_weight_is_finite_and_not_negative(policy: QuotaPolicy, basis: QuotaBasis) -> None:
    result = POLICIES[policy].weight(basis)
    assert math.isfinite(result)
    assert result >= 0


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("part", PARTS)
@given(basis=BASES, more=AMOUNTS)
def test_more_of_anything_never_lowers_a_weight(
    policy: QuotaPolicy, part: str, basis: QuotaBasis, more: float
) -> None:
    richer = replace(basis, **{part: getattr(basis, part) + more})
    assert POLICIES[policy].weight(richer) >= POLICIES[policy].weight(basis)


@pytest.mark.parametrize("policy", POLICIES)
def test_rounding_below_zero_makes_no_negative_weight(policy: QuotaPolicy) -> None:
    """An average of a great credit that faded may end a hair below zero."""
    assert POLICIES[policy].weight(QuotaBasis(0.0, -1e-300, -1e-300, -1e-300)) == 0


@pytest.mark.parametrize("policy", POLICIES)
@given(basis=BASES)
def test_rule_B17_counting_one_policy_once_is_that_policy(
    policy: QuotaPolicy, basis: QuotaBasis
) -> None:
    alone = weight(QuotaPolicy.COMBINED, basis, {policy: 1.0})
    assert alone == weight(policy, basis, {}) == POLICIES[policy].weight(basis)


@given(basis=BASES, factor=st.floats(0, 1e6))
def test_rule_B17_the_combination_is_the_weighted_sum(basis: QuotaBasis, factor: float) -> None:
    mix = dict.fromkeys(POLICIES, factor)
    expected = math.fsum(factor * each.weight(basis) for each in POLICIES.values())
    assert weight(QuotaPolicy.COMBINED, basis, mix) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("policy", POLICIES)
def test_a_policy_says_what_it_counts(policy: QuotaPolicy) -> None:
    assert type(POLICIES[policy]).__doc__
