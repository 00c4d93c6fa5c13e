"""The audit log: what was changed, by whom, in a chain that shows whether it was touched."""

from datetime import datetime
from typing import Any

from pydantic import Field

from broker.protocol.base import Message, View
from broker.protocol.ids import AccountRef, HostRef, TokenRef


class AuditEntry(View):
    """One change."""

    position: int
    """Its place in the chain, counted from 1 without gaps."""
    at: datetime
    account: AccountRef | None
    """Who did it; null for a host, and for the server's own command line."""
    account_name: str | None
    """Handle of that account."""
    host: HostRef | None
    """The host that did it; null for an account."""
    token: TokenRef | None
    """The token that proved it; null when it was proved otherwise."""
    action: str
    """What was asked of the policy, e.g. `team.edit`."""
    request: str
    """Method and route, e.g. `PUT /v1/teams/{team}/accounts/{account}`."""
    objects: list[str]
    """What it was about: ids, and `kind:handle` where the request gave a handle."""
    details: dict[str, Any]
    """What was asked for, without secrets: `body`, or the digest of one that is long or
    personal."""
    status: int
    """HTTP status of the answer."""
    sha256: str
    """Digest of the entry and of the one before it, in hexadecimal."""


class AuditAnchorQuery(Message):
    """An entry noted earlier, outside of the database."""

    position: int | None = Field(None, ge=1)
    """Its position; left out when there is none to compare."""
    sha256: str | None = Field(None, pattern=r"^[0-9a-f]{64}$")
    """Its digest as it was noted."""


class AuditCheck(View):
    """Whether the audit log is what was written."""

    intact: bool
    """Every entry fits to the one before it, none is missing, and the noted one is still there."""
    entries: int
    """Entries that were checked."""
    broken_at: int | None
    """The first position that does not fit; null when all do."""
    reason: str | None
    """What is wrong; null when nothing is."""
    head_position: int
    """Position of the newest entry; note it with its digest outside of the database."""
    head_sha256: str
    """Digest of the newest entry."""
