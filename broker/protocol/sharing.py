"""Access lists: who holds which roles on a node and on what it governs."""

from typing import Annotated

from pydantic import Field, model_validator

from broker.protocol.base import Message, View
from broker.protocol.limits import ACL_ENTRIES_MAX
from broker.protocol.nodes import Role

PrincipalReference = Annotated[str, Field(min_length=1, max_length=100)]
"""An account by handle or id, a team by id or as `team:physics`, `registered` or `everyone`."""
Roles = Annotated[list[Role], Field(min_length=1, max_length=len(Role))]


class Entry(Message):
    """What somebody is to hold."""

    principal: PrincipalReference
    """An account by handle or id, a team by id or as `team:physics`, `registered` for every
    account, `everyone` for those without one, too."""
    roles: Roles
    """Roles; the rights of several add up."""


Entries = Annotated[list[Entry], Field(max_length=ACL_ENTRIES_MAX)]


class AccessListRequest(Message):
    """A whole new access list."""

    entries: Entries
    """Who will hold which roles; whoever is not named holds none."""


class GrantRequest(Message):
    """What one account, team or group is to hold."""

    roles: Roles
    """Its roles from now on, in the place of those that it has."""


class OverrideRequest(Message):
    """How the access list of its own begins."""

    entries: Entries | None = None
    """The list; null copies the one that was inherited."""
    private: bool = False
    """Leave `everyone` and `registered` out of the copy."""

    @model_validator(mode="after")
    def _one_way(self) -> "OverrideRequest":
        if self.private and self.entries is not None:
            raise ValueError("give entries, or private for a copy without the public")
        return self


class AccessEntry(View):
    """What somebody holds."""

    principal: str
    """`account_3`, `team_5`, `registered` or `everyone`."""
    name: str
    """Handle of the account or team; for the two groups the same as `principal`."""
    roles: list[Role]
    """Roles, the least first."""


class AccessList(View):
    """The access list that governs a node."""

    node: str
    """The node that was asked about."""
    benefactor_id: str
    """The node whose list it is: the same, or one above it."""
    inherited: bool
    """Whether it is the list of a node above."""
    version: int
    """Counts the changes of the list; its ETag is made of it."""
    entries: list[AccessEntry]
    """Who holds what."""
