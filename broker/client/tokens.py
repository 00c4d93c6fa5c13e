"""Tokens of accounts."""

from collections.abc import AsyncGenerator

from broker.client.pages import listing
from broker.client.transport import Ref, Transport, ref
from broker.protocol.base import Page
from broker.protocol.tokens import RotationRequest, Token, TokenRequest, TokenSecret


def _path(account: Ref) -> str:
    return f"/v1/accounts/{ref('account', account)}/tokens"


def _one(account: Ref, token: Ref) -> str:
    return f"{_path(account)}/{ref('token', token)}"


async def create_token(http: Transport, account: Ref, request: TokenRequest) -> TokenSecret:
    """Make a token; the answer is the only place where its secret is shown."""
    return await http.call("POST", _path(account), TokenSecret, body=request)


async def list_tokens(
    http: Transport, account: Ref, *, limit: int | None = None
) -> AsyncGenerator[Token, None]:
    """The tokens of an account, newest first."""
    async for item in listing(http, _path(account), Page[Token], limit=limit):
        yield item


async def rotate_token(
    http: Transport, account: Ref, token: Ref, request: RotationRequest
) -> TokenSecret:
    """Make a token in the place of another, which ends after an overlap."""
    return await http.call("POST", f"{_one(account, token)}:rotate", TokenSecret, body=request)


async def revoke_token(http: Transport, account: Ref, token: Ref) -> None:
    """Make a token stop working."""
    await http.act("DELETE", _one(account, token))
