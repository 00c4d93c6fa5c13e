"""Quotas and groups of accounts."""

from collections.abc import AsyncGenerator

from broker.client.pages import listing
from broker.client.transport import Ref, Transport, ref
from broker.protocol.base import Page
from broker.protocol.groups import Group, GroupChange, GroupRequest, Membership
from broker.protocol.quotas import Quota, QuotaRequest


def _quota(account: Ref) -> str:
    return f"/v1/accounts/{ref('account', account)}/quota"


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
