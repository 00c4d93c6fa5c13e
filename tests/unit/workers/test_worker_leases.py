"""The table of held leases."""

from broker.protocol.apps import VersionSpec
from broker.protocol.leases import Lease
from broker.protocol.resources import Gpu, JobLimits, Resources
from workers.leases import ENDED_MAX, Free, Held, Key, LeaseTable, Phase, fits

SPEC = VersionSpec(command=["true"])


def lease(job: int, epoch: int = 1, **resources: object) -> Lease:
    return Lease(
        job=job,
        epoch=epoch,
        batch=1,
        account=1,
        version=1,
        name="",
        parameters={},
        resources=Resources(**resources),
        limits=JobLimits(),
    )


def gpu(number: int, memory_mib: int = 40_000) -> Gpu:
    return Gpu(uuid=f"GPU-{number}", model="A100", memory_mib=memory_mib, compute_capability=8.0)


def take(table: LeaseTable, *leases: Lease, now: float = 0.0) -> list[Held | None]:
    return [table.take(each, SPEC, now=now, lease_seconds=30) for each in leases]


def start_all(table: LeaseTable) -> list[int]:
    started = []
    while held := table.start_next():
        started.append(held.key.job)
    return started


def test_known_lease_is_not_taken_twice() -> None:
    table = LeaseTable(slots=1, gpus=[])
    assert take(table, lease(1))[0]
    assert take(table, lease(1)) == [None]
    table.end(Key(1, 1))
    assert take(table, lease(1)) == [None]


def test_lease_is_held_until_its_report_is_answered() -> None:
    table = LeaseTable(slots=1, gpus=[])
    take(table, lease(1))
    start_all(table)
    table.end(Key(1, 1))
    assert [(k.job, k.epoch) for k in table.holding()] == [(1, 1)]
    assert table.free() == Free(1)
    table.forget(Key(1, 1))
    assert table.holding() == []


def test_jobs_start_in_order_while_slots_last() -> None:
    table = LeaseTable(slots=2, gpus=[], prefetch=5)
    take(table, *map(lease, (3, 1, 2)))
    assert start_all(table) == [3, 1]
    assert table.free() == Free(4)
    table.end(Key(3, 1))
    assert start_all(table) == [2]
    assert table.pending() == []


def test_slot_is_given_back_once() -> None:
    table = LeaseTable(slots=1, gpus=[])
    take(table, lease(1))
    start_all(table)
    table.end(Key(1, 1))
    table.end(Key(1, 1))
    table.forget(Key(1, 1))
    assert table.free() == Free(1)


def test_lease_that_never_started_gives_back_no_slot() -> None:
    table = LeaseTable(slots=1, gpus=[], prefetch=1)
    take(table, lease(1), lease(2))
    start_all(table)
    table.end(Key(2, 1))
    assert table.free() == Free(1)


def test_more_leases_than_slots_leave_nothing_free() -> None:
    table = LeaseTable(slots=1, gpus=[])
    take(table, *map(lease, range(1, 5)))
    assert table.free() == Free(0)


def test_devices_are_exclusive_and_come_back() -> None:
    table = LeaseTable(slots=0, gpus=[gpu(0), gpu(1)])
    take(table, lease(1, gpus=1), lease(2, gpus=1))
    start_all(table)
    given = {table.get(Key(job, 1)).gpus for job in (1, 2)}  # type: ignore[union-attr]
    assert given == {("GPU-0",), ("GPU-1",)}
    assert table.free() == Free(0, (0,))
    table.end(Key(1, 1))
    assert table.free() == Free(0, (1,))


def test_large_job_is_not_passed_by_small_ones() -> None:
    table = LeaseTable(slots=1, gpus=[gpu(0), gpu(1)], prefetch=5)
    take(table, lease(1, gpus=1), lease(2, gpus=2), lease(3, gpus=1), lease(4))
    assert start_all(table) == [1, 4]
    table.end(Key(1, 1))
    assert start_all(table) == [2]


def test_smallest_device_that_fits_is_chosen() -> None:
    table = LeaseTable(slots=0, gpus=[gpu(0, 80_000), gpu(1, 40_000)])
    take(table, lease(1, gpus=1))
    held = table.start_next()
    assert held
    assert held.gpus == ("GPU-1",)


def test_what_can_never_run_is_refused_with_a_reason() -> None:
    table = LeaseTable(slots=0, gpus=[gpu(0)])
    assert table.refusal(Resources()) == "this host offers no CPU slots"
    assert table.refusal(Resources(gpus=2)) is not None
    assert table.refusal(Resources(gpus=1, gpu_memory_mib=80_000)) is not None
    assert table.refusal(Resources(gpus=1)) is None


def test_device_fits_by_memory_capability_and_model() -> None:
    device = gpu(0)
    assert fits(device, Resources(gpus=1, gpu_model="a100", compute_capability=8.0))
    assert not fits(device, Resources(gpus=1, gpu_model="H100"))
    assert not fits(device, Resources(gpus=1, compute_capability=9.0))


def test_two_epochs_of_a_job_never_run_together() -> None:
    table = LeaseTable(slots=2, gpus=[])
    take(table, lease(1, 1))
    start_all(table)
    take(table, lease(1, 2))
    assert table.older_epochs(lease(1, 2)) == [Key(1, 1)]
    assert start_all(table) == []
    table.end(Key(1, 1))
    assert start_all(table) == [1]


