"""Accounts that leave: what they have, and the removal of what goes with them."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from broker.protocol.departures import LeftAlone
from broker.protocol.ids import AccountId, BatchId, show
from broker.protocol.nodes import Role
from broker.storage import blocks
from broker.storage.database import LONG_STATEMENT_SECONDS_MAX, Connection

SQL = blocks.load("departures")


class PersonalBatch(NamedTuple):
    """A batch that goes with its account."""

    id: BatchId
    jobs: int
    account_id: AccountId


async def extent(connection: Connection, account: AccountId) -> dict[str, int]:
    """Numbers for the fields of `protocol.departures.Departure`."""
    row = await connection.fetchrow(SQL.extent, account, timeout=LONG_STATEMENT_SECONDS_MAX)
    assert row is not None, "a query of counts has a row"
    return dict(row)


async def left_alone(
    connection: Connection, account: AccountId, sharing: Iterable[Role], *, rows_max: int
) -> list[LeftAlone]:
    """What nobody else could share any more.

    Args:
        sharing: the roles that give `share`.
    """
    rows = await connection.fetch(SQL.left_alone, account, sorted(sharing), rows_max)
    return [LeftAlone(id=show(row["kind"], row["id"]), name=row["name"]) for row in rows]


async def personal(connection: Connection) -> PersonalBatch | None:
    """A strictly personal batch of a deleted account that has ended; None when none is left."""
    row = await connection.fetchrow(SQL.personal)
    return PersonalBatch(*row) if row else None


async def remove_jobs(connection: Connection, batch: BatchId, first: int, last: int) -> None:
    """Removes some jobs of a batch with their attempts and outputs."""
    await connection.execute(
        SQL.remove_jobs, batch, first, last, timeout=LONG_STATEMENT_SECONDS_MAX
    )


async def remove_batch(connection: Connection, batch: PersonalBatch) -> None:
    """Removes a batch whose jobs are gone, and uploads that only they needed."""
    await connection.execute(SQL.remove_batch, batch.id)
    await connection.execute(
        SQL.forget_uploads, batch.account_id, timeout=LONG_STATEMENT_SECONDS_MAX
    )


async def discarded(
    connection: Connection, *, seconds: float, rows_max: int
) -> list[tuple[str, bool]]:
    """Contents discarded so long ago, each with whether anything refers to it still."""
    rows = await connection.fetch(
        SQL.discarded, seconds, rows_max, timeout=LONG_STATEMENT_SECONDS_MAX
    )
    return [(row[0], row[1]) for row in rows]


async def settle_discarded(connection: Connection, contents: Sequence[str]) -> None:
    """Forgets that contents were discarded: they are gone, or in use."""
    await connection.execute(SQL.settle_discarded, contents)
