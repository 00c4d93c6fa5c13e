"""What the NVIDIA driver says of a host's devices, and how whole GPUs are shared."""

import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from broker.protocol.resources import WHOLE, Gpu, kinds
from workers.gpus import NvmlGpus, memory_by_name, mig_eighths, shared

H100 = Gpu(uuid="GPU-a", model="NVIDIA H100 80GB HBM3", memory_mib=81_559, compute_capability=9.0)

# https://docs.nvidia.com/datacenter/tesla/mig-user-guide/supported-mig-profiles.html and
# `nvidia-smi mig -lgip`: memory of the GPU in MiB; then compute slices, memory in MiB, how many
# such instances it holds, and the part of it that each is, in eighths.
PROFILES = {
    "A30": (24_576, [(1, 5_952, 4, 2), (2, 12_096, 2, 4), (4, 24_192, 1, 8)]),
    "A100-SXM4-40GB": (
        40_960,
        [
            *((1, 4_864, 7, 1), (1, 9_984, 4, 2), (2, 9_984, 3, 2)),
            *((3, 20_096, 2, 4), (4, 20_096, 1, 4), (7, 40_192, 1, 8)),
        ],
    ),
    "H100 80GB HBM3": (
        81_559,
        [
            *((1, 9_984, 7, 1), (1, 20_096, 4, 2), (2, 20_096, 3, 2)),
            *((3, 40_448, 2, 4), (4, 40_448, 1, 4), (7, 81_152, 1, 8)),
        ],
    ),
    "H200": (
        143_771,
        [
            *((1, 16_384, 7, 1), (1, 33_280, 4, 2), (2, 33_280, 3, 2)),
            *((3, 71_168, 2, 4), (4, 71_168, 1, 4), (7, 143_360, 1, 8)),
        ],
    ),
    "B200": (
        183_359,
        [
            *((1, 22_016, 7, 1), (1, 45_056, 4, 2), (2, 45_056, 3, 2)),
            *((3, 91_136, 2, 4), (4, 91_136, 1, 4), (7, 182_784, 1, 8)),
        ],
    ),
    "RTX PRO 6000": (97_887, [(1, 24_320, 4, 2), (2, 48_640, 2, 4), (4, 97_280, 1, 8)]),
}


@pytest.mark.parametrize(
    ("whole", "slices", "memory", "instances", "eighths"),
    [(whole, *profile) for whole, profiles in PROFILES.values() for profile in profiles],
)
def test_instances_are_as_large_as_their_profile_and_never_more_than_the_gpu(
    whole: int, slices: int, memory: int, instances: int, eighths: int
) -> None:
    assert mig_eighths(slices, memory, whole) == eighths
    assert instances * eighths <= WHOLE


@pytest.mark.parametrize("model", PROFILES)
def test_a_model_is_known_well_enough_where_the_driver_does_not_tell_its_memory(
    model: str,
) -> None:
    whole = memory_by_name(f"NVIDIA {model}")
    for slices, memory, _, eighths in PROFILES[model][1]:
        assert mig_eighths(slices, memory, whole) == eighths


@pytest.mark.parametrize(("slices", "eighths"), [(1, 1), (2, 2), (3, 4), (4, 4), (7, 8)])
def test_without_the_memory_of_the_gpu_its_slices_decide(slices: int, eighths: int) -> None:
    assert mig_eighths(slices, 9_984, None) == eighths


def test_memory_stands_in_many_model_names() -> None:
    assert memory_by_name("NVIDIA A100-SXM4-40GB") == 40_960
    assert memory_by_name("NVIDIA H100 80GB HBM3") == 81_920
    assert memory_by_name("NVIDIA GH200 480GB") == 97_871  # the 480 are the CPU's
    assert memory_by_name("NVIDIA of the future") is None


@pytest.mark.parametrize("shares", [2, 4, 8])
def test_whole_gpus_are_shared_in_equal_parts(shares: int) -> None:
    instance = H100.model_copy(update={"uuid": "MIG-a", "eighths": 1, "memory_mib": 9_984})
    other = H100.model_copy(update={"uuid": "GPU-b"})
    parts = shared([H100, instance, other], shares)
    assert [len(kind) for kind in kinds(parts)] == [2 * shares, 1]
    assert sum(gpu.eighths for gpu in parts) == 2 * WHOLE + 1
    assert parts[0] == parts[shares - 1]  # the command sees the whole GPU by the same name
    assert parts[0].memory_mib == 81_559 // shares
    assert shared([H100, instance], 1) == (H100, instance)