def test_lease_lapses_unless_renewed() -> None:
    table = LeaseTable(slots=2, gpus=[])
    take(table, lease(1), lease(2), now=100.0)
    table.renewed(Key(1, 1), 150.0, running=True)
    assert table.lapsed(129.9) == []
    assert table.lapsed(130.0) == [Key(2, 1)]
    assert table.lapsed(150.0) == [Key(1, 1), Key(2, 1)]


def test_renewal_never_shortens_a_lease() -> None:
    table = LeaseTable(slots=1, gpus=[])
    take(table, lease(1), now=100.0)
    table.renewed(Key(1, 1), 110.0, running=False)
    assert table.lapsed(120.0) == []


def test_ended_lease_does_not_lapse_but_is_renewed() -> None:
    table = LeaseTable(slots=1, gpus=[])
    take(table, lease(1))
    table.end(Key(1, 1))
    assert table.lapsed(1e9) == []
    assert [item.job for item in table.renewals()] == [1]


def test_start_is_announced_once() -> None:
    table = LeaseTable(slots=1, gpus=[])
    take(table, lease(1))
    held = table.start_next()
    assert held
    assert held.phase is Phase.STARTING
    assert table.unannounced(10.0) == []
    table.started(Key(1, 1), 5.0)
    assert table.unannounced(4.9) == []
    assert [(i.job, i.running) for i in table.unannounced(5.0)] == [(1, True)]
    table.renewed(Key(1, 1), 40.0, running=True)
    assert table.unannounced(10.0) == []


def test_pile_of_unanswered_reports_stops_the_asking() -> None:
    table = LeaseTable(slots=4, gpus=[])
    for job in range(ENDED_MAX + 1):
        table.restore(Key(job, 1))
    assert table.free() == Free(0)


def parts(count: int, eighths: int = 1) -> list[Gpu]:
    """Shares of one GPU: the same device, so often."""
    return [Gpu(uuid="GPU-s", model="H100", memory_mib=10_000, eighths=eighths)] * count


def of_kind(each: Lease, kind: int | None) -> Lease:
    return each.model_copy(update={"gpu_kind": kind})


def test_a_job_takes_devices_of_the_kind_that_its_lease_names() -> None:
    table = LeaseTable(slots=0, gpus=[gpu(0, 40_000), gpu(1, 80_000), gpu(2, 80_000)])
    take(table, of_kind(lease(1, gpus=1), 1), of_kind(lease(2, gpus=1), 0))
    assert start_all(table) == [1, 2]
    first, second = (table.get(Key(job, 1)) for job in (1, 2))
    assert first
    assert second
    assert (first.gpus, second.gpus) == (("GPU-1",), ("GPU-0",))
    assert table.free() == Free(0, (0, 1))


def test_a_job_that_waits_for_one_kind_does_not_hold_up_another() -> None:
    table = LeaseTable(slots=0, gpus=[gpu(0), *parts(3)])
    whole = [of_kind(lease(job, gpus=1), 0) for job in (1, 2)]
    part = [of_kind(lease(job, gpus=1, gpu_eighths=1), 1) for job in (3, 4)]
    take(table, *whole, *part)
    assert start_all(table) == [1, 3, 4]
    assert table.free() == Free(0, (0, 1))
    table.end(Key(1, 1))
    assert start_all(table) == [2]


def test_shares_of_one_gpu_are_counted_one_by_one_and_come_back() -> None:
    table = LeaseTable(slots=0, gpus=parts(2, 4))
    take(table, *(lease(job, gpus=1, gpu_eighths=4) for job in (1, 2, 3)))
    assert start_all(table) == [1, 2]
    assert {table.get(Key(job, 1)).gpus for job in (1, 2)} == {("GPU-s",)}  # type: ignore[union-attr]
    table.end(Key(2, 1))
    assert start_all(table) == [3]
    table.end(Key(1, 1))
    table.end(Key(3, 1))
    assert table.free() == Free(0, (2,))


def test_a_lease_of_a_kind_that_is_gone_takes_the_smallest_that_does() -> None:
    table = LeaseTable(slots=0, gpus=[*parts(1, 4), *parts(1, 2), gpu(0)])
    take(table, of_kind(lease(1, gpus=1, gpu_eighths=1), 7), of_kind(lease(2, gpus=1), 0))
    assert start_all(table) == [1, 2]
    assert table.free().gpus == (1, 0, 0)


def test_whole_devices_and_parts_do_not_stand_in_for_one_another() -> None:
    table = LeaseTable(slots=0, gpus=parts(4))
    assert "offers 0" in (table.refusal(Resources(gpus=1)) or "")
    assert table.refusal(Resources(gpus=1, gpu_eighths=1)) is None
    assert table.refusal(Resources(gpus=1, gpu_eighths=2)) is not None


def test_prefetch_is_asked_for_of_every_kind() -> None:
    table = LeaseTable(slots=0, gpus=[gpu(0), *parts(2)], prefetch=3)
    assert table.free() == Free(0, (4, 5))
    take(table, of_kind(lease(1, gpus=1), 0))
    assert table.free() == Free(0, (3, 5))
