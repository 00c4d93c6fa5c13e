"""What the scheduler needs of hosts and accounts, in two reads."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from broker.domain.quotas import weight
from broker.protocol.ids import AccountId, GroupId, HostId
from broker.protocol.resources import HostFacts
from broker.protocol.states import QuotaPolicy
from broker.storage import blocks, quotas
from broker.storage.database import Connection

SQL = blocks.load("fleet")
POLICIES = {each.value: each for each in QuotaPolicy}  # quicker than asking the enum


@dataclass(frozen=True, slots=True)
class HostRow:
    """A host that may be given work; `heard` when it was heard of lately."""

    id: HostId
    pool: str
    facts: HostFacts
    heard: bool


@dataclass(frozen=True, slots=True)
class AccountRow:
    """An account with open jobs: its weight and bounds in slots, and its history, decayed to now.

    `maximum_slots` is None for no cap, `group_id` None for an account beside the topmost groups.
    """

    id: AccountId
    name: str
    active: bool
    group_id: GroupId | None
    minimum_slots: float
    maximum_slots: float | None
    weight: float
    usage_gpu_seconds: float


@lru_cache(maxsize=50_000)
def _facts(text: str) -> HostFacts:
    """Facts seldom change, and ten thousand hosts are read every few seconds."""
    return HostFacts.model_validate_json(text)


async def hosts(connection: Connection, *, silent_seconds: float) -> list[HostRow]:
    """Every active host."""
    return [
        HostRow(HostId(host), pool, _facts(facts), bool(heard))
        for host, pool, facts, heard in await connection.fetch(SQL.hosts, silent_seconds)
    ]


async def accounts(connection: Connection, *, half_life_seconds: float) -> list[AccountRow]:
    """Every account with open jobs, its weight according to its quota policy."""
    mix = await quotas.mix(connection)
    rows = await connection.fetch(SQL.accounts, half_life_seconds)
    return [
        AccountRow(
            row["id"],
            row["name"],
            row["active"],
            row["group_id"],
            row["minimum_slots"],
            row["maximum_slots"],
            weight(POLICIES[row["policy"]], quotas.basis_of(row), mix),
            row["usage"],
        )
        for row in rows
    ]


async def seen(connection: Connection, heard: Sequence[HostId]) -> None:
    """Notes that hosts were heard of now."""
    await connection.execute(SQL.seen, heard)
