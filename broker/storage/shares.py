"""What the fair-share table says of accounts, beside the plan."""

from collections.abc import Sequence
from typing import NamedTuple

from broker.protocol.ids import AccountId, GroupId
from broker.storage import blocks, quotas
from broker.storage.database import Connection

SQL = blocks.load("shares")
BASIS_AT = 7  # column of the policy in the block `accounts`; the basis follows


class ShareRow(NamedTuple):
    """An account: its weight, where it stands in the tree, and its history, decayed to now."""

    id: AccountId
    name: str
    group_id: GroupId | None
    minimum_slots: float
    maximum_slots: float | None
    usage_gpu_seconds: float
    due_gpu_seconds: float
    weight: float


async def accounts(
    connection: Connection,
    planned: Sequence[AccountId],
    *,
    half_life_seconds: float,
    accounts_max: int,
) -> list[ShareRow]:
    """The accounts of the last plan, and others with open jobs or recent usage."""
    rows = await connection.fetch(SQL.accounts, planned, half_life_seconds, accounts_max)
    weights = quotas.weights(rows, await quotas.mix(connection), first=BASIS_AT)
    return [
        ShareRow._make((*row[:BASIS_AT], each)) for row, each in zip(rows, weights, strict=True)
    ]