class FakeNvml(ModuleType):
    """The driver's library, as far as it is used: one whole GPU, and one in MIG mode.

    Handles are the names of devices. Whoever is not root is not told of a GPU in MIG mode how much
    memory it has.
    """

    NVMLError = type("NVMLError", (Exception,), {})
    NVML_DEVICE_MIG_ENABLE = 1

    def __init__(self, instances: dict[str, tuple[str, int, int, int]], root: bool = True) -> None:
        super().__init__("pynvml")
        self.instances = instances  # profile, slices of the instance, own slices, MiB
        self.root = root

    def nvmlInit(self) -> None: ...

    def nvmlDeviceGetCount(self) -> int:
        return 2

    def nvmlDeviceGetHandleByIndex(self, index: int) -> str:
        return ("GPU-whole", "GPU-mig")[index]

    def nvmlDeviceGetMigMode(self, handle: str) -> tuple[int, int]:
        mode = int(handle == "GPU-mig")
        return mode, mode

    def nvmlDeviceGetMaxMigDeviceCount(self, handle: str) -> int:
        return 7

    def nvmlDeviceGetMigDeviceHandleByIndex(self, handle: str, index: int) -> str:
        if index >= len(self.instances):
            raise self.NVMLError("not found")
        return list(self.instances)[index]

    def nvmlDeviceGetDeviceHandleFromMigDeviceHandle(self, handle: str) -> str:
        if handle not in self.instances:
            raise self.NVMLError("no MIG device")
        return "GPU-mig"

    def nvmlDeviceGetUUID(self, handle: str) -> str:
        return handle

    def nvmlDeviceGetName(self, handle: str) -> str:
        instance = self.instances.get(handle)
        return "NVIDIA H100 80GB HBM3" + (f" MIG {instance[0]}" if instance else "")

    def nvmlDeviceGetCudaComputeCapability(self, handle: str) -> tuple[int, int]:
        if handle in self.instances:
            raise self.NVMLError("not supported")
        return 9, 0

    def nvmlDeviceGetMemoryInfo(self, handle: str) -> Any:
        if handle == "GPU-mig" and not self.root:
            raise self.NVMLError("no permission")
        mib = self.instances[handle][3] if handle in self.instances else 81_559
        return SimpleNamespace(total=mib * 2**20, used=0)

    def nvmlDeviceGetAttributes(self, handle: str) -> Any:
        _, slices, own, _ = self.instances[handle]
        return SimpleNamespace(gpuInstanceSliceCount=slices, computeInstanceSliceCount=own)

    def nvmlDeviceGetUtilizationRates(self, handle: str) -> Any:
        raise self.NVMLError("not supported")

    def nvmlDeviceGetTotalEnergyConsumption(self, handle: str) -> int:
        raise self.NVMLError("not supported")


def offered(monkeypatch: pytest.MonkeyPatch, driver: FakeNvml) -> list[Gpu]:
    monkeypatch.setitem(sys.modules, "pynvml", driver)
    return list(NvmlGpus().devices())


@pytest.mark.parametrize("root", [True, False])
def test_instances_are_devices_of_their_own(monkeypatch: pytest.MonkeyPatch, root: bool) -> None:
    driver = FakeNvml(
        {
            "MIG-a": ("3g.40gb", 3, 3, 40_448),
            "MIG-b": ("1g.20gb", 1, 1, 20_096),
            "MIG-c": ("1g.10gb", 1, 1, 9_984),
        },
        root,
    )
    whole, *parts = offered(monkeypatch, driver)
    assert whole == H100.model_copy(update={"uuid": "GPU-whole"})
    assert [(gpu.uuid, gpu.eighths, gpu.memory_mib) for gpu in parts] == [
        ("MIG-a", 4, 40_448), ("MIG-b", 2, 20_096), ("MIG-c", 1, 9_984),
    ]  # fmt: skip
    assert parts[2].model == "NVIDIA H100 80GB HBM3 MIG 1g.10gb"
    assert {gpu.compute_capability for gpu in parts} == {9.0}
    sample = NvmlGpus().sample("MIG-a")
    assert (sample.utilisation, sample.energy_joules) == (None, None)


def test_compute_instances_share_what_their_instance_is(monkeypatch: pytest.MonkeyPatch) -> None:
    driver = FakeNvml(
        {f"MIG-{n}": (f"{own}c.3g.40gb", 3, own, 40_448) for n, own in enumerate((1, 2))}
    )
    _, one, two = offered(monkeypatch, driver)
    assert (one.eighths, two.eighths) == (1, 2)
    assert one.memory_mib + two.memory_mib <= 40_448
