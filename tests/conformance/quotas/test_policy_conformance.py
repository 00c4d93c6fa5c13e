"""What every quota policy promises; found by the registry, so that a new one is tested unasked."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.domain.quotas import POLICIES, QuotaBasis, policies
from broker.protocol.states import QuotaPolicy

AMOUNTS = st.floats(0, 1e12)
BASES = st.builds(QuotaBasis, *[AMOUNTS] * len(QuotaBasis._fields))
EQUALLY = dict.fromkeys(POLICIES, 1.0)
ALL = policies(EQUALLY)


def test_every_policy_of_the_wire_has_a_class() -> None:
    assert set(ALL) == set(QuotaPolicy)
    assert set(POLICIES) == set(QuotaPolicy) - {QuotaPolicy.COMBINED}


@pytest.mark.parametrize("policy", ALL)
@given(basis=BASES)
def test_a_weight_is_finite_and_not_negative(policy: QuotaPolicy, basis: QuotaBasis) -> None:
    result = ALL[policy].weight(basis)
    assert math.isfinite(result)
    assert result >= 0


@pytest.mark.parametrize("policy", ALL)
@pytest.mark.parametrize("part", QuotaBasis._fields)
@given(basis=BASES, more=AMOUNTS)
def test_more_of_anything_never_lowers_a_weight(
    policy: QuotaPolicy, part: str, basis: QuotaBasis, more: float
) -> None:
    richer = basis._replace(**{part: getattr(basis, part) + more})
    assert ALL[policy].weight(richer) >= ALL[policy].weight(basis)


@pytest.mark.parametrize("policy", ALL)
def test_rounding_below_zero_makes_no_negative_weight(policy: QuotaPolicy) -> None:
    """An average of a great credit that faded may end a hair below zero."""
    assert ALL[policy].weight(QuotaBasis(0.0, -1e-300, -1e-300, -1e-300)) == 0


@pytest.mark.parametrize("policy", POLICIES)
@given(basis=BASES)
def test_rule_B17_counting_one_policy_once_is_that_policy(
    policy: QuotaPolicy, basis: QuotaBasis
) -> None:
    alone = policies({policy: 1.0})[QuotaPolicy.COMBINED].weight(basis)
    assert alone == POLICIES[policy].weight(basis)


@given(basis=BASES, factor=st.floats(0, 1e6))
def test_rule_B17_the_combination_is_the_weighted_sum(basis: QuotaBasis, factor: float) -> None:
    combined = policies(dict.fromkeys(POLICIES, factor))[QuotaPolicy.COMBINED]
    expected = math.fsum(factor * each.weight(basis) for each in POLICIES.values())
    assert combined.weight(basis) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("policy", ALL)
def test_a_policy_says_what_it_counts(policy: QuotaPolicy) -> None:
    assert type(ALL[policy]).__doc__
