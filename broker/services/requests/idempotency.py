"""One answer for one Idempotency-Key: the key is stored in the transaction of the change itself."""

from collections.abc import Awaitable, Callable
from typing import Final

from broker.errors import Conflict, KeyReused
from broker.protocol.base import Message
from broker.protocol.hosts import Enrollment
from broker.protocol.leases import Enrolled
from broker.protocol.tokens import TokenSecret
from broker.services.requests.actor import Actor
from broker.services.requests.answers import IdempotencyKey, Stored, replayed
from broker.storage import idempotency
from broker.storage.database import Connection, Database

UseCase = Callable[[Connection], Awaitable[Message | None]]

# Answers that hold a secret. The database must never hold a usable one, so of these only the fact
# is kept that they were given: a repetition makes no second token, and is told so.
SECRETS: Final = (TokenSecret, Enrollment, Enrolled)
NOT_KEPT: Final = b'{"kept":false}'


async def once(
    database: Database, actor: Actor, key: IdempotencyKey | None, status: int, use_case: UseCase
) -> Stored:
    """Runs a use case in one transaction, at most once for a key.

    Args:
        actor: the caller; keys of different accounts never meet.
        key: None when the client sent none.
        status: HTTP status of success, stored with the answer.
        use_case: changes the database and returns the answer, or None for an empty one.

    Raises:
        KeyReused: the key came with another request before.
        Conflict: the answer held a secret and was given before.
    """
    async with database.transaction() as connection:
        if key is None:
            return Stored(status, _body(await use_case(connection)))
        name = (actor.account_id, key.key)
        await idempotency.lock(connection, *name)
        if stored := (await idempotency.find(connection, [name])).get(name):
            # The policy was asked when the answer was made, for this account and this request.
            actor.asked = True
            return _again(stored, key)
        answer = await use_case(connection)
        body = _body(answer)
        kept = NOT_KEPT if isinstance(answer, SECRETS) else body
        mine = idempotency.Answer(*name, key.request_sha256, status, kept)
        if not await idempotency.remember(connection, [mine], status=status):
            # Only a submission does not wait for the lock: it may have taken the key meanwhile.
            raise KeyReused("this Idempotency-Key was used before with another request")
    return Stored(status, body)


def _again(stored: idempotency.Answer, key: IdempotencyKey) -> Stored:
    answer = replayed(stored, key.request_sha256)
    if isinstance(answer, Exception):
        raise answer
    if answer.body == NOT_KEPT:
        raise Conflict(
            "this request was carried out before; its answer held a secret, which is shown once "
            "and not kept. Revoke what was made if nobody has it, and ask with a new key"
        )
    return answer


def _body(answer: Message | None) -> bytes:
    return answer.model_dump_json().encode() if answer is not None else b""
