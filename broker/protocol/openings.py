"""Break-glass access: a manager's look at a strictly personal batch, with a reason and an end."""

from datetime import datetime
from typing import Annotated

from pydantic import Field, StringConstraints

from broker.protocol.base import Message, Title, View
from broker.protocol.ids import AccountRef, BatchRef
from broker.protocol.limits import OPENING_SECONDS_MAX

Reason = Annotated[Title, StringConstraints(pattern=r"\S.*\S.*\S")]
"""At least three visible characters."""


class OpeningRequest(Message):
    """Read a strictly personal batch of somebody else."""

    reason: Reason
    """Why; it is told to the owner and stands in the audit log."""
    seconds: float = Field(3_600, gt=0, le=OPENING_SECONDS_MAX)
    """Seconds for which the batch can be read."""


class Opening(View):
    """Who may read a strictly personal batch of somebody else, until when, and why."""

    number: int
    """Counts the openings of the deployment."""
    batch: BatchRef
    account: AccountRef
    account_name: str
    """Handle of the manager who opened it."""
    reason: str
    """Why."""
    opened_at: datetime
    """When it was opened."""
    expires_at: datetime
