"""Parts of GPUs: kinds of devices, what suits whom, and what is said where nothing does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from broker.domain.gangs import too_large
from broker.domain.matching import gpu_suits, misfit, suits
from broker.domain.shortfalls import needed, no_part, shortfalls
from broker.domain.words import slots
from broker.protocol.leases import PollRequest
from broker.protocol.resources import WHOLE, Gpu, HostFacts, Resources, kinds
from workers.leases import fits

H100 = Gpu(uuid="GPU-1", model="H100 80GB", memory_mib=81_559, compute_capability=9.0)
SLICE = Gpu(
    uuid="MIG-1", model="H100 MIG 1g.10gb", memory_mib=9_984, compute_capability=9.0, eighths=1
)
HALF = SLICE.model_copy(update={"model": "H100 MIG 3g.40gb", "memory_mib": 40_448, "eighths": 4})
ALL_OF_IT = SLICE.model_copy(update={"model": "H100 MIG 7g.80gb", "eighths": WHOLE})

devices = st.builds(
    Gpu,
    uuid=st.sampled_from(["GPU-u", "MIG-u"]),
    model=st.sampled_from(["H100", "A100"]),
    memory_mib=st.sampled_from([0, 10_000, 80_000]),
    compute_capability=st.sampled_from([8.0, 9.0]),
    eighths=st.integers(1, WHOLE),
)
wishes = st.builds(
    Resources,
    gpus=st.integers(0, 3),
    gpu_memory_mib=st.sampled_from([0, 9_000, 81_000]),
    gpu_model=st.none() | st.just("h100"),
    compute_capability=st.sampled_from([0, 9.0]),
) | st.builds(
    Resources,
    gpus=st.just(1),
    gpu_memory_mib=st.sampled_from([0, 9_000]),
    gpu_eighths=st.integers(1, WHOLE),
)


def host(*gpus: Gpu) -> HostFacts:
    return HostFacts(name="h", cpus=8, memory_mib=64_000, slots=0, gpus=list(gpus))


def part(eighths: int, **more: object) -> Resources:
    return Resources(gpus=1, gpu_eighths=eighths, **more)


def test_kinds_stand_in_the_order_in_which_they_first_come() -> None:
    twin = H100.model_copy(update={"uuid": "GPU-2"})
    assert kinds([SLICE, H100, HALF, SLICE, twin]) == [[SLICE, SLICE], [H100, twin], [HALF]]
    assert kinds([]) == []


@given(st.lists(devices, max_size=6))
def test_every_device_is_of_one_kind(gpus: list[Gpu]) -> None:
    found = kinds(gpus)
    assert sorted(map(str, gpus)) == sorted(str(gpu) for kind in found for gpu in kind)
    assert len({(g.model, g.memory_mib, g.compute_capability, g.eighths) for g in gpus}) == len(
        found
    )


@pytest.mark.parametrize(
    ("need", "gpu", "fit"),
    [
        (part(1), SLICE, True),
        (part(1), HALF, True),  # but the leader takes the smallest of the pool
        (part(2), SLICE, False),
        (part(4), HALF, True),
        (part(1), H100, False),  # whole ones are for those who ask for whole ones
        (Resources(gpus=1), SLICE, False),
        (Resources(gpus=1), H100, True),
        (Resources(gpus=1), ALL_OF_IT, True),
        (Resources(gpus=2), ALL_OF_IT, False),  # CUDA shows a program one instance
        (part(1, gpu_memory_mib=20_000), SLICE, False),
    ],
)
def test_parts_suit_who_asks_for_parts_and_whole_gpus_the_others(
    need: Resources, gpu: Gpu, fit: bool
) -> None:
    assert gpu_suits(need, gpu) is fit


@given(wishes, devices)
def test_host_and_broker_agree_on_what_suits(need: Resources, gpu: Gpu) -> None:
    assert fits(gpu, need) == gpu_suits(need, gpu)


@given(wishes, devices)
def test_what_suits_is_never_smaller_than_asked_for(need: Resources, gpu: Gpu) -> None:
    assert not (need.gpus and gpu_suits(need, gpu)) or gpu.eighths >= need.gpu_eighths


@given(wishes, st.lists(devices, max_size=5))
def test_nothing_lacks_exactly_where_the_job_suits(need: Resources, gpus: list[Gpu]) -> None:
    there = host(*gpus)
    short = shortfalls(need, there)
    assert (short == []) == suits(need, there)
    assert (misfit(need, there) is None) == suits(need, there)
    assert all(each.factor > 1 and each.text for each in short)


@pytest.mark.parametrize(
    ("need", "gpus", "said"),
    [
        (part(2), [SLICE], "a part of at least 2/8 of a GPU (the nearest host has parts of 1/8)"),
        (part(1), [H100], "a part of at least 1/8 of a GPU (the nearest host has whole ones)"),
        (part(1), [], "a part of at least 1/8 of a GPU on one host (the nearest has 0)"),
        (Resources(gpus=1), [SLICE], "whole GPUs (the nearest host has parts of 1/8)"),
        (Resources(gpus=2), [H100, HALF], "2 GPUs on one host (the nearest has 1)"),
    ],
)
def test_what_lacks_is_told_in_eighths(need: Resources, gpus: list[Gpu], said: str) -> None:
    assert [short.text for short in shortfalls(need, host(*gpus))] == [said]


def test_a_pool_without_such_a_part_is_told_with_the_largest_that_it_has() -> None:
    assert no_part(part(1), []) is None  # no hosts yet
    assert no_part(part(1), [host(SLICE)]) is None
    assert no_part(Resources(gpus=1), [host(SLICE)]) is None
    assert str(no_part(part(4), [host(SLICE), host(H100)])).endswith("the largest is 1/8 of a GPU")
    assert str(no_part(part(4), [host(H100)])).endswith("its GPUs are whole")
    assert str(no_part(part(4), [host()])).endswith("it has no GPUs")


def test_a_gang_is_measured_by_the_most_devices_of_one_kind() -> None:
    mixed = host(H100, SLICE, SLICE, SLICE)
    assert "the largest gang has 1 GPU on one host" in str(too_large(Resources(gpus=2), [mixed]))
    assert too_large(Resources(hosts=2, gpus=1, gpu_eighths=1), [mixed, mixed]) is None
    instances = host(ALL_OF_IT, ALL_OF_IT)
    assert "the largest gang has 1 GPU on" in str(too_large(Resources(gpus=2), [instances]))


def test_a_gang_is_measured_by_the_hosts_of_one_class() -> None:
    other = H100.model_copy(update={"model": "NVIDIA A100"})
    pool = [host(H100, H100)] * 2 + [host(other, other)] * 3
    assert too_large(Resources(hosts=3, gpus=2), pool) is None
    four = str(too_large(Resources(hosts=4, gpus=2), pool))
    assert "3 hosts of any one kind that suits" in four
    assert "the largest gang has 3 hosts" in four
    named = Resources(hosts=3, gpus=2, gpu_model="h100")
    assert "the largest gang has 2 hosts" in str(too_large(named, pool))
    wider = str(too_large(Resources(hosts=3, gpus=4), pool))
    assert "the largest gang has 2 GPUs on each of 3 hosts" in wider


def test_a_gang_of_parts_is_measured_by_the_smallest_that_suit() -> None:
    half = SLICE.model_copy(update={"eighths": 4})
    pool = [host(SLICE), host(SLICE), host(half), host(half), host(half)]
    eighth = Resources(hosts=3, gpus=1, gpu_eighths=1)
    assert "the largest gang has 2 hosts" in str(too_large(eighth, pool))
    assert too_large(Resources(hosts=3, gpus=1, gpu_eighths=2), pool) is None


@pytest.mark.parametrize("bad", [{"gpus": 2, "gpu_eighths": 4}, {"gpu_eighths": 4}])
def test_a_job_takes_one_part_at_most(bad: dict[str, int]) -> None:
    with pytest.raises(ValidationError, match="one part at most"):
        Resources.model_validate(bad)


@pytest.mark.parametrize("eighths", [0, 9])
def test_parts_are_eighths_of_one_gpu(eighths: int) -> None:
    with pytest.raises(ValidationError):
        part(eighths)


@pytest.mark.parametrize("by_kind", [[1, 1], [-1, 2], [], [0]])
def test_free_gpus_by_kind_sum_up_to_the_free_gpus(by_kind: list[int]) -> None:
    with pytest.raises(ValidationError, match="sum up to free_gpus"):
        PollRequest(free_slots=0, free_gpus=1, free_gpus_by_kind=by_kind)


def test_in_words() -> None:
    assert needed(part(2, cpus=4)) == "a part of at least 2/8 of a GPU and 4 CPU cores"
    assert [slots(n) for n in (1, 2.0, 0.125, 1.875, 1_200)] == [
        "1 slot", "2 slots", "0.125 slots", "1.875 slots", "1,200 slots",
    ]  # fmt: skip
    assert Resources(gpus=3).slots_least == 3
    assert part(2).slots_least == 0.25
