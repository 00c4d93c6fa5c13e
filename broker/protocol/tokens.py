"""Tokens of accounts: what each may be used for, how long, and how one takes another's place."""

from datetime import datetime

from pydantic import AwareDatetime, Field

from broker.protocol.base import Message, Title, View
from broker.protocol.ids import AccountRef, TokenRef
from broker.protocol.limits import OVERLAP_SECONDS_MAX, TOKEN_SCOPES_MAX
from broker.protocol.scopes import TokenScope


class TokenRequest(Message):
    """A new token of an account."""

    name: Title = ""
    """What it is for."""
    expires_at: AwareDatetime | None = None
    """When it stops working, at the latest with the token that asks; null for that, or never."""
    scopes: list[TokenScope] | None = Field(None, min_length=1, max_length=TOKEN_SCOPES_MAX)
    """What it may be used for, never more than the token that asks; null for the same."""


class RotationRequest(Message):
    """Another secret in the place of a token's."""

    overlap_seconds: float = Field(0, ge=0, le=OVERLAP_SECONDS_MAX)
    """Seconds for which the old secret works on."""
    expires_at: AwareDatetime | None = None
    """When the new token stops working; null for when the old one would have."""


class Token(View):
    """A token, without its secret."""

    id: TokenRef
    name: str
    """What it is for."""
    scopes: list[TokenScope]
    """What it may be used for."""
    created_by: AccountRef | None
    """Who made it; null for one that no account made."""
    created_at: datetime
    expires_at: datetime | None
    """When it stops working; null for never."""
    revoked_at: datetime | None
    """When it was revoked; null while it works."""


class TokenSecret(View):
    """A new token with its secret, shown this once: the broker keeps only a hash."""

    id: TokenRef
    token: str
    """The bearer token, `flt_...`."""
