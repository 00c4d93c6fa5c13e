"""What a host lacks, in words that agree with what suits."""

from hypothesis import given
from hypothesis import strategies as st

from broker.domain.matching import suits
from broker.domain.shortfalls import nearest_shortfall, needed, shortfalls
from broker.protocol.resources import Gpu, HostFacts, Resources

MODELS = ("NVIDIA H100 80GB HBM3", "NVIDIA A100-SXM4-40GB", "GeForce RTX 2080")
gpus = st.builds(
    Gpu,
    uuid=st.just("u"),
    model=st.sampled_from(MODELS),
    memory_mib=st.integers(0, 90_000),
    compute_capability=st.sampled_from([0, 7.5, 8.0, 9.0]),
)
hosts = st.builds(
    HostFacts,
    name=st.just("h"),
    cpus=st.integers(1, 8),
    memory_mib=st.integers(0, 4_000),
    slots=st.integers(0, 2),
    gpus=st.lists(gpus, max_size=3),
)
needs = st.builds(
    Resources,
    gpus=st.integers(0, 3),
    gpu_memory_mib=st.integers(0, 90_000),
    gpu_model=st.none() | st.sampled_from(["h100", "A100", "RTX"]),
    compute_capability=st.sampled_from([0, 7.5, 8.0, 9.0]),
    cpus=st.integers(1, 8),
    memory_mib=st.integers(0, 4_000),
)


@given(needs, hosts)
def test_nothing_lacks_exactly_where_the_job_suits(need: Resources, host: HostFacts) -> None:
    assert (shortfalls(need, host) == []) == suits(need, host)


@given(needs, hosts)
def test_every_shortfall_names_a_factor(need: Resources, host: HostFacts) -> None:
    assert all(short.factor > 1 and short.text for short in shortfalls(need, host))


def host_with(**more: object) -> HostFacts:
    facts = {"name": "h", "cpus": 8, "memory_mib": 32_000, "slots": 4, **more}
    return HostFacts.model_validate(facts)


def test_nearest_host_is_the_one_that_lacks_least() -> None:
    need = Resources(cpus=64)
    assert nearest_shortfall(need, [host_with(cpus=4), host_with(cpus=32), host_with(cpus=8)]) == (
        "64 CPU cores (the nearest host has 32)"
    )
    two = host_with(cpus=60, memory_mib=10)
    assert "and" not in nearest_shortfall(Resources(cpus=64, memory_mib=99), [two, host_with()])


def test_gpu_wishes_are_told_with_what_is_there() -> None:
    gpu = {"uuid": "u", "model": MODELS[1], "memory_mib": 40_960, "compute_capability": 8.0}
    host = host_with(gpus=[gpu])
    need = Resources(gpus=2, gpu_memory_mib=80_000, compute_capability=9.0, gpu_model="H100")
    assert [short.text for short in shortfalls(need, host)] == [
        "2 GPUs on one host (the nearest has 1)",
        "80,000 MiB of memory on each GPU (the nearest has 40,960)",
        "CUDA compute capability 9 (the nearest has 8)",
        "a GPU model like 'H100' (the nearest is 'NVIDIA A100-SXM4-40GB')",
    ]


def test_host_without_cpu_slots_is_told() -> None:
    (short,) = shortfalls(Resources(), host_with(slots=0))
    assert "CPU slots" in short.text


def test_needs_in_words() -> None:
    assert needed(Resources()) == "a CPU slot"
    assert needed(Resources(gpus=1)) == "1 GPU"
    many = Resources(gpus=4, cpus=16, memory_mib=64_000)
    assert needed(many) == "4 GPUs, 16 CPU cores and 64,000 MiB of memory"
