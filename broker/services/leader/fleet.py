"""The leader's memory of hosts: who they are, what they offer now, and their classes.

A host counts as a row for each kind of GPU that it has (see `protocol.resources.kinds`) and one for
its CPU slots, because a job takes devices of one kind or a CPU slot. Rows of one pool and kind form
a resource class. Hosts that leave soon (pilots) form classes of their own, by the time that they
have left.

Slots are counted in eighths here, so that a device which is a part of a GPU counts for what it is.
A job that asks for a part suits the smallest parts that do: so what it costs is known before it
starts, and nobody pays for more than there was need.
"""

import math
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import structlog

from broker.domain.matching import gpu_suits
from broker.domain.words import part
from broker.protocol.ids import HostId
from broker.protocol.resources import WHOLE, Gpu, HostFacts, Resources, kinds
from broker.queues.asks import Ask
from broker.scheduling import CLASSES_MAX, Hosts
from broker.storage.fleet import HostRow
from broker.storage.leases import CPU_SLOT, Place
from broker.storage.running import CPU

log = structlog.get_logger(__name__)

Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]
MINUTE, HOUR = 60.0, 3_600.0
# What a pilot has left is rounded down to one of these: each makes classes, of which there are few.
WALL_SECONDS = (
    *(0.0, MINUTE, 5 * MINUTE, 15 * MINUTE),
    *(HOUR, 4 * HOUR, 12 * HOUR, 24 * HOUR, 72 * HOUR),
)


class ClassKey(NamedTuple):
    """What is alike in a class: pool, and kind of GPU; of CPU slots the model is empty."""

    pool: str
    model: str = ""
    memory_mib: int = 0
    compute_capability: float = 0.0
    eighths: int = WHOLE


class Fit(NamedTuple):
    """Where jobs of the same needs may go: bits of the classes, and how many eighths of a slot
    each device there is."""

    classes: int
    eighths: int


@dataclass(frozen=True, slots=True)
class Offer:
    """One row: devices of one kind, or the CPU slots, of a host; `slots` of them."""

    host_id: HostId
    place: Place
    klass: int
    slots: int
    facts: HostFacts

    @property
    def eighths(self) -> int:
        """Eighths of a slot, all together."""
        return self.slots * self.place.eighths


