"""Tokens: made by an account for itself, or by an admin; shown once."""

from datetime import UTC, datetime

from broker.errors import InvalidInput
from broker.protocol.accounts import Token, TokenRequest, TokenSecret
from broker.protocol.ids import TokenId, show
from broker.services import accounts
from broker.services.actor import Actor
from broker.services.identity import ACCOUNT_PREFIX, new_secret
from broker.services.references import absent
from broker.storage import tokens
from broker.storage.database import Connection

NOT_AHEAD = "must lie in the future"


async def create(
    connection: Connection, actor: Actor, reference: str, request: TokenRequest
) -> TokenSecret:
    """A new token with its secret.

    Raises:
        InvalidInput: an expiry that has passed.
        Conflict: the account was deleted.
    """
    account = await accounts.existing(connection, actor, reference)
    secret, sha256 = new_secret(ACCOUNT_PREFIX)
    expiry = storable(request.expires_at)
    token = await tokens.create(connection, account.id, request.name, sha256, expiry)
    if token is None:
        raise InvalidInput.of("/expires_at", NOT_AHEAD)
    return TokenSecret(id=token, token=secret)


async def page(
    connection: Connection, actor: Actor, reference: str, *, before: int, rows_max: int
) -> list[Token]:
    """Tokens of an account, newest first, without their secrets."""
    account = await accounts.authorised(connection, actor, reference)
    return await tokens.page(connection, account.id, before=before, rows_max=rows_max)


async def revoke(connection: Connection, actor: Actor, reference: str, token: TokenId) -> None:
    """Makes a token stop working; again is no error.

    Raises:
        NotFound: the account has no such token.
    """
    account = await accounts.authorised(connection, actor, reference)
    if not await tokens.revoke(connection, account.id, token):
        raise absent("token", show("token", token))


def storable(expiry: datetime | None) -> datetime | None:
    """An expiry in UTC.

    Raises:
        InvalidInput: a moment before year 1 or after year 9999 of UTC.
    """
    try:
        return expiry and expiry.astimezone(UTC)
    except OverflowError:
        raise InvalidInput.of("/expires_at", "is out of range") from None
