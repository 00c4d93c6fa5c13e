"""Tokens: made by an account for itself, or by an admin; shown once.

No token makes one that may do more or lasts longer than itself: not directly, not by rotation, and
not by way of a host that it invites.
"""

from datetime import UTC, datetime

from broker.domain.access import Scopes, within
from broker.errors import Conflict, Forbidden, InvalidInput
from broker.protocol.ids import TokenId, show
from broker.protocol.tokens import RotationRequest, Token, TokenRequest, TokenSecret
from broker.services.people import accounts
from broker.services.people.bearer_tokens import ACCOUNT_PREFIX, new_secret
from broker.services.requests.actor import Actor
from broker.services.requests.references import absent
from broker.storage import tokens
from broker.storage.database import Connection

NOT_AHEAD = "must lie in the future"


async def create(
    connection: Connection, actor: Actor, reference: str, request: TokenRequest
) -> TokenSecret:
    """A new token with its secret.

    Raises:
        InvalidInput: an expiry that has passed or lies behind that of the caller's token, or scopes
            beyond those.
        Conflict: the account was deleted.
    """
    account = await accounts.existing(connection, actor, reference)
    held = actor.principal.scopes
    scopes = held if request.scopes is None else frozenset(request.scopes)
    if not within(scopes, held):
        raise InvalidInput.of("/scopes", f"your own token allows no more than {_words(held)}")
    expiry = await bounded(connection, actor, request.expires_at)
    secret, sha256 = new_secret(ACCOUNT_PREFIX)
    token = await tokens.create(
        connection, account.id, request.name, sha256, expiry, scopes, actor.account_id
    )
    if token is None:
        raise InvalidInput.of("/expires_at", NOT_AHEAD)
    return TokenSecret(id=token, token=secret)


async def page(
    connection: Connection, actor: Actor, reference: str, *, before: int, rows_max: int
) -> list[Token]:
    """Tokens of an account, newest first, without their secrets."""
    account = await accounts.authorised(connection, actor, reference)
    return await tokens.page(connection, account.id, before=before, rows_max=rows_max)


async def rotate(
    connection: Connection,
    actor: Actor,
    reference: str,
    token: TokenId,
    request: RotationRequest,
) -> TokenSecret:
    """A token in the place of another, with its name and scopes; the old one ends after an overlap.

    Raises:
        NotFound: the account has no such token.
        Conflict: it no longer works, or the account was deleted.
        Forbidden: it may do more than the caller's token.
        InvalidInput: an expiry that has passed or lies behind that of the caller's token.
    """
    account = await accounts.existing(connection, actor, reference)
    old = await tokens.find(connection, account.id, token)
    if old is None:
        raise absent("token", show("token", token))
    if not await tokens.works(connection, token):
        raise Conflict("the token no longer works; make a new one", ids=(show("token", token),))
    scopes, held = frozenset(old.scopes), actor.principal.scopes
    if not within(scopes, held):
        raise Forbidden(f"your own token allows no more than {_words(held)}")
    expiry = await bounded(connection, actor, request.expires_at or old.expires_at)
    secret, sha256 = new_secret(ACCOUNT_PREFIX)
    new = await tokens.create(
        connection, account.id, old.name, sha256, expiry, scopes, actor.account_id
    )
    if new is None:
        raise InvalidInput.of("/expires_at", NOT_AHEAD)
    await tokens.retire(connection, token, overlap_seconds=request.overlap_seconds)
    return TokenSecret(id=new, token=secret)


async def revoke(connection: Connection, actor: Actor, reference: str, token: TokenId) -> None:
    """Makes a token stop working; again is no error.

    Raises:
        NotFound: the account has no such token.
    """
    account = await accounts.authorised(connection, actor, reference)
    if not await tokens.revoke(connection, account.id, token):
        raise absent("token", show("token", token))


async def own_expiry(connection: Connection, actor: Actor) -> datetime | None:
    """When the caller's own token ends; None for never, or where the caller has none."""
    token = actor.principal.token_id
    return None if token is None else await tokens.expiry(connection, token)


async def bounded(
    connection: Connection,
    actor: Actor,
    expiry: datetime | None,
    pointer: str = "/expires_at",
) -> datetime | None:
    """The expiry of what the caller makes: at the latest that of the caller's own token.

    Raises:
        InvalidInput: a later one.
    """
    latest = await own_expiry(connection, actor)
    wanted = storable(expiry, pointer)
    if latest is None or wanted is None:
        return wanted or latest
    if wanted > latest:
        raise InvalidInput.of(pointer, f"your own token ends at {latest:%Y-%m-%dT%H:%M:%SZ}")
    return wanted


def storable(expiry: datetime | None, pointer: str = "/expires_at") -> datetime | None:
    """An expiry in UTC.

    Raises:
        InvalidInput: a moment before year 1 or after year 9999 of UTC.
    """
    try:
        return expiry and expiry.astimezone(UTC)
    except OverflowError:
        raise InvalidInput.of(pointer, "is out of range") from None


def _words(scopes: Scopes) -> str:
    return ", ".join(sorted(scopes))
