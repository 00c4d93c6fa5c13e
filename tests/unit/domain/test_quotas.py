"""Quota policies (rule B17): which number each one counts."""

from broker.domain.quotas import Mix, QuotaBasis, policies
from broker.protocol.states import QuotaPolicy

BASIS = QuotaBasis(
    quota=3.5, own_credit_recent=900, donated_credit_recent=70, contribution_points=11
)


def weight(policy: QuotaPolicy, basis: QuotaBasis, mix: Mix) -> float:
    return policies(mix)[policy].weight(basis)


def test_rule_B17_manual_quota_is_the_number_that_an_admin_set() -> None:
    assert weight(QuotaPolicy.MANUAL, BASIS, {}) == 3.5


def test_rule_B17_own_hosts_quota_is_the_recent_average_credit() -> None:
    assert weight(QuotaPolicy.OWN_HOSTS, BASIS, {}) == 900


def test_rule_B17_donated_quota_is_what_volunteers_assigned() -> None:
    assert weight(QuotaPolicy.DONATED, BASIS, {}) == 70


def test_rule_B17_contribution_quota_is_the_points() -> None:
    assert weight(QuotaPolicy.CONTRIBUTION, BASIS, {}) == 11


def test_rule_B17_policies_combine_by_the_sum_that_an_admin_set() -> None:
    mix = {QuotaPolicy.MANUAL: 2.0, QuotaPolicy.OWN_HOSTS: 0.01, QuotaPolicy.CONTRIBUTION: 1.0}
    assert weight(QuotaPolicy.COMBINED, BASIS, mix) == 2 * 3.5 + 0.01 * 900 + 11
    assert weight(QuotaPolicy.COMBINED, BASIS, {}) == 0
