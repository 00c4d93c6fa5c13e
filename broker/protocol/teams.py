"""Teams: flat lists of accounts that access lists can name. They weigh nothing; groups do."""

from datetime import datetime

from broker.protocol.base import Message, Name, Title, View
from broker.protocol.ids import AccountRef, TeamRef


class TeamRequest(Message):
    """A new team."""

    name: Name
    """Unique handle."""
    title: Title = ""
    """What people call it."""


class TeamChange(Message):
    """Changes of a team; a field left out keeps its value."""

    name: Name | None = None
    """Its new handle; access lists follow, for they name the team and not the handle."""
    title: Title | None = None
    """What people call it."""


class Team(View):
    """A team: whatever an access list gives it, each of its members has."""

    id: TeamRef
    name: str
    """Unique handle."""
    title: str
    """What people call it."""
    accounts: int
    """Accounts that belong to it."""
    created_by: AccountRef | None
    """Who made it; null for one that no account made."""
    created_at: datetime


class TeamMember(View):
    """An account of a team."""

    account: AccountRef
    account_name: str
    """Handle of the account."""
    team: TeamRef
    """The team."""
    team_name: str
    """Handle of the team."""
