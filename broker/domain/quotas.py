"""Quota policies: where an account's weight under contention comes from.

A policy is a class here and a row of POLICIES; the conformance suite finds it there.
"""

from dataclasses import dataclass
from typing import Final, Protocol

from broker.protocol.states import QuotaPolicy


@dataclass(frozen=True, slots=True)
class QuotaBasis:
    """What a policy may look at.

    `quota` is the number that an admin set; `own_credit_recent` the recent average credit of the
    account's own hosts, in cobblestones a day.
    """

    quota: float
    own_credit_recent: float


class Policy(Protocol):
    """Gives the weight of an account, a finite number >= 0."""

    def weight(self, basis: QuotaBasis) -> float: ...


class Manual:
    """The number that an admin set."""

    def weight(self, basis: QuotaBasis) -> float:
        return basis.quota


class OwnHosts:
    """The recent average credit of the hosts that the account attached (BOINC's first policy)."""

    def weight(self, basis: QuotaBasis) -> float:
        return max(0.0, basis.own_credit_recent)


POLICIES: Final[dict[QuotaPolicy, Policy]] = {
    QuotaPolicy.MANUAL: Manual(),
    QuotaPolicy.OWN_HOSTS: OwnHosts(),
}


def weight(policy: QuotaPolicy, basis: QuotaBasis) -> float:
    """The weight in force under a policy."""
    return POLICIES[policy].weight(basis)
