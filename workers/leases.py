"""The table of leases that the agent knows: what it holds, what runs where, what is free.

Pure state: no I/O, no clock of its own. The rules:

- A lease stays in the table until its report has been answered (or it was fenced), because the
  broker sends again whatever the agent does not say that it holds.
- A slot is free as soon as the command has ended; uploading and reporting do not occupy it.
- Pending leases start in the order they came, those of each kind of GPU and of CPU slots among
  themselves, so that a job that needs four GPUs is not passed for ever by jobs that need one.
- A job takes all its devices of one kind, which the lease names (see `protocol.resources.kinds`).
- Two epochs of one job never run side by side here: they share the checkpoint directory.

    pending -> starting -> running -> ended -> (forgotten)
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from broker.protocol.apps import VersionSpec
from broker.protocol.ids import JobId, show
from broker.protocol.leases import Lease, LeaseKey, RenewItem
from broker.protocol.limits import SLOTS_PER_HOST_MAX
from broker.protocol.resources import WHOLE, Gpu, Resources, kinds

ENDED_MAX = 2_000
"""Unanswered reports beyond which the agent asks for no more work."""


class Key(NamedTuple):
    """Names one lease."""

    job: JobId
    epoch: int

    def __str__(self) -> str:
        return f"{show('job', self.job)}/{self.epoch}"


class Phase(StrEnum):
    PENDING = "pending"  # waits for a slot
    STARTING = "starting"  # has a slot, its inputs are being staged
    RUNNING = "running"  # the command has been started


@dataclass(slots=True)
class Held:
    """A lease whose command has not ended."""

    key: Key
    lease: Lease
    spec: VersionSpec
    expires_at: float
    """By the agent's clock; without a renewal until then the job must be dead."""
    phase: Phase = Phase.PENDING
    kind: int | None = None
    """The kind of GPU that it takes devices of; null for a CPU slot."""
    devices: tuple[Gpu, ...] = ()
    """The devices given to it."""
    started_at: float | None = None
    """When the command started, by the agent's clock; null before."""
    announced: bool = False
    """Whether the broker has been told that it runs."""

    @property
    def gpus(self) -> tuple[str, ...]:
        """UUIDs of the devices given to it."""
        return tuple(gpu.uuid for gpu in self.devices)


class Free(NamedTuple):
    """What the agent can take now."""

    slots: int
    gpus: tuple[int, ...] = ()
    """By kind."""
    cpus: int | None = None
    """Cores that no job claims; null where more is taken than fits (prefetch)."""
    memory_mib: int | None = None
    """Likewise main memory."""
    wall_seconds_max: float | None = None
    """How long the agent stays; null for ever."""


