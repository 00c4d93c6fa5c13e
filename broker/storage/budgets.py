"""Budgets: GPU-seconds that accounts and groups may use in a period.

Reports count what an account was debited; `carry` brings that into the budgets that it draws on.
So a report of one member never waits for another's.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from broker.protocol.ids import AccountId, GroupId
from broker.protocol.quotas import Budget
from broker.storage import blocks
from broker.storage.database import Connection

SQL = blocks.load("budgets")

Holder = tuple[AccountId | None, GroupId | None]
"""The account or the group that a budget belongs to; the other one is None."""


class Drawn(NamedTuple):
    """A budget on which accounts with open jobs draw.

    `left_gpu_seconds` is what ended attempts left of it, reservations not yet taken off.
    """

    id: int
    left_gpu_seconds: float
    accounts: Sequence[AccountId]


async def carry(connection: Connection, accounts: Sequence[AccountId] | None = None) -> None:
    """Brings what was debited into the budgets and starts new periods; inside a transaction.

    Args:
        accounts: those to bring up to date now, waiting for their reports under way; None for
            all that draw on budgets, without waiting.
    """
    await connection.execute(SQL.lock)
    await connection.execute(SQL.carry, accounts)


async def members(connection: Connection, group: GroupId) -> list[AccountId]:
    """Accounts that would draw on a budget of a group."""
    return [AccountId(row[0]) for row in await connection.fetch(SQL.members, group)]


async def put(
    connection: Connection, holder: Holder, gpu_seconds: float, period_days: int | None
) -> None:
    """Makes or changes a budget; after `carry`. Another period starts now, with nothing spent."""
    await connection.execute(SQL.set, *holder, gpu_seconds, period_days)


async def remove(connection: Connection, holder: Holder) -> None:
    """Removes a budget, if there is one."""
    await connection.execute(SQL.remove, *holder)


async def of(
    connection: Connection,
    accounts: Sequence[AccountId] = (),
    groups: Sequence[GroupId] = (),
) -> dict[Holder, Budget]:
    """The budgets of accounts and groups; those without one are left out."""
    rows = await connection.fetch(SQL.of, accounts, groups)
    return {(row["account_id"], row["group_id"]): Budget.model_validate(dict(row)) for row in rows}


async def drawn(connection: Connection) -> list[Drawn]:
    """Every budget on which accounts with open jobs draw."""
    return [Drawn._make(row) for row in await connection.fetch(SQL.drawn)]


async def tightest(connection: Connection, account: AccountId) -> tuple[str, Budget] | None:
    """(holder in words, budget) with least left of those on which an account draws."""
    row = await connection.fetchrow(SQL.tightest, account)
    return None if row is None else (row["holder"], Budget.model_validate(dict(row)))


async def reserve(connection: Connection, running: Mapping[AccountId, float]) -> None:
    """Writes down the GPU-seconds that are held back for what accounts run."""
    await connection.execute(SQL.reserve, list(running), list(running.values()))
