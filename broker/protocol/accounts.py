"""Accounts and BOINC privileges."""

from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator

from broker.protocol.base import Message, Name, Title, View
from broker.protocol.ids import AccountRef, AppRef
from broker.protocol.quotas import Quota
from broker.protocol.states import AccountState
from broker.protocol.tokens import Token

# What access lists call those without members.
RESERVED = frozenset({"everyone", "registered"})


def _of_somebody(name: str) -> str:
    if name in RESERVED:
        raise ValueError("this word names a group in access lists")
    return name


class AccountRequest(Message):
    """A new account."""

    name: Annotated[Name, AfterValidator(_of_somebody)]
    """Unique handle; not `everyone` or `registered`."""
    title: Title = ""
    """What people call the person or group."""
    email: Title | None = None
    """Contact address; null when not given."""


class Account(View):
    """An account: one scientist, a research group, or a volunteer."""

    id: AccountRef
    name: str
    """Unique handle."""
    title: str
    """What people call the person or group."""
    email: str | None
    """Contact address; null when not given, and for those who may not see it."""
    state: AccountState
    created_at: datetime


class Me(View):
    """Who the caller is, and what the caller may do everywhere."""

    account: Account
    privileges: "Privileges"
    quota: Quota
    token: Token | None = None
    """The token that asks; null when it was proved otherwise who calls."""


class Privileges(Message):
    """BOINC's global privileges of an account (table `user_submit`)."""

    submit_all_apps: bool = False
    """May submit jobs to every app, including apps added later."""
    admin_all_apps: bool = False
    """Is admin of every app; may grant and revoke, create apps, set quotas, manage accounts."""


class AppPrivileges(Message):
    """BOINC's privileges of one account on one app (table `user_submit_app`)."""

    submit: bool = False
    """May submit jobs to the app."""
    admin: bool = False
    """May manage versions and privileges of the app, abort its jobs and view their outputs."""


class AppGrant(View):
    """Who holds which privileges on an app."""

    account: AccountRef
    account_name: str
    """Handle of the account."""
    app: AppRef
    app_name: str
    """Handle of the app."""
    submit: bool
    """May submit jobs to the app."""
    admin: bool
    """May administer the app."""
