"""Quota policies: where an account's weight under contention comes from (rule B17).

A policy is a class here and a row of POLICIES; the conformance suite finds it there. An account
follows one of them, or the deployment's `combined` weighted sum of all.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple, Protocol

from broker.protocol.states import QuotaPolicy


class QuotaBasis(NamedTuple):
    """What a policy may look at, all of it decayed to now. A tuple: ten thousand are made a second.

    `quota` is the number that an admin set, or its boost while that lasts; `own_credit_recent` the
    recent average credit of the account's own hosts, in cobblestones a day;
    `donated_credit_recent` the part of the volunteers' that they assigned to the account;
    `contribution_points` what the portal counted.
    """

    quota: float = 1.0
    own_credit_recent: float = 0.0
    donated_credit_recent: float = 0.0
    contribution_points: float = 0.0


class Policy(Protocol):
    """Gives the weight of an account, a finite number >= 0 that no more of anything lowers."""

    def weight(self, basis: QuotaBasis) -> float: ...


class Manual:
    """The number that an admin set."""

    def weight(self, basis: QuotaBasis) -> float:
        return basis.quota


class OwnHosts:
    """The recent average credit of the hosts that the account attached (BOINC's first policy)."""

    def weight(self, basis: QuotaBasis) -> float:
        return max(0.0, basis.own_credit_recent)


class Donated:
    """The recent average credit of volunteers, by the fraction that each gave the account."""

    def weight(self, basis: QuotaBasis) -> float:
        return max(0.0, basis.donated_credit_recent)


class Contribution:
    """Points for taking part in the portal; they halve every half-life."""

    def weight(self, basis: QuotaBasis) -> float:
        return max(0.0, basis.contribution_points)


POLICIES: Final[Mapping[QuotaPolicy, Policy]] = {
    QuotaPolicy.MANUAL: Manual(),
    QuotaPolicy.OWN_HOSTS: OwnHosts(),
    QuotaPolicy.DONATED: Donated(),
    QuotaPolicy.CONTRIBUTION: Contribution(),
}

Mix = Mapping[QuotaPolicy, float]
"""How much each policy counts for accounts whose policy is `combined`; others count nothing."""


class Combined:
    """The deployment's weighted sum of all policies."""

    def __init__(self, mix: Mix) -> None:
        self._terms = [(factor, POLICIES[policy]) for policy, factor in mix.items() if factor]

    def weight(self, basis: QuotaBasis) -> float:
        return sum([factor * policy.weight(basis) for factor, policy in self._terms])


def policies(mix: Mix) -> Mapping[QuotaPolicy, Policy]:
    """Every policy that an account may follow, where the policies combine like this."""
    return {**POLICIES, QuotaPolicy.COMBINED: Combined(mix)}
