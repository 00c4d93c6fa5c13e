"""What the scheduler needs of hosts and accounts, in two reads."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from broker.protocol.ids import AccountId, HostId
from broker.protocol.resources import HostFacts
from broker.protocol.states import QuotaPolicy
from broker.storage import blocks
from broker.storage.database import Connection

SQL = blocks.load("fleet")


@dataclass(frozen=True, slots=True)
class HostRow:
    """A host that may be given work; `heard` when it was heard of lately."""

    id: HostId
    pool: str
    facts: HostFacts
    heard: bool


@dataclass(frozen=True, slots=True)
class AccountRow:
    """An account with open jobs: its quota's basis and its history, decayed to now."""

    id: AccountId
    name: str
    active: bool
    quota: float
    quota_policy: QuotaPolicy
    own_credit_recent: float
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
    """Every account with open jobs."""
    return [
        AccountRow(AccountId(account), name, active, quota, QuotaPolicy(policy), credit, usage)
        for account, name, active, quota, policy, credit, usage in await connection.fetch(
            SQL.accounts, half_life_seconds
        )
    ]


async def seen(connection: Connection, heard: Sequence[HostId]) -> None:
    """Notes that hosts were heard of now."""
    await connection.execute(SQL.seen, heard)
