"""The GPUs of the host, behind one interface: NVML, none, and fakes for tests.

A device is named by its UUID everywhere, because indices change between boots and containers.
MIG instances are offered as devices of their own where a GPU is partitioned.

How large a part a MIG instance is, in eighths of the GPU: its compute slices, of which a GPU has
seven, or its part of the memory, rounded up, whichever is more. So an instance of half the memory
is 4/8, though it has three slices, and one of all slices is the whole. The instances that a GPU can
hold at a time never add up to more than it (NVIDIA's table of profiles is in the tests).
"""

import asyncio
import contextlib
import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import structlog

from broker.errors import StartupError
from broker.protocol.resources import WHOLE, Gpu

log = structlog.get_logger()

# Memory in MiB of models whose name does not say it; first match within the name wins.
MEMORY_MIB = (
    ("GH200 144G", 147_000),
    ("GH200", 97_871),
    ("H200", 143_771),
    ("GB200", 189_000),
    ("B200", 183_359),
    ("H100 NVL", 95_830),
    ("H20", 97_871),
    ("A30", 24_576),
    ("RTX PRO 6000", 97_887),
)
ROUNDING = 0.1  # of an eighth: what a driver keeps for itself makes no further eighth


@dataclass(frozen=True, slots=True)
class GpuSample:
    """A device at one moment; null where it does not tell. Of a GPU that several jobs share, what
    all of them do."""

    utilisation: float | None
    """Part of the time that kernels ran, 0 to 1."""
    memory_mib: float | None
    """Memory in use."""
    energy_joules: float | None
    """Energy since the driver was loaded."""


class Gpus(Protocol):
    """The devices of a host."""

    def devices(self) -> Sequence[Gpu]:
        """All devices, in the driver's order."""
        ...

    def sample(self, uuid: str) -> GpuSample:
        """Look at one device. May block for milliseconds."""
        ...


class NoGpus:
    """A host without usable GPUs."""

    def devices(self) -> Sequence[Gpu]:
        return ()

    def sample(self, uuid: str) -> GpuSample:
        return GpuSample(None, None, None)


@dataclass
class FakeGpus:
    """Devices that exist only in a test; `samples` are handed out in turn, the last for ever."""

    gpus: Sequence[Gpu]
    samples: list[GpuSample] = field(default_factory=lambda: [GpuSample(0.5, 1024.0, 0.0)])

    def devices(self) -> Sequence[Gpu]:
        return self.gpus

    def sample(self, uuid: str) -> GpuSample:
        return self.samples.pop(0) if len(self.samples) > 1 else self.samples[0]