@dataclass(slots=True)
class Fleet:
    """Hosts as the scheduler's columns. Rows are fixed between two `load`s."""

    offers: list[Offer] = field(default_factory=list)
    class_keys: list[ClassKey] = field(default_factory=list)
    class_gpus: list[Gpu | None] = field(default_factory=list)  # one of each class
    class_wall_seconds: list[float] = field(default_factory=list)
    class_capacity: Int64s = field(default_factory=lambda: np.zeros(0, np.int64))
    asks: dict[HostId, Ask] = field(default_factory=dict)
    _rows: dict[HostId, list[int]] = field(default_factory=dict)
    _counted: set[HostId] = field(default_factory=set)
    _known: list[tuple[HostId, str, int]] = field(default_factory=list)
    _facts: list[HostFacts] = field(default_factory=list)
    _fits: dict[tuple[str, Resources, float], Fit] = field(default_factory=dict)
    _brief: dict[tuple[int, float], int] = field(default_factory=dict)
    # columns, a row an offer
    place_keys: Int64s = field(default_factory=lambda: np.zeros(0, np.int64))  # see `place_key`
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
        self.offers, self.class_keys, self.class_gpus = [], [], []
        self._rows, self._fits, self._brief = {}, {}, {}
        index: dict[ClassKey, int] = {}
        for host in hosts:
            for gpu, place, slots in _places(host.facts):
                key = class_key(host.pool, gpu)
                if key not in index and len(index) == CLASSES_MAX:
                    log.error("too many resource classes; slots left out", host_id=host.id, key=key)
                    continue
                klass = index.setdefault(key, len(index))
                if klass == len(self.class_keys):
                    self.class_keys.append(key)
                    self.class_gpus.append(gpu)
                self._rows.setdefault(host.id, []).append(len(self.offers))
                self.offers.append(Offer(host.id, place, klass, slots, host.facts))
        self.class_wall_seconds = [math.inf] * len(self.class_keys)
        self.asks = {host: ask for host, ask in self.asks.items() if host in self._rows}
        rows = len(self.offers)
        self._class_of_row = np.fromiter((o.klass for o in self.offers), np.int32, rows)
        ids = np.fromiter((o.host_id for o in self.offers), np.int64, rows)
        numbers = np.fromiter((_number(o.place) for o in self.offers), np.int32, rows)
        self.place_keys = place_key(ids, numbers)
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

    def fit(self, pool: str, need: Resources, wall_seconds: float) -> Fit:
        """Where a job of this pool with this limit may go: of parts only the smallest that suit,
        as long as a host has such a one that was heard of lately."""
        key = (pool, need, wall_seconds)
        if key not in self._fits:
            classes = [
                klass
                for klass, each in enumerate(self.class_keys)
                if each.pool == pool
                and wall_seconds <= self.class_wall_seconds[klass]
                and _gpu_suits(need, self.class_gpus[klass])
            ]
            sizes = {self.class_keys[klass].eighths for klass in classes}
            there = {self.class_keys[k].eighths for k in classes if self.class_capacity[k] > 0}
            eighths = min(there or sizes, default=need.gpu_eighths)
            mask = sum(1 << k for k in classes if self.class_keys[k].eighths == eighths)
            self._fits[key] = Fit(mask, eighths)
        return self._fits[key]

    def host_of(self, row: int) -> HostId:
        """The host behind a row of `columns`."""
        return self.offers[row].host_id

    def place_of(self, row: int) -> Place:
        """What a job takes of the host behind a row of `columns`."""
        return self.offers[row].place

    def has_several_rows(self, host: HostId) -> bool:
        """Whether a host offers devices of several kinds, which share its cores and memory."""
        return len(self._rows.get(host, ())) > 1

    def pools(self) -> list[str]:
        """The pool of each row of `columns`."""
        return [self.class_keys[offer.klass].pool for offer in self.offers]

    def class_of(self, key: ClassKey) -> int:
        """The index of a class; -1 when it is no longer there."""
        return self.class_keys.index(key) if key in self.class_keys else -1

    def class_name(self, klass: int) -> str:
        """A class for people; empty for none."""
        if klass < 0:
            return ""
        pool, model, memory_mib, _, eighths = self.class_keys[klass]
        size = f"{memory_mib} MiB" if eighths == WHOLE else f"{part(eighths)}, {memory_mib} MiB"
        name = f"{model} ({size}), pool {pool}" if model else f"CPU slots, pool {pool}"
        seconds = self.class_wall_seconds[klass]
        return name if math.isinf(seconds) else f"{name}, for jobs of at most {seconds:.0f} s"

    def columns(self) -> Hosts:
        """The rows as the scheduler reads them; slots in eighths."""
        return Hosts(
            id=np.arange(len(self.offers), dtype=np.int64),
            klass=self._class_of_row,
            slots_free=self._free,
            cpus_free=self._cpus,
            memory_mib_free=self._memory_mib,
        )

    def _recount(self, heard: Iterable[HostId]) -> None:
        """Counts as capacity who was heard of lately, and who asks."""
        fits, before = self._fits, self.class_capacity
        self.class_capacity = np.zeros(len(self.class_keys), np.int64)
        self._counted = set()
        for host in (*heard, *self.asks):
            self._count(host)
        if np.array_equal(before > 0, self.class_capacity > 0):
            self._fits = fits

    def _count(self, host: HostId) -> None:
        """Counts a host as capacity; one that asks is there, whatever was written down of it."""
        if host in self._counted:
            return
        self._counted.add(host)
        for row in self._rows.get(host, ()):
            self._grow(int(self._class_of_row[row]), self.offers[row].eighths)

    def _grow(self, klass: int, eighths: int) -> None:
        """Adds to a class, or takes away. Where parts are to be had decides who suits what."""
        before = self.class_capacity[klass]
        self.class_capacity[klass] = before + eighths
        if before == 0 or before + eighths == 0:
            self._fits = {}

    def _write(self, host: HostId, ask: Ask | None) -> None:
        if ask is not None:
            self._count(host)
        for row in self._rows.get(host, ()):
            offer = self.offers[row]
            if ask is None:
                self._free[row] = 0
                continue
            self._classify(row, ask.wall_seconds_max)
            self._free[row] = _free(ask, offer.place)
            facts = offer.facts
            self._cpus[row] = facts.cpus if ask.free_cpus < 0 else ask.free_cpus
            memory_mib = ask.free_memory_mib
            self._memory_mib[row] = facts.memory_mib if memory_mib < 0 else memory_mib

    def _classify(self, row: int, wall_seconds_max: float) -> None:
        """Moves a counted row to the class of those who leave as soon as it does."""
        offer, before = self.offers[row], self._class_of_row[row]
        after = self._class_until(offer.klass, wall_seconds_max)
        if after != before:
            self._grow(int(before), -offer.eighths)
            self._grow(after, offer.eighths)
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
            self.class_gpus.append(self.class_gpus[klass])
            self.class_wall_seconds.append(left)
            self.class_capacity = np.append(self.class_capacity, 0)
            self._fits = {}
        return self._brief[klass, left]


def place_key(host_ids: npt.NDArray[np.integer], gpu_kinds: Int32s) -> Int64s:
    """One number for a host and one of its kinds of GPU, or -1 for its CPU slots. int64[r]."""
    key: Int64s = host_ids.astype(np.int64) << 16 | (gpu_kinds + 1)
    return key


def class_key(pool: str, gpu: Gpu | None) -> ClassKey:
    """The class of GPUs like this one, or of CPU slots."""
    if gpu is None:
        return ClassKey(pool)
    model = gpu.model or "GPU"
    return ClassKey(pool, model, gpu.memory_mib, gpu.compute_capability, gpu.eighths)


def _places(facts: HostFacts) -> Iterator[tuple[Gpu | None, Place, int]]:
    """What a host offers: a device of each kind, or None for CPU slots; what a job takes there; and
    how many there are."""
    for number, devices in enumerate(kinds(facts.gpus)):
        yield devices[0], Place(devices[0].eighths, number), len(devices)
    if facts.slots:
        yield None, CPU_SLOT, facts.slots


def _number(place: Place) -> int:
    """Its kind of GPU, `CPU` for none."""
    return CPU if place.gpu_kind is None else place.gpu_kind


def _free(ask: Ask, place: Place) -> int:
    """What a host offers now of one place, in eighths of a slot."""
    if place.gpu_kind is None:
        return ask.free_slots * place.eighths
    devices = ask.free_gpus[place.gpu_kind : place.gpu_kind + 1]
    return sum(devices) * place.eighths


def _gpu_suits(need: Resources, gpu: Gpu | None) -> bool:
    if gpu is None:
        return need.gpus == 0
    return need.gpus > 0 and gpu_suits(need, gpu)
