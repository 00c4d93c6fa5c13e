"""Quotas: what an admin set, and what the weight is made from."""

from dataclasses import dataclass

from broker.protocol.accounts import QuotaRequest
from broker.protocol.ids import AccountId
from broker.protocol.states import QuotaPolicy
from broker.storage import blocks
from broker.storage.database import Connection

SQL = blocks.load("quotas")


@dataclass(frozen=True, slots=True)
class QuotaRow:
    """An account's quota with usage and credit decayed to now."""

    account_id: AccountId
    quota: float
    policy: QuotaPolicy
    jobs_in_progress_max: int
    jobs_open: int
    usage_gpu_seconds: float
    own_credit_recent: float


async def of_account(
    connection: Connection, account: AccountId, *, half_life_seconds: float
) -> QuotaRow:
    """The quota of an account."""
    row = await connection.fetchrow(SQL.of_account, account, half_life_seconds)
    assert row is not None, "every account has its rows of user_submit and account_usage"
    account_id, quota, policy, jobs_max, jobs_open, usage, credit = row
    return QuotaRow(account_id, quota, QuotaPolicy(policy), jobs_max, jobs_open, usage, credit)


async def lock(connection: Connection, account: AccountId) -> None:
    """Holds the quota still until the transaction ends."""
    await connection.execute(SQL.lock, account)


async def change(connection: Connection, account: AccountId, request: QuotaRequest) -> None:
    """Sets what the request names."""
    await connection.execute(
        SQL.set, account, request.quota, request.policy, request.jobs_in_progress_max
    )
