"""Quotas, what they come from, and groups of accounts."""

from collections.abc import AsyncGenerator, Mapping

from broker.client.pages import listing
from broker.client.transport import Ref, Transport, ref
from broker.protocol.base import Page
from broker.protocol.contributions import (
    Contribution,
    Contributions,
    ContributionsRequest,
    DonationRequest,
    Donations,
    DonationsRequest,
)
from broker.protocol.groups import Group, GroupChange, GroupRequest, Membership
from broker.protocol.preview import Preview, PreviewRequest
from broker.protocol.quotas import Quota, QuotaMix, QuotaRequest


def _quota(account: Ref) -> str:
    return f"/v1/accounts/{ref('account', account)}/quota"


def _donations(account: Ref) -> str:
    return f"/v1/accounts/{ref('account', account)}/donations"


def _group(group: Ref, rest: str = "") -> str:
    return f"/v1/groups/{ref('group', group)}{rest}"


def _member(group: Ref, account: Ref) -> str:
    return _group(group, f"/accounts/{ref('account', account)}")


async def get_quota(http: Transport, account: Ref) -> Quota:
    """The quota of an account, and what it has used."""
    return await http.call("GET", _quota(account), Quota)


async def set_quota(http: Transport, account: Ref, request: QuotaRequest) -> Quota:
    """Change the fields of a quota that `request` sets, and keep the others."""
    return await http.call("PATCH", _quota(account), Quota, body=request)


async def preview_quotas(http: Transport, request: PreviewRequest) -> Preview:
    """Who would get what if quotas were others; nothing is changed."""
    return await http.call("POST", "/v1/quotas:preview", Preview, body=request)


async def get_quota_mix(http: Transport) -> QuotaMix:
    """How much each quota policy counts where they are combined."""
    return await http.call("GET", "/v1/quotas/mix", QuotaMix)


async def set_quota_mix(http: Transport, mix: QuotaMix) -> QuotaMix:
    """Set how much each quota policy counts where they are combined."""
    return await http.call("PUT", "/v1/quotas/mix", QuotaMix, body=mix)


async def get_donations(http: Transport, account: Ref) -> Donations:
    """Which part of a volunteer's credit counts for whom."""
    return await http.call("GET", _donations(account), Donations)


async def donate(http: Transport, account: Ref, fractions: Mapping[str, float]) -> Donations:
    """Replace the parts of a volunteer's credit that count for others, by handle or id."""
    given = [DonationRequest(to=to, fraction=part) for to, part in fractions.items()]
    request = DonationsRequest(donations=given)
    return await http.call("PUT", _donations(account), Donations, body=request)


async def contribute(http: Transport, points: Mapping[str, float]) -> Contributions:
    """Add points for taking part in the portal, by handle or id of the accounts."""
    given = [Contribution(account=account, points=each) for account, each in points.items()]
    request = ContributionsRequest(contributions=given)
    return await http.call("POST", "/v1/contributions", Contributions, body=request)


async def create_group(http: Transport, request: GroupRequest) -> Group:
    """Create a group of accounts; raises NameTaken when the handle is in use."""
    return await http.call("POST", "/v1/groups", Group, body=request)


async def list_groups(http: Transport, *, limit: int | None = None) -> AsyncGenerator[Group, None]:
    """The groups, newest first."""
    async for item in listing(http, "/v1/groups", Page[Group], limit=limit):
        yield item


async def get_group(http: Transport, group: Ref) -> Group:
    """One group, by handle or id."""
    return await http.call("GET", _group(group), Group)


async def change_group(http: Transport, group: Ref, request: GroupChange) -> Group:
    """Change the fields of a group that `request` sets, and keep the others."""
    return await http.call("PATCH", _group(group), Group, body=request)


async def delete_group(http: Transport, group: Ref) -> None:
    """Delete a group that has neither groups nor accounts."""
    await http.act("DELETE", _group(group))


async def list_members(
    http: Transport, group: Ref, *, limit: int | None = None
) -> AsyncGenerator[Membership, None]:
    """The accounts that belong to a group directly, newest first."""
    async for item in listing(http, _group(group, "/accounts"), Page[Membership], limit=limit):
        yield item


async def join_group(http: Transport, group: Ref, account: Ref) -> Membership:
    """Make an account a member of a group; it leaves the one where it was."""
    return await http.call("PUT", _member(group, account), Membership)


async def leave_group(http: Transport, group: Ref, account: Ref) -> None:
    """Take an account out of a group."""
    await http.act("DELETE", _member(group, account))
