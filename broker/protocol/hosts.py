"""Hosts as owners and admins see them."""

from datetime import datetime

from pydantic import AwareDatetime, Field

from broker.protocol.base import Message, Name, Title, View
from broker.protocol.ids import AccountRef, HostRef
from broker.protocol.limits import OVERLAP_SECONDS_MAX
from broker.protocol.resources import HostFacts
from broker.protocol.states import HostState


class EnrollmentRequest(Message):
    """A single-use token with which one host may join; the host belongs to the caller."""

    name: Title = ""
    """What it is for."""
    pool: Name = "default"
    """Pool that the host joins."""
    expires_at: AwareDatetime | None = None
    """When it stops working, at the latest with the token that asks; null takes 24 hours from
    now."""
    host_expires_at: AwareDatetime | None = None
    """When the host's own token will stop working, at the latest with the token that asks; null
    for that, or never."""


class Enrollment(View):
    """A new enrolment token, shown this once."""

    token: str
    """The token, `fle_...`."""
    expires_at: datetime


class HostRotationRequest(Message):
    """A host asks for another token in the place of its own; it lasts as long."""

    overlap_seconds: float = Field(86_400, ge=0, le=OVERLAP_SECONDS_MAX)
    """Seconds for which the old token works on, in case that the answer is lost."""


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
