"""Answers that are given once: a request's key and digest, and what was answered to it."""

import hashlib
from dataclasses import dataclass

from broker.errors import FairleadError, KeyReused
from broker.protocol.ids import AccountId
from broker.storage import idempotency
from broker.storage.database import Database

CREATED = 201


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """A client's key and the digest of the request that it came with."""

    key: str
    request_sha256: bytes


@dataclass(frozen=True, slots=True)
class Stored:
    """The answer to a submission, as bytes; `replayed` when it had been given before."""

    status: int
    body: bytes
    replayed: bool = False


def replayed(stored: idempotency.Answer, request_sha256: bytes) -> Stored | FairleadError:
    """The stored answer, or the refusal when the key came with another request."""
    if stored.request_sha256 != request_sha256:
        return KeyReused("this Idempotency-Key was used before with another request")
    return Stored(stored.status, stored.body, replayed=True)


async def earlier(database: Database, account: AccountId, key: IdempotencyKey) -> Stored | None:
    """What this account's request with this key was answered, if it came before.

    Raises:
        KeyReused: the key came with another request.
    """
    name = (account, key.key)
    async with database.connection() as connection:
        stored = (await idempotency.find(connection, [name])).get(name)
    if stored is None:
        return None
    answer = replayed(stored, key.request_sha256)
    if isinstance(answer, Exception):
        raise answer
    return answer


def request_digest(*parts: bytes) -> bytes:
    """The digest by which a repeated request is recognised."""
    whole = hashlib.sha256()
    for part in parts:
        whole.update(len(part).to_bytes(8, "big"))
        whole.update(part)
    return whole.digest()
