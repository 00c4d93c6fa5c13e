"""What fits where."""

import pytest

from broker.domain.matching import misfit, suits
from broker.protocol.resources import Gpu, HostFacts, Resources

A100 = Gpu(uuid="GPU-1", model="NVIDIA A100-SXM4-80GB", memory_mib=81_920, compute_capability=8.0)
SMALL = Gpu(uuid="GPU-2", model="NVIDIA T4", memory_mib=16_384, compute_capability=7.5)


def host(*gpus: Gpu, slots: int = 4, cpus: int = 16, memory_mib: int = 64_000) -> HostFacts:
    return HostFacts(name="h", cpus=cpus, memory_mib=memory_mib, slots=slots, gpus=list(gpus))


@pytest.mark.parametrize(
    ("need", "facts", "fits"),
    [
        (Resources(), host(), True),
        (Resources(), host(A100, slots=0), False),
        (Resources(gpus=1), host(), False),
        (Resources(gpus=1), host(A100, slots=0), True),
        (Resources(gpus=2), host(A100), False),
        (Resources(gpus=2), host(A100, A100), True),
        (Resources(gpus=1, gpu_memory_mib=40_000), host(A100), True),
        (Resources(gpus=1, gpu_memory_mib=40_000), host(SMALL), False),
        (Resources(gpus=1, gpu_model="a100"), host(A100), True),
        (Resources(gpus=1, gpu_model="H100"), host(A100), False),
        (Resources(gpus=1, compute_capability=8.0), host(A100), True),
        (Resources(gpus=1, compute_capability=8.0), host(SMALL), False),
        (Resources(cpus=17), host(), False),
        (Resources(cpus=16), host(), True),
        (Resources(memory_mib=64_001), host(), False),
        (Resources(memory_mib=64_000), host(), True),
    ],
)
def test_a_job_fits_an_idle_host(need: Resources, facts: HostFacts, fits: bool) -> None:
    assert suits(need, facts) is fits
    assert (misfit(need, facts) is None) is fits


def test_a_job_takes_devices_of_one_kind() -> None:
    assert suits(Resources(gpus=1, gpu_memory_mib=40_000), host(SMALL, A100))
    assert not suits(Resources(gpus=2), host(A100, SMALL))
    assert misfit(Resources(gpus=2), host(A100, SMALL)) == "2 GPUs of one kind wanted, 1 there"


@pytest.mark.parametrize(
    ("need", "word"),
    [
        (Resources(cpus=99), "CPU cores"),
        (Resources(memory_mib=10**6), "MiB"),
        (Resources(gpus=3), "GPUs wanted"),
        (Resources(gpus=1, gpu_model="H100"), "model"),
    ],
)
def test_a_misfit_says_why(need: Resources, word: str) -> None:
    assert word in (misfit(need, host(A100)) or "")


def test_a_host_without_cpu_slots_says_so() -> None:
    assert misfit(Resources(), host(A100, slots=0)) == "no CPU slots there"
