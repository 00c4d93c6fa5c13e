"""One answer for one Idempotency-Key, for work that takes several transactions.

Such work must be safe to do again: when the broker dies between the work and the note of its
answer, a repeated request does what is left and is answered with that.
"""

from collections.abc import Awaitable, Callable

from broker.protocol.base import View
from broker.services.requests.actor import Actor
from broker.services.requests.answers import IdempotencyKey, Stored, earlier
from broker.storage import idempotency
from broker.storage.database import Database


async def repeatable(
    database: Database,
    actor: Actor,
    key: IdempotencyKey | None,
    status: int,
    work: Callable[[], Awaitable[View]],
) -> Stored:
    """Does the work and keeps its answer, or gives the answer kept before.

    Args:
        actor: the caller; keys of different accounts never meet.
        key: None when the client sent none.
        status: HTTP status of success.
        work: authorises and does the work; holds no connection of ours meanwhile.

    Raises:
        KeyReused: the key came with another request before.
    """
    if key is None:
        return Stored(status, (await work()).model_dump_json().encode())
    if (before := await earlier(database, actor.account_id, key)) is not None:
        actor.asked = True  # when the answer was made, for this account and this request
        return before
    body = (await work()).model_dump_json().encode()
    async with database.transaction() as connection:
        mine = idempotency.Answer(actor.account_id, key.key, key.request_sha256, status, body)
        if await idempotency.remember(connection, [mine], status=status):
            return Stored(status, body)
    return await earlier(database, actor.account_id, key) or Stored(status, body)