class LeaseTable:
    """See the module's text.

    Args:
        slots: CPU slots offered.
        gpus: devices offered.
        prefetch: leases to hold beyond what is free, of each kind that is offered.
        cpus, memory_mib: what the jobs may claim in all; null for no account of it.
    """

    def __init__(
        self,
        *,
        slots: int,
        gpus: Sequence[Gpu],
        prefetch: int = 0,
        cpus: int | None = None,
        memory_mib: int | None = None,
    ) -> None:
        self._cpus = cpus
        self._memory_mib = memory_mib
        self._slots = slots
        self._kinds = kinds(gpus)
        self._free = [list(devices) for devices in self._kinds]
        self._slots_used = 0
        self._prefetch = prefetch
        self._held: dict[Key, Held] = {}
        self._ended: set[Key] = set()

    # What the broker is told

    def holding(self) -> list[LeaseKey]:
        """Every lease whose report has not been answered."""
        keys = [*self._held, *self._ended][: 2 * SLOTS_PER_HOST_MAX]
        return [LeaseKey(job=key.job, epoch=key.epoch) for key in keys]

    def free(self) -> Free:
        """Slots and devices to ask for, prefetch included."""
        if len(self._ended) > ENDED_MAX:
            return Free(0)  # the broker does not take reports; running more would only pile up
        waiting: Counter[int | None] = Counter()
        for held in self._held.values():
            if held.phase is Phase.PENDING:
                waiting[held.kind] += held.lease.resources.slots
        slots = self._slots - self._slots_used - waiting[None]
        most = SLOTS_PER_HOST_MAX // max(1, len(self._kinds))
        return Free(
            min(max(0, slots + self._prefetch), SLOTS_PER_HOST_MAX) if self._slots else 0,
            tuple(
                min(max(0, len(devices) - waiting[kind] + self._prefetch), most)
                for kind, devices in enumerate(self._free)
            ),
            self._left(self._cpus, [h.lease.resources.cpus for h in self._held.values()]),
            self._left(
                self._memory_mib, [h.lease.resources.memory_mib for h in self._held.values()]
            ),
        )

    def _left(self, offered: int | None, claimed: list[int]) -> int | None:
        return None if offered is None or self._prefetch else max(0, offered - sum(claimed))

    def renewals(self) -> list[RenewItem]:
        """All leases to keep, those with unanswered reports included."""
        active = [
            RenewItem(job=h.key.job, epoch=h.key.epoch, running=h.phase is Phase.RUNNING)
            for h in self._held.values()
        ]
        ended = [RenewItem(job=k.job, epoch=k.epoch, running=True) for k in self._ended]
        return active + ended

    def unannounced(self, started_before: float) -> list[RenewItem]:
        """Jobs that started before this moment, still run, and that the broker thinks waiting."""
        return [
            RenewItem(job=h.key.job, epoch=h.key.epoch, running=True)
            for h in self._held.values()
            if not h.announced and h.started_at is not None and h.started_at <= started_before
        ]

    # What becomes of a lease

    def take(
        self, lease: Lease, spec: VersionSpec, *, now: float, lease_seconds: float
    ) -> Held | None:
        """Hold a lease; None when it is known already."""
        key = Key(lease.job, lease.epoch)
        if key in self._held or key in self._ended:
            return None
        held = Held(key, lease, spec, now + lease_seconds, kind=self._kind_for(lease))
        self._held[key] = held
        return held

    def refusal(self, need: Resources) -> str | None:
        """Why this host can never run a job with these needs; None when it can."""
        if not need.gpus:
            return None if self._slots else "this host offers no CPU slots"
        fitting = max((len(k) for k in self._kinds if fits(k[0], need)), default=0)
        if fitting >= need.gpus:
            return None
        return f"the job needs {need.gpus} GPUs of its kind, this host offers {fitting}"

    def start_next(self) -> Held | None:
        """Give the next pending lease that can start its slot or devices; None when none can."""
        blocked: set[int | None] = {None} if self._slots_used >= self._slots else set()
        occupied = {h.key.job for h in self._held.values() if h.phase is not Phase.PENDING}
        for held in self._held.values():
            if held.phase is not Phase.PENDING or held.key.job in occupied:
                continue
            if held.kind in blocked:
                continue
            if held.kind is None:
                self._slots_used += 1
            else:
                free, wanted = self._free[held.kind], held.lease.resources.gpus
                if len(free) < wanted:
                    blocked.add(held.kind)
                    continue
                held.devices = tuple(free[:wanted])
                del free[:wanted]
            held.phase = Phase.STARTING
            return held
        return None

    def _kind_for(self, lease: Lease) -> int | None:
        """The kind that a lease names; where it names none that would do, as after a restart with
        other devices, the smallest one that does, a free one first."""
        need = lease.resources
        if not need.gpus:
            return None
        able = [
            kind
            for kind, devices in enumerate(self._kinds)
            if len(devices) >= need.gpus and fits(devices[0], need)
        ]
        if not able or lease.gpu_kind in able:
            return lease.gpu_kind
        busy = [len(self._free[kind]) < need.gpus for kind in range(len(self._kinds))]
        size = [(k[0].eighths, k[0].memory_mib) for k in self._kinds]
        return min(able, key=lambda kind: (busy[kind], size[kind]))

    def started(self, key: Key, now: float) -> None:
        """The command runs."""
        if held := self._held.get(key):
            held.phase = Phase.RUNNING
            held.started_at = now

    def end(self, key: Key) -> None:
        """The command has ended, or never will start: its slot is free, its report is not in."""
        if held := self._held.pop(key, None):
            if held.devices and held.kind is not None:
                self._free[held.kind].extend(held.devices)
            elif held.phase is not Phase.PENDING:
                self._slots_used -= 1
            self._ended.add(key)

    def restore(self, key: Key) -> None:
        """A report of an earlier agent process waits to be sent."""
        self._ended.add(key)

    def forget(self, key: Key) -> None:
        """The report was answered, or the lease was fenced."""
        self.end(key)
        self._ended.discard(key)

    # Renewal

    def renewed(self, key: Key, expires_at: float, *, running: bool) -> None:
        """The broker keeps the lease until `expires_at` at least, and heard whether it runs."""
        if held := self._held.get(key):
            held.expires_at = max(held.expires_at, expires_at)
            held.announced = held.announced or running

    def lapsed(self, now: float) -> list[Key]:
        """Leases that were not renewed in time and whose command has not ended."""
        return [h.key for h in self._held.values() if h.expires_at <= now]

    # Views

    def get(self, key: Key) -> Held | None:
        """The lease while its command has not ended."""
        return self._held.get(key)

    def pending(self) -> list[Key]:
        """Leases that wait for a slot."""
        return [h.key for h in self._held.values() if h.phase is Phase.PENDING]

    def jobs(self) -> set[JobId]:
        """The jobs of all leases, those with unanswered reports included."""
        return {key.job for key in (*self._held, *self._ended)}

    def older_epochs(self, lease: Lease) -> list[Key]:
        """Held leases of the same job that this newer one supersedes."""
        return [k for k in self._held if k.job == lease.job and k.epoch < lease.epoch]

    def __len__(self) -> int:
        return len(self._held) + len(self._ended)


def fits(gpu: Gpu, need: Resources) -> bool:
    """Whether a device satisfies the job's demands; the broker's `matching.gpu_suits`."""
    whole = gpu.eighths == WHOLE and not (need.gpus > 1 and gpu.is_mig)
    part = need.gpu_eighths <= gpu.eighths < WHOLE
    return (
        (whole if need.gpu_eighths == WHOLE else part)
        and gpu.memory_mib >= need.gpu_memory_mib
        and gpu.compute_capability >= need.compute_capability
        and (need.gpu_model is None or need.gpu_model.lower() in gpu.model.lower())
    )


def keys_of(items: Iterable[LeaseKey]) -> list[Key]:
    """The table's keys of wire messages."""
    return [Key(item.job, item.epoch) for item in items]
