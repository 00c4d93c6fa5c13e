"""Donated credit and points of the portal."""

from collections.abc import Mapping, Sequence

from broker.protocol.contributions import Donation
from broker.protocol.ids import AccountId
from broker.storage import blocks
from broker.storage.database import Connection

SQL = blocks.load("contributions")


async def donations(connection: Connection, volunteer: AccountId) -> list[Donation]:
    """What a volunteer gives to whom."""
    rows = await connection.fetch(SQL.donations, volunteer)
    return [Donation.model_validate(dict(row)) for row in rows]


async def replace_donations(
    connection: Connection, volunteer: AccountId, fractions: Mapping[AccountId, float]
) -> None:
    """Gives to these and to nobody else."""
    await connection.execute(SQL.end_donations, volunteer)
    await connection.execute(SQL.donate, volunteer, list(fractions), list(fractions.values()))


async def resolve(
    connection: Connection, references: Sequence[tuple[str | None, int | None]]
) -> dict[int, tuple[AccountId, str]]:
    """(id, name) of accounts by their place among the references; absent ones are left out."""
    names, ids = [name for name, _ in references], [number for _, number in references]
    rows = await connection.fetch(SQL.resolve, names, ids)
    return {row["place"] - 1: (AccountId(row["id"]), row["name"]) for row in rows}


async def contribute(
    connection: Connection, points: Mapping[AccountId, float], *, half_life_seconds: float
) -> dict[AccountId, float]:
    """Adds points; returns what the accounts have now."""
    accounts = sorted(points)
    rows = await connection.fetch(
        SQL.contribute, accounts, [points[account] for account in accounts], half_life_seconds
    )
    return {AccountId(row[0]): row[1] for row in rows}
