"""What the scheduler needs of hosts, accounts and groups, in three reads."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from broker.protocol.ids import AccountId, GroupId, HostId
from broker.protocol.resources import HostFacts
from broker.storage import blocks, quotas
from broker.storage.database import Connection

SQL = blocks.load("fleet")
BASIS_AT = 7  # column of the policy in the block `accounts`; the basis follows


@dataclass(frozen=True, slots=True)
class HostRow:
    """A host that may be given work; `heard` when it was heard of lately."""

    id: HostId
    pool: str
    facts: HostFacts
    heard: bool


class AccountRow(NamedTuple):
    """An account with open jobs: its weight and bounds in slots, and its history, decayed to now.

    `maximum_slots` is None for no cap, `group_id` None for an account beside the topmost groups.
    """

    id: AccountId
    active: bool
    group_id: GroupId | None
    minimum_slots: float
    maximum_slots: float | None
    usage_gpu_seconds: float
    due_gpu_seconds: float
    weight: float


@dataclass(frozen=True, slots=True)
class GroupRow:
    """A group of accounts, its weight and bounds in slots as in `AccountRow`.

    `usage_gpu_seconds` and `due_gpu_seconds` are of members without open jobs, `parent_id` is None
    at the top.
    """

    id: GroupId
    parent_id: GroupId | None
    weight: float
    minimum_slots: float
    maximum_slots: float | None
    usage_gpu_seconds: float
    due_gpu_seconds: float


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


async def facts_of_pool(connection: Connection, pool: str) -> list[HostFacts]:
    """What the active hosts of a pool are."""
    return [_facts(facts) for (facts,) in await connection.fetch(SQL.facts_of_pool, pool)]


async def accounts(connection: Connection, *, half_life_seconds: float) -> list[AccountRow]:
    """Every account with open jobs, its weight according to its quota policy."""
    rows = await connection.fetch(SQL.accounts, half_life_seconds)
    weights = quotas.weights(rows, await quotas.mix(connection), first=BASIS_AT)
    return [
        AccountRow._make((*row[:BASIS_AT], each)) for row, each in zip(rows, weights, strict=True)
    ]


async def groups(connection: Connection, *, half_life_seconds: float) -> list[GroupRow]:
    """The whole tree of groups, by id."""
    return [GroupRow(*row) for row in await connection.fetch(SQL.groups, half_life_seconds)]


async def add_due(
    connection: Connection,
    due: Sequence[tuple[AccountId, float]],
    *,
    half_life_seconds: float,
    term: int,
) -> None:
    """Adds (account, GPU-seconds) to what was due so far; nothing where another broker leads."""
    accounts, gpu_seconds = [account for account, _ in due], [each for _, each in due]
    await connection.execute(SQL.add_due, accounts, gpu_seconds, half_life_seconds, term)


async def seen(connection: Connection, heard: Sequence[HostId]) -> None:
    """Notes that hosts were heard of now."""
    await connection.execute(SQL.seen, heard)
