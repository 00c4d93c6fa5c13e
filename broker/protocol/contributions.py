"""What others do for a scientist's quota: volunteers' credit, and points of the portal (B17)."""

from typing import Annotated

from pydantic import Field, field_validator

from broker.protocol.base import Message, View
from broker.protocol.ids import AccountRef
from broker.protocol.limits import (
    CONTRIBUTIONS_PER_CALL_MAX,
    DONATIONS_PER_ACCOUNT_MAX,
    POINTS_MAX,
)

FRACTION_SUM_MAX = 1 + 1e-9  # ten tenths are a whole, although not in binary


class DonationRequest(Message):
    """A part of a volunteer's credit for one scientist."""

    to: str
    """The scientist, by handle or id."""
    fraction: Annotated[float, Field(gt=0, le=1)]
    """Part of the volunteer's recent average credit."""


class DonationsRequest(Message):
    """All donations of a volunteer; those of before that are not named here end."""

    donations: Annotated[list[DonationRequest], Field(max_length=DONATIONS_PER_ACCOUNT_MAX)]
    """At most 100; their fractions sum up to at most 1."""

    @field_validator("donations")
    @classmethod
    def _not_more_than_everything(cls, given: list[DonationRequest]) -> list[DonationRequest]:
        total = sum(each.fraction for each in given)
        if total > FRACTION_SUM_MAX:
            raise ValueError(f"the fractions sum up to {total:g}, more than 1")
        return given


class Donation(View):
    """A part of a volunteer's credit for one scientist."""

    to: AccountRef
    """The scientist."""
    to_name: str
    """Handle of the scientist."""
    fraction: float
    """Part of the volunteer's recent average credit."""


class Donations(View):
    """All donations of a volunteer."""

    account: AccountRef
    credit_recent: float
    """Recent average credit of the volunteer's hosts, in cobblestones a day."""
    donations: list[Donation]
    """By handle of the scientists."""


class Contribution(Message):
    """Points for taking part in the portal."""

    account: str
    """The scientist, by handle or id."""
    points: Annotated[float, Field(ge=0, le=POINTS_MAX)]
    """Points to add; all points halve every half-life."""


class ContributionsRequest(Message):
    """Points that the portal counted since the last time."""

    contributions: Annotated[
        list[Contribution], Field(min_length=1, max_length=CONTRIBUTIONS_PER_CALL_MAX)
    ]
    """At most 1000; an account may be there more than once."""


class Points(View):
    """The points of an account after a change."""

    account: AccountRef
    account_name: str
    """Handle of the account."""
    points: float
    """Points now, decayed."""


class Contributions(View):
    """The points of the accounts that were named."""

    items: list[Points]
    """By handle of the accounts."""