class NvmlGpus:
    """NVIDIA devices through the driver's own library.

    Raises:
        OSError: no driver, no library, or it does not answer.
    """

    def __init__(self) -> None:
        try:
            import pynvml  # only where asked for: a host without GPUs need not have it

            self._nvml: Any = pynvml
            pynvml.nvmlInit()
            self._handles = dict(self._find())
            self._gpus = [self._describe(uuid, h) for uuid, h in self._handles.items()]
        except ImportError as error:
            raise OSError("nvidia-ml-py is not installed") from error
        except pynvml.NVMLError as error:
            raise OSError(f"NVML: {error}") from error

    def devices(self) -> Sequence[Gpu]:
        return self._gpus

    def sample(self, uuid: str) -> GpuSample:
        handle = self._handles[uuid]
        utilisation = self._ask(lambda: self._nvml.nvmlDeviceGetUtilizationRates(handle).gpu / 100)
        memory = self._ask(lambda: self._nvml.nvmlDeviceGetMemoryInfo(handle).used / 2**20)
        energy = self._ask(lambda: self._nvml.nvmlDeviceGetTotalEnergyConsumption(handle) / 1000)
        return GpuSample(utilisation, memory, energy)

    def _find(self) -> Iterator[tuple[str, Any]]:
        for index in range(self._nvml.nvmlDeviceGetCount()):
            handle = self._nvml.nvmlDeviceGetHandleByIndex(index)
            instances = list(self._instances(handle))
            for device in instances or [handle]:
                yield _text(self._nvml.nvmlDeviceGetUUID(device)), device

    def _instances(self, handle: Any) -> Iterator[Any]:
        """MIG instances of a partitioned GPU; nothing for whole ones."""
        mode = self._ask(lambda: self._nvml.nvmlDeviceGetMigMode(handle)[0])
        if mode != self._nvml.NVML_DEVICE_MIG_ENABLE:
            return
        for index in range(self._nvml.nvmlDeviceGetMaxMigDeviceCount(handle)):
            with contextlib.suppress(self._nvml.NVMLError):  # the slot is empty
                yield self._nvml.nvmlDeviceGetMigDeviceHandleByIndex(handle, index)

    def _describe(self, uuid: str, handle: Any) -> Gpu:
        nvml = self._nvml
        whole = handle
        if uuid.startswith("MIG-"):
            whole = nvml.nvmlDeviceGetDeviceHandleFromMigDeviceHandle(handle)
        major, minor = self._ask(lambda: nvml.nvmlDeviceGetCudaComputeCapability(whole)) or (0, 0)
        gpu = Gpu(
            uuid=uuid,
            model=_text(nvml.nvmlDeviceGetName(handle)),
            memory_mib=int(nvml.nvmlDeviceGetMemoryInfo(handle).total) // 2**20,
            compute_capability=float(f"{major}.{minor}"),
        )
        return self._sized(gpu, handle, whole) if gpu.is_mig else gpu

    def _sized(self, gpu: Gpu, handle: Any, parent: Any) -> Gpu:
        """A MIG instance with its part of the GPU. Where several compute instances share the memory
        of one, each counts with its part of it."""
        nvml = self._nvml
        attributes = self._ask(lambda: nvml.nvmlDeviceGetAttributes(handle))
        slices = max(1, attributes.gpuInstanceSliceCount) if attributes else 1
        own = max(1, attributes.computeInstanceSliceCount) if attributes else 1
        name = _text(nvml.nvmlDeviceGetName(parent))
        # a GPU in MIG mode tells its memory to root only
        memory = self._ask(lambda: int(nvml.nvmlDeviceGetMemoryInfo(parent).total) // 2**20)
        instance = mig_eighths(slices, gpu.memory_mib, memory or memory_by_name(name))
        return gpu.model_copy(
            update={
                "eighths": max(1, instance * own // slices),
                "memory_mib": gpu.memory_mib * own // slices,
            }
        )

    def _ask(self, question: Callable[[], Any]) -> Any:
        """The driver's answer; None when this device does not support the question."""
        try:
            return question()
        except self._nvml.NVMLError:
            return None


def open_gpus(choice: str) -> tuple[Gpus, tuple[Gpu, ...]]:
    """The interface, and the devices that the operator offers.

    Args:
        choice: "all", "none", or indices like "0,1".

    Raises:
        StartupError: indices that do not exist on this host.
    """
    if choice == "none":
        return NoGpus(), ()
    gpus: Gpus
    try:
        gpus = NvmlGpus()
    except OSError as error:
        if choice != "all":
            raise StartupError(f"GPUs {choice} were asked for, but: {error}") from error
        log.info("no NVIDIA GPUs, offering CPU slots", reason=str(error))
        return NoGpus(), ()
    return gpus, choose(gpus.devices(), choice)


def mig_eighths(slices: int, memory_mib: int, whole_mib: int | None) -> int:
    """How large a part of its GPU a MIG instance is, in eighths; see the module's text.

    Args:
        slices: its compute slices.
        whole_mib: memory of the GPU; where it is not known, three slices go for half of it and
            seven for all.
    """
    if whole_mib:
        return min(WHOLE, max(slices, math.ceil(WHOLE * memory_mib / whole_mib - ROUNDING)))
    return {3: WHOLE // 2, 7: WHOLE}.get(slices, min(WHOLE, slices))


def memory_by_name(model: str) -> int | None:
    """Memory of a GPU in MiB as its model says, e.g. "NVIDIA A100-SXM4-40GB"; None where it does
    not, and is not known."""
    known = next((mib for part, mib in MEMORY_MIB if part in model), None)
    said = re.search(r"(\d+) ?GB\b", model)
    return known or (int(said[1]) * 1024 if said else None)


def shared(devices: Sequence[Gpu], shares: int) -> tuple[Gpu, ...]:
    """Each whole GPU as so many parts for as many jobs at once; MIG instances as they are.

    Args:
        shares: divides 8.
    """
    found: list[Gpu] = []
    for gpu in devices:
        if gpu.eighths < WHOLE or gpu.is_mig or shares == 1:
            found.append(gpu)
        else:
            part = {"eighths": WHOLE // shares, "memory_mib": gpu.memory_mib // shares}
            found += [gpu.model_copy(update=part)] * shares
    return tuple(found)


def choose(devices: Sequence[Gpu], choice: str) -> tuple[Gpu, ...]:
    """The devices that a choice of indices means.

    Raises:
        StartupError: an index that does not exist.
    """
    if choice == "all":
        return tuple(devices)
    indices = sorted({int(part) for part in choice.split(",")})
    if indices[-1] >= len(devices):
        raise StartupError(f"GPU {indices[-1]} does not exist: the host has {len(devices)}")
    return tuple(devices[index] for index in indices)


class GpuMonitor:
    """Samples the devices of one attempt while it runs.

    Args:
        seconds: time between samples; one more is taken at each end.
    """

    def __init__(self, gpus: Gpus, uuids: Sequence[str], seconds: float = 1.0) -> None:
        self._gpus = gpus
        self._uuids = uuids
        self._seconds = seconds
        self._utilisation: list[float] = []
        self._memory_peak: float | None = None
        self._energy_first: dict[str, float] = {}
        self._energy_last: dict[str, float] = {}
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to sample; does nothing for a job without devices."""
        if self._uuids:
            await self._look()
            self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Take the last sample and end."""
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
            await self._look()

    @property
    def utilisation(self) -> float | None:
        """Mean over devices and samples, 0 to 1; None without a sample."""
        if not self._utilisation:
            return None
        return min(1.0, sum(self._utilisation) / len(self._utilisation))

    @property
    def memory_peak_mib(self) -> float | None:
        """Peak of the sum over the devices; None without a sample."""
        return self._memory_peak

    @property
    def energy_joules(self) -> float | None:
        """Energy between first and last sample; None where not counted."""
        if not self._energy_last:
            return None
        spent = (last - self._energy_first[uuid] for uuid, last in self._energy_last.items())
        return max(0.0, sum(spent))

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._seconds)
            await self._look()

    async def _look(self) -> None:
        samples = await asyncio.to_thread(lambda: [self._gpus.sample(u) for u in self._uuids])
        self._utilisation += _known(s.utilisation for s in samples)
        if memory := _known(s.memory_mib for s in samples):
            self._memory_peak = max(self._memory_peak or 0.0, sum(memory))
        for uuid, sample in zip(self._uuids, samples, strict=True):
            if sample.energy_joules is not None:
                self._energy_first.setdefault(uuid, sample.energy_joules)
                self._energy_last[uuid] = sample.energy_joules


def _known(values: Iterable[float | None]) -> list[float]:
    return [value for value in values if value is not None]


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value
