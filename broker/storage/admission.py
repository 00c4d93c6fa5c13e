"""Counting new jobs against the limits of accounts and groups, and against budgets."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from broker.protocol.ids import AccountId
from broker.storage import blocks
from broker.storage.database import Connection

SQL = blocks.load("admission")


@dataclass(frozen=True, slots=True)
class Breach:
    """A limit that an account is beyond.

    `name` is the field that sets it, `holder` whose it is in words; `used` counts the new jobs.
    `resets_at` and `resets_seconds` are None for a limit that time does not lift.
    """

    name: str
    holder: str
    allowed: float
    used: float
    resets_at: datetime | None = None
    resets_seconds: float | None = None


async def count(connection: Connection, jobs: Mapping[AccountId, int]) -> dict[AccountId, bool]:
    """Counts new jobs against the accounts' own limits.

    Returns:
        The accounts that had room, each with whether `breaches` must be asked.
    """
    accounts = sorted(jobs)
    rows = await connection.fetch(SQL.count, accounts, [jobs[each] for each in accounts])
    return {AccountId(row[0]): row[1] for row in rows}


async def uncount(connection: Connection, jobs: Mapping[AccountId, int]) -> None:
    """Takes back what `count` counted in this transaction."""
    await connection.execute(SQL.uncount, list(jobs), list(jobs.values()))


async def of_account(connection: Connection, account: AccountId) -> Breach:
    """The account's own limit of jobs, and how many it has open."""
    row = await connection.fetchrow(SQL.of_account, account)
    assert row is not None, "every account has its rows of user_submit and account_usage"
    return Breach("jobs_in_progress_max", f"account {row[0]}", row[1], row[2])


async def breaches(
    connection: Connection, accounts: Iterable[AccountId]
) -> dict[AccountId, Breach]:
    """A limit of groups or budgets that each account is beyond; those within all are left out.

    Until the transaction ends nobody else is admitted where a group limits jobs.
    """
    who = sorted(accounts)
    await connection.execute(SQL.lock, who)
    rows = await connection.fetch(SQL.breaches, who)
    return {AccountId(row[0]): Breach(*row[1:]) for row in reversed(rows)}
