"""Access lists: who holds which role on a node."""

from pydantic import Field

from broker.protocol.base import Message
from broker.protocol.nodes import Role


class AclEntry(Message):
    """A role of somebody."""

    principal: str = Field(min_length=1, max_length=100)
    """Who: an account by handle or id, `team:physics` or `team_5`, `registered`, `everyone`."""
    role: Role
    """What it gives."""
