"""What the fair-share table says of accounts, beside the plan."""

from collections.abc import Sequence
from dataclasses import dataclass

from broker.domain.quotas import weight
from broker.protocol.ids import AccountId, GroupId
from broker.protocol.states import QuotaPolicy
from broker.storage import blocks, quotas
from broker.storage.database import Connection

SQL = blocks.load("shares")


@dataclass(frozen=True, slots=True)
class ShareRow:
    """An account: its weight, where it stands in the tree, and its history, decayed to now."""

    id: AccountId
    name: str
    group_id: GroupId | None
    minimum_slots: float
    maximum_slots: float | None
    weight: float
    usage_gpu_seconds: float


async def accounts(
    connection: Connection,
    planned: Sequence[AccountId],
    *,
    half_life_seconds: float,
    accounts_max: int,
) -> list[ShareRow]:
    """The accounts of the last plan, and others with open jobs or recent usage."""
    mix = await quotas.mix(connection)
    rows = await connection.fetch(SQL.accounts, planned, half_life_seconds, accounts_max)
    return [
        ShareRow(
            row["id"],
            row["name"],
            row["group_id"],
            row["minimum_slots"],
            row["maximum_slots"],
            weight(QuotaPolicy(row["policy"]), quotas.basis_of(row), mix),
            row["usage"],
        )
        for row in rows
    ]
