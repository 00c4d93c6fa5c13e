"""Projects: what people share, with all that lies in it. A workspace is one's own project."""

from pydantic import Field

from broker.protocol.base import Message, Name, Text, Title
from broker.protocol.nodes import Node
from broker.protocol.sharing import Entries


class ProjectRequest(Message):
    """A new project, of which the caller becomes an owner."""

    name: Name
    """Unique handle."""
    title: Title = ""
    """What people call it."""
    description: Text = ""
    """What it is about."""
    entries: Entries = Field(default_factory=list)
    """Who else holds which roles on it from the beginning."""


class ProjectChange(Message):
    """Changes of a project; a field left out keeps its value."""

    name: Name | None = None
    """Unique handle; a workspace keeps its account's."""
    title: Title | None = None
    """What people call it."""
    description: Text | None = None
    """What it is about."""


class Project(Node):
    """A project, or the workspace of an account."""

    title: str
    """What people call it."""
    description: str
    """What it is about."""
