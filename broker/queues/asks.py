"""Asks: which hosts hold a poll open and what they offer; and news for the leader."""

import math
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from broker.protocol.ids import HostId, LaneId
from broker.queues.client import Queues, reachable

_ASK = struct.Struct(">diiid")  # and a short for each kind of GPU
_FREED = struct.Struct(">iidq")
ENTRIES_PER_LOOK_MAX = 5_000
WAKE_ASK = b"ask"


@dataclass(frozen=True, slots=True)
class Ask:
    """A host waits for work.

    `expires_at` is seconds since the epoch by the broker that holds the poll; it only keeps the
    asks of a broker that died from being answered forever. `free_gpus` are by kind of GPU, in the
    order of the host's facts; kinds that are left out have none. `free_cpus` and `free_memory_mib`
    are -1 where the host counts on all that it has. `wall_seconds_max` bounds the limit of a job.
    """

    expires_at: float
    free_slots: int
    free_gpus: tuple[int, ...] = ()
    free_cpus: int = -1
    free_memory_mib: int = -1
    wall_seconds_max: float = math.inf


@dataclass(frozen=True, slots=True)
class Freed:
    """Jobs of a lane that left their hosts by the transaction `xact`, and the slot-seconds they
    took in all; NaN for jobs that went back to the queue, which say nothing of how long such a
    job runs."""

    lane_id: LaneId
    jobs: int
    slot_seconds: float
    xact: int


@dataclass(frozen=True, slots=True)
class News:
    """What changed since the leader last looked. `more`: there was more than fits one look."""

    lane_lengths: dict[LaneId, int]
    asks: dict[HostId, Ask | None]
    freed: list[Freed]
    more: bool


async def ask(queues: Queues, asks: dict[HostId, Ask | None]) -> None:
    """Tells the leader what hosts offer; None withdraws."""
    offered: dict[Any, Any] = {str(h): _packed(ask) for h, ask in asks.items() if ask}
    withdrawn = [str(host) for host, offer in asks.items() if offer is None]
    async with reachable():
        pipe = queues.redis.pipeline(transaction=False)
        if offered:
            pipe.hset(queues.key("asks"), mapping=offered)
        if withdrawn:
            pipe.hdel(queues.key("asks"), *withdrawn)
        pipe.sadd(queues.key("asked"), *asks)
        if offered:
            pipe.publish(queues.key("wake"), WAKE_ASK)
        await pipe.execute()


async def freed(queues: Queues, entries: Iterable[Freed]) -> None:
    """Tells the leader that jobs left their hosts."""
    packed = [_FREED.pack(e.lane_id, e.jobs, e.slot_seconds, e.xact) for e in entries]
    if not packed:
        return
    async with reachable():
        pipe = queues.redis.pipeline(transaction=False)
        pipe.rpush(queues.key("freed"), *packed)
        # Without a leader nobody reads the list; it re-counts from PostgreSQL when there is one.
        pipe.ltrim(queues.key("freed"), -100_000, -1)
        pipe.publish(queues.key("wake"), b"freed")
        await pipe.execute()


async def look(queues: Queues) -> News:
    """Takes the news for the leader."""
    lanes, lengths, hosts, asks, entries = await queues.run("look", ENTRIES_PER_LOOK_MAX)
    return News(
        {LaneId(int(lane)): int(n) for lane, n in zip(lanes, lengths, strict=True)},
        {HostId(int(h)): _ask(packed) for h, packed in zip(hosts, asks, strict=True)},
        [_freed(entry) for entry in entries],
        more=max(len(lanes), len(hosts), len(entries)) >= ENTRIES_PER_LOOK_MAX,
    )


async def standing(queues: Queues) -> dict[HostId, Ask]:
    """Every ask that stands, for a leader that takes office."""
    async with reachable():
        packed: dict[Any, Any] = await queues.redis.hgetall(queues.key("asks"))
    return {HostId(int(host)): _unpacked(ask) for host, ask in packed.items()}


async def granted(queues: Queues, hosts: Sequence[HostId], remote: Sequence[HostId]) -> None:
    """Removes the asks that were answered, and wakes the polls that other brokers hold."""
    async with reachable():
        pipe = queues.redis.pipeline(transaction=False)
        if hosts:
            pipe.hdel(queues.key("asks"), *map(str, hosts))
        if remote:
            pipe.publish(queues.key("host"), struct.pack(f">{len(remote)}i", *remote))
        await pipe.execute()


async def wake_hosts(queues: Queues, hosts: Sequence[HostId]) -> None:
    """Wakes the polls of hosts, wherever they are held, e.g. to stop a job."""
    if hosts:
        await queues.publish("host", struct.pack(f">{len(hosts)}i", *hosts))


async def wake_all(queues: Queues) -> None:
    """Wakes every open poll, so that each asks again: Redis has forgotten who asked."""
    await queues.publish("host", b"")


def hosts_of(message: bytes) -> list[HostId] | None:
    """The hosts in a message of the channel `host`; None for all of them."""
    return [HostId(host) for (host,) in struct.iter_unpack(">i", message)] or None


def _packed(ask: Ask) -> bytes:
    head = _ASK.pack(
        ask.expires_at,
        ask.free_slots,
        ask.free_cpus,
        ask.free_memory_mib,
        ask.wall_seconds_max,
    )
    return head + struct.pack(f">{len(ask.free_gpus)}H", *ask.free_gpus)


def _unpacked(packed: bytes) -> Ask:
    expires_at, slots, cpus, memory_mib, wall_seconds = _ASK.unpack_from(packed)
    gpus = struct.unpack_from(f">{(len(packed) - _ASK.size) // 2}H", packed, _ASK.size)
    return Ask(expires_at, slots, gpus, cpus, memory_mib, wall_seconds)


def _ask(packed: Any) -> Ask | None:
    return _unpacked(packed) if packed else None


def _freed(packed: bytes) -> Freed:
    lane, jobs, seconds, xact = _FREED.unpack(packed)
    return Freed(LaneId(lane), jobs, seconds, xact)
