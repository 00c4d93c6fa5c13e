"""One answer for one Idempotency-Key: the key is stored in the transaction of the change itself."""

from collections.abc import Awaitable, Callable

from broker.errors import LimitExceeded
from broker.protocol.base import View
from broker.services.identity import Actor
from broker.services.submission import IdempotencyKey, Stored, replayed
from broker.storage import idempotency
from broker.storage.database import Connection, Database

UseCase = Callable[[Connection], Awaitable[View | None]]


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
        LimitExceeded: the same request is under way.
    """
    async with database.transaction() as connection:
        if key is None:
            return Stored(status, _body(await use_case(connection)))
        name = (actor.account_id, key.key)
        if stored := (await idempotency.find(connection, [name])).get(name):
            answer = replayed(stored, key.request_sha256)
            if isinstance(answer, Exception):
                raise answer
            return answer
        body = _body(await use_case(connection))
        mine = idempotency.Answer(*name, key.request_sha256, status, body)
        if not await idempotency.remember(connection, [mine], status=status):
            raise LimitExceeded(
                "the same request is under way; ask again for its answer", retry_after_seconds=1
            )
    return Stored(status, body)


def _body(answer: View | None) -> bytes:
    return answer.model_dump_json().encode() if answer is not None else b""
