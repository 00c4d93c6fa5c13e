"""What a job needs and what a host offers, in the same words."""

from collections.abc import Iterable

from pydantic import Field, ValidationInfo, field_validator

from broker.protocol.base import Message, Title
from broker.protocol.limits import (
    GPUS_PER_HOST_MAX,
    GPUS_PER_JOB_MAX,
    HOSTS_PER_JOB_MAX,
    LOG_BYTES_MAX,
    OUTPUT_BYTES_MAX,
    SLOTS_PER_HOST_MAX,
    WALL_SECONDS_MAX,
)

WHOLE = 8
"""Eighths of a whole GPU: the unit in which parts of GPUs are told. A CPU slot counts as whole."""


class Resources(Message):
    """What one job needs: on one host, or on each of several."""

    hosts: int = Field(1, ge=1, le=HOSTS_PER_JOB_MAX)
    """Hosts of one pool on which the job runs at once, all or none; all else is of each of them."""
    gpus: int = Field(0, ge=0, le=GPUS_PER_JOB_MAX)
    """GPUs of one host; 0 takes one CPU slot instead."""
    gpu_memory_mib: int = Field(0, ge=0)
    """Least memory of each GPU in MiB; 0 when any will do."""
    gpu_model: Title | None = None
    """Text that the GPU's model name must contain, ignoring case; null when any will do."""
    compute_capability: float = Field(0, ge=0, le=100)
    """Least CUDA compute capability, e.g. 8.0; 0 when any will do."""
    gpu_eighths: int = Field(WHOLE, ge=1, le=WHOLE)
    """Least part of a GPU in eighths; 8 for whole ones. Below 8, `gpus` is 1, and the device is a
    part: a MIG instance, or a share of a GPU that several jobs use at once."""
    cpus: int = Field(1, ge=1, le=SLOTS_PER_HOST_MAX)
    """CPU cores."""
    memory_mib: int = Field(0, ge=0)
    """Main memory in MiB, also enforced as a limit; 0 for no claim and no limit."""

    @field_validator("gpu_eighths")
    @classmethod
    def _one_part(cls, eighths: int, info: ValidationInfo) -> int:
        if eighths < WHOLE and info.data.get("gpus", 1) != 1:
            raise ValueError("below 8 only with gpus = 1: a job takes one part at most")
        return eighths

    @property
    def slots(self) -> int:
        """Devices that the job takes on each of its hosts: its GPUs or part, or one CPU slot."""
        return self.gpus or 1

    @property
    def slots_least(self) -> float:
        """Slots that the job occupies on each of its hosts at least; a part may come larger."""
        return self.slots * self.gpu_eighths / WHOLE


class JobLimits(Message):
    """Bounds that end an attempt."""

    wall_seconds: int = Field(3_600, ge=1, le=WALL_SECONDS_MAX)
    """Wall-clock time of one attempt in seconds."""
    output_bytes: int = Field(1 * 2**30, ge=0, le=OUTPUT_BYTES_MAX)
    """Largest size of one output file in bytes."""
    log_bytes: int = Field(8 * 2**20, ge=0, le=LOG_BYTES_MAX)
    """Kept bytes of each log stream; what comes after is dropped and said so."""
    attempts: int = Field(5, ge=1, le=100)
    """Attempts before the job is quarantined; only attempts lost by hosts are repeated."""


class Gpu(Message):
    """One GPU of a host, or a part of one that is offered by itself."""

    uuid: Title
    """The device's UUID, as the driver names it; the same for all shares of one GPU."""
    model: Title
    """Model name, e.g. "NVIDIA H100 80GB HBM3"."""
    memory_mib: int = Field(ge=0)
    """Memory in MiB."""
    compute_capability: float = Field(0, ge=0, le=100)
    """CUDA compute capability; 0 when unknown."""
    eighths: int = Field(WHOLE, ge=1, le=WHOLE)
    """Which part of a whole GPU it is, in eighths."""

    @property
    def is_mig(self) -> bool:
        """Whether it is a MIG instance, of which CUDA shows a program one at most."""
        return self.uuid.startswith("MIG-")


def kinds(gpus: Iterable[Gpu]) -> list[list[Gpu]]:
    """The kinds of GPUs of a host: devices of one model, memory, compute capability and size.

    In the order in which they first stand among the facts: host and broker number them so, from 0.
    """
    found: dict[tuple[str, int, float, int], list[Gpu]] = {}
    for gpu in gpus:
        key = (gpu.model, gpu.memory_mib, gpu.compute_capability, gpu.eighths)
        found.setdefault(key, []).append(gpu)
    return list(found.values())


class HostFacts(Message):
    """What a host is and offers."""

    name: Title
    """Host name, for people."""
    address: Title = ""
    """Name or address at which hosts of its pool reach it; empty when that is `name`."""
    cpus: int = Field(ge=1)
    """CPU cores."""
    memory_mib: int = Field(ge=0)
    """Main memory in MiB."""
    slots: int = Field(ge=0, le=SLOTS_PER_HOST_MAX)
    """CPU slots that it offers to jobs without a GPU."""
    gpus: list[Gpu] = Field(default_factory=list, max_length=GPUS_PER_HOST_MAX)
    """GPUs that it offers, whole ones and parts."""
    gflops: float = Field(1.0, gt=0, le=1e9)
    """Speed of one slot in GFLOPS, by a short benchmark or the model's figure; of a whole GPU where
    it offers parts. Scales credit."""
    platform: Title = ""
    """Operating system and architecture."""
    agent_version: Title = ""
    """Version of the agent."""
