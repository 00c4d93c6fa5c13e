"""Quota policies (rule B17)."""

import math

import pytest

from broker.domain.quotas import POLICIES, QuotaBasis, weight
from broker.protocol.states import QuotaPolicy


def test_rule_B17_manual_quota_is_the_number_that_an_admin_set() -> None:
    assert weight(QuotaPolicy.MANUAL, QuotaBasis(quota=3.5, own_credit_recent=900)) == 3.5


def test_rule_B17_own_hosts_quota_is_the_recent_average_credit() -> None:
    assert weight(QuotaPolicy.OWN_HOSTS, QuotaBasis(quota=3.5, own_credit_recent=900)) == 900


def test_every_policy_of_the_wire_has_a_class() -> None:
    assert set(POLICIES) == set(QuotaPolicy)


@pytest.mark.parametrize("policy", QuotaPolicy)
@pytest.mark.parametrize("quota", [0.0, 1e-9, 1.0, 1e12])
@pytest.mark.parametrize("credit", [-1.0, 0.0, 1.0, 1e12])
def test_a_weight_is_finite_and_not_negative(
    policy: QuotaPolicy, quota: float, credit: float
) -> None:
    result = weight(policy, QuotaBasis(quota, credit))
    assert math.isfinite(result)
    assert result >= 0
