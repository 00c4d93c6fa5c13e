"""Hosts as owners and admins see them."""

from datetime import datetime

from pydantic import AwareDatetime

from broker.protocol.base import Message, Name, Title, View
from broker.protocol.ids import AccountRef, HostRef
from broker.protocol.resources import HostFacts
from broker.protocol.states import HostState


class EnrollmentRequest(Message):
    """A single-use token with which one host may join; the host belongs to the caller."""

    name: Title = ""
    """What it is for."""
    pool: Name = "default"
    """Pool that the host joins."""
    expires_at: AwareDatetime | None = None
    """When it stops working; null takes 24 hours from now."""


class Enrollment(View):
    """A new enrolment token, shown this once."""

    token: str
    """The token, `fle_...`."""
    expires_at: datetime


class Host(View):
    """A host."""

    id: HostRef
    name: str
    """Host name."""
    account: AccountRef
    account_name: str
    """Handle of the owner."""
    pool: str
    """Pool that it serves."""
    state: HostState
    facts: HostFacts
    """What it is and offers."""
    active_leases: int
    """Leases that it holds now."""
    last_seen_at: datetime | None
    """Last message from the agent; null before the first."""
    credit_total: float
    """Credit granted so far, in cobblestones."""
    credit_recent: float
    """Recent average credit, in cobblestones a day."""
    created_at: datetime
