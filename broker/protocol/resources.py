"""What a job needs and what a host offers, in the same words."""

from pydantic import Field

from broker.protocol.base import Message, Title
from broker.protocol.limits import (
    GPUS_PER_JOB_MAX,
    HOSTS_PER_JOB_MAX,
    LOG_BYTES_MAX,
    OUTPUT_BYTES_MAX,
    SLOTS_PER_HOST_MAX,
    WALL_SECONDS_MAX,
)


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
    cpus: int = Field(1, ge=1, le=SLOTS_PER_HOST_MAX)
    """CPU cores."""
    memory_mib: int = Field(0, ge=0)
    """Main memory in MiB, also enforced as a limit; 0 for no claim and no limit."""

    @property
    def slots(self) -> int:
        """Slots that the job occupies on each of its hosts: its GPUs, or one CPU slot."""
        return self.gpus or 1


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
    """One GPU of a host."""

    uuid: Title
    """The device's UUID, as the driver names it."""
    model: Title
    """Model name, e.g. "NVIDIA H100 80GB HBM3"."""
    memory_mib: int = Field(ge=0)
    """Memory in MiB."""
    compute_capability: float = Field(0, ge=0, le=100)
    """CUDA compute capability; 0 when unknown."""


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
    gpus: list[Gpu] = Field(default_factory=list, max_length=GPUS_PER_JOB_MAX)
    """GPUs that it offers."""
    gflops: float = Field(1.0, gt=0, le=1e9)
    """Speed of one slot in GFLOPS, by a short benchmark or the model's figure; scales credit."""
    platform: Title = ""
    """Operating system and architecture."""
    agent_version: Title = ""
    """Version of the agent."""
