"""The leader's memory of hosts: who they are, what they offer now, and their classes.

A host with GPUs and CPU slots counts as two rows, one of each kind, because a job takes either
devices or a CPU slot. Rows of one pool, kind and GPU model form a resource class. Hosts that leave
soon (pilots) form classes of their own, by the time that they have left.
"""

import math
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import structlog

from broker.domain.matching import gpu_suits
from broker.protocol.ids import HostId
from broker.protocol.resources import HostFacts, Resources
from broker.queues.asks import Ask
from broker.scheduling import CLASSES_MAX, Hosts
from broker.storage.fleet import HostRow

log = structlog.get_logger(__name__)

Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]
# pool, GPU model ("" for CPU slots), GPU memory in MiB, compute capability
ClassKey = tuple[str, str, int, float]
MINUTE, HOUR = 60.0, 3_600.0
# What a pilot has left is rounded down to one of these: each makes classes, of which there are few.
WALL_SECONDS = (
    *(0.0, MINUTE, 5 * MINUTE, 15 * MINUTE),
    *(HOUR, 4 * HOUR, 12 * HOUR, 24 * HOUR, 72 * HOUR),
)


@dataclass(frozen=True, slots=True)
class Offer:
    """One row: the GPUs or the CPU slots of a host."""

    host_id: HostId
    is_gpu: bool
    klass: int
    slots: int
    facts: HostFacts


