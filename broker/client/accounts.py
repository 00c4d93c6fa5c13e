"""Accounts and privileges."""

from collections.abc import AsyncGenerator

from broker.client.pages import listing
from broker.client.transport import Ref, Transport, ref
from broker.protocol.accounts import (
    Account,
    AccountRequest,
    Me,
    Privileges,
)
from broker.protocol.base import Page
from broker.protocol.departures import Departure


def _path(account: Ref, rest: str = "") -> str:
    return f"/v1/accounts/{ref('account', account)}{rest}"


async def me(http: Transport) -> Me:
    """Who the caller is, and what the caller may do everywhere."""
    return await http.call("GET", "/v1/me", Me)


async def create_account(http: Transport, request: AccountRequest) -> Account:
    """Create an account; raises NameTaken when the handle is in use."""
    return await http.call("POST", "/v1/accounts", Account, body=request)


async def list_accounts(
    http: Transport, *, limit: int | None = None
) -> AsyncGenerator[Account, None]:
    """The accounts, newest first."""
    async for item in listing(http, "/v1/accounts", Page[Account], limit=limit):
        yield item


async def get_account(http: Transport, account: Ref) -> Account:
    """One account, by handle or id."""
    return await http.call("GET", _path(account), Account)


async def suspend_account(http: Transport, account: Ref) -> None:
    """Stop an account from submitting and its jobs from starting."""
    await http.act("POST", _path(account, ":suspend"))


async def resume_account(http: Transport, account: Ref) -> None:
    """Undo a suspension."""
    await http.act("POST", _path(account, ":resume"))


async def preview_departure(http: Transport, account: Ref) -> Departure:
    """What deleting an account would do; nothing is changed."""
    return await http.call("GET", _path(account, ":impact"), Departure)


async def delete_account(http: Transport, account: Ref) -> Departure:
    """Delete an account; what is strictly personal goes, the rest and its history stay."""
    return await http.call("DELETE", _path(account), Departure)


async def get_privileges(http: Transport, account: Ref) -> Privileges:
    """The global privileges of an account."""
    return await http.call("GET", _path(account, "/privileges"), Privileges)


async def set_privileges(http: Transport, account: Ref, privileges: Privileges) -> None:
    """Replace the global privileges of an account."""
    # Whole, also what was left at its default: a PUT replaces.
    body = privileges.model_dump_json().encode()
    await http.act("PUT", _path(account, "/privileges"), body=body)
