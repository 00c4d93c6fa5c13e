"""What the host is and offers: measured at start, told to the broker.

GFLOPS scale credit; they never decide who runs. A GPU slot takes the model's published FP32 figure
(the table below, else `GPU_GFLOPS_UNKNOWN`). A CPU slot is estimated in some 20 ms: an interpreted
loop of multiply-adds is timed and multiplied by `INTERPRETER_FACTOR`, the measured ratio between
such a loop and scalar double-precision code in C on x86-64. The estimate is rough (a factor of
two), but it is the same yardstick on all hosts.
"""

import importlib.metadata
import os
import platform
import time
from collections.abc import Sequence

import psutil

from broker.protocol.limits import SLOTS_PER_HOST_MAX
from broker.protocol.resources import Gpu, HostFacts

# Published FP32 (non-tensor) peak, GFLOPS; first match within the model name wins.
GPU_GFLOPS = (
    ("B200", 75_000.0),
    ("H200", 67_000.0),
    ("H100 PCIe", 51_000.0),
    ("H100", 67_000.0),
    ("GH200", 67_000.0),
    ("A100", 19_500.0),
    ("A10", 31_200.0),
    ("L40", 90_500.0),
    ("L4", 30_300.0),
    ("V100", 15_700.0),
    ("T4", 8_100.0),
    ("5090", 104_800.0),
    ("4090", 82_600.0),
    ("3090", 35_600.0),
)
GPU_GFLOPS_UNKNOWN = 10_000.0
INTERPRETER_FACTOR = 60.0


def host_facts(name: str, slots: int | None, gpus: Sequence[Gpu], address: str = "") -> HostFacts:
    """Look at this host.

    Args:
        name: for people.
        slots: CPU slots; null takes the cores, or 0 where GPUs are offered.
        gpus: the devices offered.
        address: at which other hosts reach it; empty when that is the name.
    """
    cpus = usable_cpus()
    if slots is None:
        slots = 0 if gpus else min(cpus, SLOTS_PER_HOST_MAX)
    # Whoever asks for more slots than cores wants them to be used: a slot claims a core.
    cpus = max(cpus, slots)
    return HostFacts(
        name=name,
        address=address,
        cpus=cpus,
        memory_mib=psutil.virtual_memory().total // 2**20,
        slots=slots,
        gpus=list(gpus),
        gflops=gpu_gflops(gpus[0].model) if gpus else cpu_gflops(),
        platform=f"{platform.system()} {platform.release()} {platform.machine()}"[:200],
        agent_version=importlib.metadata.version("fairlead"),
    )


def usable_cpus() -> int:
    """Cores that this process may use, which a batch system may have cut down."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0)) or 1
    return os.cpu_count() or 1


def gpu_gflops(model: str) -> float:
    """Published speed of a GPU model."""
    return next((speed for part, speed in GPU_GFLOPS if part in model), GPU_GFLOPS_UNKNOWN)


def cpu_gflops(rounds: int = 3, steps: int = 100_000) -> float:
    """Rough speed of one core; the best of a few rounds, so that a busy moment does not count."""
    seconds = min(_multiply_add_seconds(steps) for _ in range(rounds))
    return max(0.1, round(2 * steps / seconds / 1e9 * INTERPRETER_FACTOR, 2))


def _multiply_add_seconds(steps: int) -> float:
    began = time.perf_counter()
    x = 1.0
    for _ in range(steps):
        x = x * 0.999999 + 0.000001
    return max(time.perf_counter() - began, 1e-9)
