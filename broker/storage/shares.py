"""What the fair-share table says of accounts, beside the plan."""

from collections.abc import Sequence
from dataclasses import dataclass

from broker.protocol.ids import AccountId
from broker.protocol.states import QuotaPolicy
from broker.storage import blocks
from broker.storage.database import Connection

SQL = blocks.load("shares")


@dataclass(frozen=True, slots=True)
class ShareRow:
    """An account: its quota's basis and its history, decayed to now."""

    id: AccountId
    name: str
    quota: float
    quota_policy: QuotaPolicy
    own_credit_recent: float
    usage_gpu_seconds: float


async def accounts(
    connection: Connection,
    planned: Sequence[AccountId],
    *,
    half_life_seconds: float,
    accounts_max: int,
) -> list[ShareRow]:
    """The accounts of the last plan, and others with open jobs or recent usage."""
    rows = await connection.fetch(SQL.accounts, planned, half_life_seconds, accounts_max)
    return [
        ShareRow(AccountId(account), name, quota, QuotaPolicy(policy), credit, usage)
        for account, name, quota, policy, credit, usage in rows
    ]
