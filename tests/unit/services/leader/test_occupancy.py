"""The leader's memory of what runs where."""

import numpy as np
import pytest

from broker.protocol.ids import HostId
from broker.protocol.resources import Gpu, HostFacts
from broker.scheduling import Lanes
from broker.services.leader.fleet import Fleet
from broker.services.leader.occupancy import READ_SECONDS, Occupancy
from broker.storage.fleet import HostRow
from broker.storage.running import CPU, RunningRows

GPUS = [
    Gpu(uuid=f"GPU-{k}", model=model, memory_mib=80_000)
    for k, model in enumerate(("H100", "H100", "A100"))
]
FLEET = Fleet()
FLEET.load(
    [
        HostRow(
            HostId(host),
            "default",
            HostFacts(name=f"h{host}", cpus=8, memory_mib=8_000, slots=2, gpus=GPUS),
            True,
        )
        for host in (9, 4)
    ]
)
LANES = Lanes(
    id=np.array([30, 10, 20]),
    account=np.zeros(3, np.int32),
    pending=np.zeros(3, np.int64),
    running=np.ones(3, np.int64),
    slots=np.ones(3, np.int32),
    cpus=np.ones(3, np.int32),
    memory_mib=np.zeros(3, np.int64),
    classes=np.ones(3, np.uint64),
    last_served=np.zeros(3),
    limit_seconds=np.array([100.0, 100.0, 1_000.0]),
)


def rows(*jobs: tuple[int, int, int, int, float]) -> RunningRows:
    """Of (job, lane, host, kind of GPU, age in seconds) each; the epoch is ten times the job."""
    job, lane, host, kind, age = (np.array(each) for each in zip(*jobs, strict=True))
    none = np.zeros(job.size, np.bool_)
    return RunningRows(job, job * 10, lane, host, kind, age.astype(float), none)


def read(*jobs: tuple[int, int, int, int, float]) -> Occupancy:
    made = Occupancy()
    made.load(rows(*jobs), {"default"}, 1_000.0, took_seconds=0.0)
    return made


def test_a_lease_stands_on_the_row_of_its_host_and_kind_of_gpu() -> None:
    running = read((1, 10, 4, 1, 30), (2, 20, 9, CPU, 40), (3, 30, 9, 0, 0)).columns(
        LANES, FLEET, 1_000.0
    )
    assert running.lane.tolist() == [1, 2, 0]
    places = [(FLEET.host_of(row), FLEET.place_of(row).gpu_kind) for row in running.host.tolist()]
    assert places == [(4, 1), (9, None), (9, 0)]
    assert running.id.tolist() == [1, 2, 3]
    assert running.seconds_left.tolist() == [70, 960, 100]


def test_time_goes_on_after_a_read_and_no_job_has_less_than_nothing_left() -> None:
    running = read((1, 10, 4, 1, 30)).columns(LANES, FLEET, 1_060.0)
    assert running.age_seconds.tolist() == [90]
    assert running.seconds_left.tolist() == [10]
    late = read((1, 10, 4, 1, 30)).columns(LANES, FLEET, 2_000.0)
    assert late.seconds_left.tolist() == [0]


@pytest.mark.parametrize("gone", [(1, 11, 4, 1, 3), (1, 10, 5, 1, 3), (1, 10, 4, 2, 3)])
def test_what_is_of_no_known_lane_or_place_is_left_out(
    gone: tuple[int, int, int, int, float],
) -> None:
    occupancy = read(gone, (2, 20, 9, CPU, 3))
    running = occupancy.columns(LANES, FLEET, 1_000.0)
    assert running.id.tolist() == [2]
    assert occupancy.leases(np.array([0])) == {(2, 20): 20}


def test_a_job_on_several_hosts_is_one_lease() -> None:
    occupancy = read((7, 10, 4, 0, 3), (7, 10, 9, 0, 3), (8, 10, 9, 0, 3))
    occupancy.columns(LANES, FLEET, 1_000.0)
    assert occupancy.leases(np.array([0, 1])) == {(7, 70): 10}


def test_a_read_serves_for_a_while_and_longer_where_it_took_long() -> None:
    made = read((1, 10, 4, 1, 30))
    assert not made.is_stale({"default"}, 1_000.0 + READ_SECONDS)
    assert made.is_stale({"default"}, 1_000.1 + READ_SECONDS)
    assert made.is_stale({"default", "other"}, 1_000.0)
    made.load(made.rows, {"default"}, 1_000.0, took_seconds=1.0)
    assert not made.is_stale({"default"}, 1_020.0)
    assert made.is_stale({"default"}, 1_020.1)


def test_nothing_was_read_at_first() -> None:
    assert Occupancy().is_stale({"default"}, 0.0)
    assert Occupancy().columns(LANES, FLEET, 0.0).id.size == 0
