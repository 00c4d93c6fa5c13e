"""Quotas: what admins set, and what the weight is made from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from broker.domain.quotas import Mix, QuotaBasis, policies
from broker.protocol.ids import AccountId, GroupId
from broker.protocol.quotas import QuotaRequest
from broker.protocol.states import QuotaPolicy
from broker.storage import blocks
from broker.storage.database import Connection

SQL = blocks.load("quotas")


@dataclass(frozen=True, slots=True)
class QuotaRow:
    """An account's quota with usage and credit decayed to now."""

    account_id: AccountId
    policy: QuotaPolicy
    basis: QuotaBasis
    quota_until: datetime | None
    quota_afterwards: float | None
    group_id: GroupId | None
    group_name: str | None
    minimum_slots: float
    maximum_slots: float | None
    jobs_in_progress_max: int
    jobs_open: int
    usage_gpu_seconds: float


def weights(rows: Sequence[asyncpg.Record], mix: Mix, *, first: int) -> list[float]:
    """The weights in force of many accounts.

    Args:
        rows: with the columns of quota_basis, without the account, from `first` on.
    """
    following = policies(mix)
    return [following[row[first]].weight(QuotaBasis._make(row[first + 1 :])) for row in rows]


async def of_account(
    connection: Connection, account: AccountId, *, half_life_seconds: float
) -> QuotaRow:
    """The quota of an account."""
    row = await connection.fetchrow(SQL.of_account, account, half_life_seconds)
    assert row is not None, "every account has its rows of user_submit and account_usage"
    return QuotaRow(
        account_id=row["account_id"],
        policy=QuotaPolicy(row["policy"]),
        basis=QuotaBasis(
            row["quota"],
            row["own_credit_recent"],
            row["donated_credit_recent"],
            row["contribution_points"],
        ),
        quota_until=row["quota_until"],
        quota_afterwards=row["quota_afterwards"],
        group_id=row["group_id"],
        group_name=row["group_name"],
        minimum_slots=row["minimum_slots"],
        maximum_slots=row["maximum_slots"],
        jobs_in_progress_max=row["jobs_in_progress_max"],
        jobs_open=row["jobs_open"],
        usage_gpu_seconds=row["usage_gpu_seconds"],
    )


async def lock(connection: Connection, account: AccountId) -> None:
    """Holds the quota still until the transaction ends."""
    await connection.execute(SQL.lock, account)


async def change(connection: Connection, account: AccountId, request: QuotaRequest) -> None:
    """Sets what the request names, budgets apart."""
    await connection.execute(
        SQL.set,
        account,
        request.quota,
        request.quota_until,
        request.policy,
        request.minimum_slots,
        "maximum_slots" in request.model_fields_set,
        request.maximum_slots,
        request.jobs_in_progress_max,
    )


async def is_past(connection: Connection, time: datetime) -> bool:
    """Whether a time has come, by the database's clock."""
    return bool(await connection.fetchval(SQL.is_past, time))


async def mix(connection: Connection) -> dict[QuotaPolicy, float]:
    """How much each policy counts where the policy is `combined`."""
    return {QuotaPolicy(policy): factor for policy, factor in await connection.fetch(SQL.mix)}


async def lock_mix(connection: Connection) -> Mix:
    """The mix, held still until the transaction ends."""
    await connection.execute(SQL.lock_mix)
    return await mix(connection)


async def set_mix(connection: Connection, factors: Mapping[QuotaPolicy, float]) -> None:
    """Replaces the factors of some policies."""
    await connection.execute(SQL.set_mix, list(factors), list(factors.values()))
