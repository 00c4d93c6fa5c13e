"""The board: what the scheduler last thought, for everybody to read.

The leader writes it to Redis about twice a second when something changed; any broker answers
`shares` and `explain` from it. Like everything in Redis it can be lost and comes back.
"""

from collections.abc import Awaitable
from dataclasses import dataclass, field
from typing import Any, cast

import orjson

from broker.protocol.ids import AccountId, GroupId, LaneId
from broker.protocol.resources import WHOLE
from broker.queues.client import Queues, reachable

SECONDS_GUESS = 60.0  # a job's length before any of its lane has ended


@dataclass(frozen=True, slots=True)
class AccountNote:
    """An account in the last plan. `rank` is its place in line, 0 when nothing of it waits;
    `demand_slots` what it holds and wants, as far as suiting hosts have it."""

    weight: float
    usage_gpu_seconds: float
    weight_adjusted: float
    entitlement_slots: float
    allocated_slots: float
    pending_jobs: int
    rank: int
    demand_slots: float


@dataclass(frozen=True, slots=True)
class GroupNote:
    """A group of accounts in the last plan."""

    weight: float
    weight_adjusted: float
    entitlement_slots: float
    allocated_slots: float


@dataclass(frozen=True, slots=True)
class ClassNote:
    """Slots of one kind, and how large a part of a slot each is. `free_slots` are those that no
    waiting job can use."""

    name: str
    pool: str
    is_gpu: bool
    capacity_slots: float
    free_slots: float
    eighths: int = WHOLE


@dataclass(frozen=True, slots=True)
class LaneNote:
    """A lane in the last plan. `reason` is a LaneReason in lower case; `job_slots` are those of
    one of its jobs. `held_class` are the hosts that are held for it, and `starts_in_seconds` is
    when they have room for it at the latest, None where nothing is held."""

    reason: str
    pending_jobs: int
    running_jobs: int
    blocking_class: str
    job_seconds: float
    job_slots: float = 1.0
    held_class: str = ""
    starts_in_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Board:
    """The last plan's numbers. `planned_at` is seconds since the epoch, 0 before the first."""

    planned_at: float = 0.0
    capacity_slots: float = 0.0
    free_slots: float = 0.0
    accounts: dict[AccountId, AccountNote] = field(default_factory=dict)
    lanes: dict[LaneId, LaneNote] = field(default_factory=dict)
    groups: dict[GroupId, GroupNote] = field(default_factory=dict)
    classes: list[ClassNote] = field(default_factory=list)


async def write(queues: Queues, board: Board) -> None:
    """Replaces the board."""
    packed = orjson.dumps(board, option=orjson.OPT_NON_STR_KEYS)
    async with reachable():
        await queues.redis.set(queues.key("board"), packed)


async def read(queues: Queues) -> Board:
    """The board; an empty one when no leader has written yet."""
    async with reachable():
        packed = await cast(Awaitable[bytes | None], queues.redis.get(queues.key("board")))
    return unpack(packed) if packed else Board()


def unpack(packed: bytes) -> Board:
    """The board from its stored form."""
    raw: dict[str, Any] = orjson.loads(packed)
    return Board(
        raw["planned_at"],
        raw["capacity_slots"],
        raw["free_slots"],
        {AccountId(int(key)): AccountNote(**note) for key, note in raw["accounts"].items()},
        {LaneId(int(key)): LaneNote(**note) for key, note in raw["lanes"].items()},
        {GroupId(int(key)): GroupNote(**note) for key, note in raw["groups"].items()},
        [ClassNote(**note) for note in raw["classes"]],
    )