@dataclass(slots=True)
class Fleet:
    """Hosts as the scheduler's columns. Rows are fixed between two `load`s."""

    offers: list[Offer] = field(default_factory=list)
    class_keys: list[ClassKey] = field(default_factory=list)
    class_facts: list[HostFacts] = field(default_factory=list)
    class_wall_seconds: list[float] = field(default_factory=list)
    class_capacity: Int64s = field(default_factory=lambda: np.zeros(0, np.int64))
    asks: dict[HostId, Ask] = field(default_factory=dict)
    _rows: dict[HostId, list[int]] = field(default_factory=dict)
    _counted: set[HostId] = field(default_factory=set)
    _known: list[tuple[HostId, str, int]] = field(default_factory=list)
    _facts: list[HostFacts] = field(default_factory=list)
    _masks: dict[tuple[str, Resources, float], int] = field(default_factory=dict)
    _brief: dict[tuple[int, float], int] = field(default_factory=dict)
    # columns, a row an offer
    _class_of_row: Int32s = field(default_factory=lambda: np.zeros(0, np.int32))
    _free: Int32s = field(default_factory=lambda: np.zeros(0, np.int32))
    _cpus: Int32s = field(default_factory=lambda: np.zeros(0, np.int32))
    _memory_mib: Int64s = field(default_factory=lambda: np.zeros(0, np.int64))

    def load(self, hosts: Iterable[HostRow]) -> None:
        """Takes a new list of hosts; asks of hosts that are no longer there are dropped."""
        hosts = list(hosts)
        known = [(host.id, host.pool, id(host.facts)) for host in hosts]
        if known == self._known:  # nothing but who was heard of
            self._recount(host.id for host in hosts if host.heard)
            return
        self._known = known
        self._facts = [host.facts for host in hosts]  # so that no id() is given out again
        self.offers, self.class_keys, self.class_facts = [], [], []
        self._rows, self._masks, self._brief = {}, {}, {}
        index: dict[ClassKey, int] = {}
        for host in hosts:
            for is_gpu, slots in ((True, len(host.facts.gpus)), (False, host.facts.slots)):
                if slots == 0:
                    continue
                key = class_key(host.pool, host.facts, is_gpu)
                if key not in index and len(index) == CLASSES_MAX:
                    log.error("too many resource classes; host left out", host_id=host.id, key=key)
                    continue
                klass = index.setdefault(key, len(index))
                if klass == len(self.class_keys):
                    self.class_keys.append(key)
                    self.class_facts.append(host.facts)
                self._rows.setdefault(host.id, []).append(len(self.offers))
                self.offers.append(Offer(host.id, is_gpu, klass, slots, host.facts))
        self.class_wall_seconds = [math.inf] * len(self.class_keys)
        self.asks = {host: ask for host, ask in self.asks.items() if host in self._rows}
        rows = len(self.offers)
        self._class_of_row = np.fromiter((o.klass for o in self.offers), np.int32, rows)
        self._recount(host.id for host in hosts if host.heard)
        self._free, self._cpus = np.zeros(rows, np.int32), np.zeros(rows, np.int32)
        self._memory_mib = np.zeros(rows, np.int64)
        for host_id, ask in self.asks.items():
            self._write(host_id, ask)

    def knows(self, host: HostId) -> bool:
        """Whether the host was in the last load."""
        return host in self._rows

    def ask(self, host: HostId, ask: Ask | None) -> None:
        """A host offers slots, or withdraws (None)."""
        if ask is None:
            self.asks.pop(host, None)
        else:
            self.asks[host] = ask
        self._write(host, ask)

    def drop_expired(self, now: float) -> None:
        """Forgets asks whose poll must be over: their broker died."""
        for host in [host for host, ask in self.asks.items() if ask.expires_at < now]:
            self.ask(host, None)

    def mask(self, pool: str, need: Resources, wall_seconds: float) -> int:
        """Bits of the classes that suit a job of this pool with this limit."""
        key = (pool, need, wall_seconds)
        if key not in self._masks:
            self._masks[key] = sum(
                1 << klass
                for klass, (class_pool, model, *_) in enumerate(self.class_keys)
                if class_pool == pool
                and wall_seconds <= self.class_wall_seconds[klass]
                and (need.gpus > 0) == bool(model)
                and (not model or gpu_suits(need, self.class_facts[klass].gpus[0]))
            )
        return self._masks[key]

    def host_of(self, row: int) -> HostId:
        """The host behind a row of `columns`."""
        return self.offers[row].host_id

    def class_of(self, key: ClassKey) -> int:
        """The index of a class; -1 when it is no longer there."""
        return self.class_keys.index(key) if key in self.class_keys else -1

    def class_name(self, klass: int) -> str:
        """A class for people; empty for none."""
        if klass < 0:
            return ""
        pool, model, memory_mib, _ = self.class_keys[klass]
        name = f"{model} ({memory_mib} MiB), pool {pool}" if model else f"CPU slots, pool {pool}"
        seconds = self.class_wall_seconds[klass]
        return name if math.isinf(seconds) else f"{name}, for jobs of at most {seconds:.0f} s"

    def columns(self) -> Hosts:
        """The rows as the scheduler reads them."""
        return Hosts(
            id=np.arange(len(self.offers), dtype=np.int64),
            klass=self._class_of_row,
            slots_free=self._free,
            cpus_free=self._cpus,
            memory_mib_free=self._memory_mib,
        )

    def _recount(self, heard: Iterable[HostId]) -> None:
        """Counts as capacity who was heard of lately, and who asks."""
        self.class_capacity = np.zeros(len(self.class_keys), np.int64)
        self._counted = set()
        for host in (*heard, *self.asks):
            self._count(host)

    def _count(self, host: HostId) -> None:
        """Counts a host as capacity; one that asks is there, whatever was written down of it."""
        if host in self._counted:
            return
        self._counted.add(host)
        for row in self._rows.get(host, ()):
            self.class_capacity[self._class_of_row[row]] += self.offers[row].slots

    def _write(self, host: HostId, ask: Ask | None) -> None:
        if ask is not None:
            self._count(host)
        for row in self._rows.get(host, ()):
            offer = self.offers[row]
            if ask is None:
                self._free[row] = 0
                continue
            self._classify(row, ask.wall_seconds_max)
            self._free[row] = ask.free_gpus if offer.is_gpu else ask.free_slots
            facts = offer.facts
            self._cpus[row] = facts.cpus if ask.free_cpus < 0 else ask.free_cpus
            memory_mib = ask.free_memory_mib
            self._memory_mib[row] = facts.memory_mib if memory_mib < 0 else memory_mib

    def _classify(self, row: int, wall_seconds_max: float) -> None:
        """Moves a counted row to the class of those who leave as soon as it does."""
        offer, before = self.offers[row], self._class_of_row[row]
        after = self._class_until(offer.klass, wall_seconds_max)
        if after != before:
            self.class_capacity[before] -= offer.slots
            self.class_capacity[after] += offer.slots
            self._class_of_row[row] = after

    def _class_until(self, klass: int, wall_seconds_max: float) -> int:
        """The class of a class's hosts that leave by then, made when the first one asks."""
        if math.isinf(wall_seconds_max):
            return klass
        left = WALL_SECONDS[bisect_right(WALL_SECONDS, wall_seconds_max) - 1]
        if (klass, left) not in self._brief:
            if len(self.class_keys) == CLASSES_MAX:
                return klass  # the agent hands back what does not fit
            self._brief[klass, left] = len(self.class_keys)
            self.class_keys.append(self.class_keys[klass])
            self.class_facts.append(self.class_facts[klass])
            self.class_wall_seconds.append(left)
            self.class_capacity = np.append(self.class_capacity, 0)
            self._masks = {}
        return self._brief[klass, left]


def class_key(pool: str, facts: HostFacts, is_gpu: bool) -> ClassKey:
    """The class of a host's GPUs, or of its CPU slots."""
    if not is_gpu:
        return (pool, "", 0, 0.0)
    weakest = min(facts.gpus, key=lambda gpu: (gpu.memory_mib, gpu.compute_capability))
    return (pool, weakest.model or "GPU", weakest.memory_mib, weakest.compute_capability)
