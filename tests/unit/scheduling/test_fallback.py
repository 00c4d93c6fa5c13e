"""What is granted when the planner itself fails."""

import numpy as np
import pytest

from broker.scheduling import LaneReason, Snapshot, first_come
from tests.oracles.fleets import fleet


def any_fleet(seed: int) -> Snapshot:
    """Up to six lanes and hosts of three classes, with needs that often do not fit."""
    rng = np.random.default_rng(seed)
    accounts = int(rng.integers(1, 4))
    lanes = [
        {
            "account": int(rng.integers(accounts)),
            "pending": int(rng.integers(7)),
            "running": int(rng.integers(3)),
            "slots": int(rng.choice([1, 1, 2, 5])),
            "cpus": int(rng.integers(4)),
            "memory_mib": int(rng.choice([0, 10, 20])),
            "classes": int(rng.integers(8)),
        }
        for _ in range(rng.integers(1, 7))
    ]
    hosts = [
        {
            "klass": int(rng.integers(3)),
            "slots_free": int(rng.integers(9)),
            "cpus_free": int(rng.integers(12)),
            "memory_mib_free": int(rng.choice([0, 15, 64])),
        }
        for _ in range(rng.integers(1, 7))
    ]
    return fleet(rng.choice([0.0, 1.0, 3.0], accounts).tolist(), lanes, hosts)


def granted(snapshot: Snapshot) -> list[tuple[int, int, int]]:
    plan = first_come(snapshot, 1.0)
    return list(
        zip(
            plan.grant_lane.tolist(),
            plan.grant_host.tolist(),
            plan.grant_count.tolist(),
            strict=True,
        )
    )


def test_the_greatest_quota_comes_first_then_age() -> None:
    lanes = [{"pending": 9}, {"pending": 4}, {"pending": 4, "running": 1}]
    snapshot = fleet([1.0, 5.0, 5.0], lanes, [{"slots_free": 8}])
    assert granted(snapshot) == [(1, 0, 4), (2, 0, 4)]
    plan = first_come(snapshot, 1.0)
    assert plan.allocated_slots.tolist() == [0, 4, 5]
    assert plan.lane_reason.tolist() == [
        LaneReason.NO_FREE_SLOT,
        LaneReason.GRANTED_ALL,
        LaneReason.GRANTED_ALL,
    ]


@pytest.mark.parametrize("seed", range(200))
def test_no_host_is_given_more_than_it_has_nor_what_does_not_suit(seed: int) -> None:
    snapshot = any_fleet(seed)
    lanes, hosts = snapshot.lanes, snapshot.hosts
    slots, cpus = np.zeros(hosts.id.size, np.int64), np.zeros(hosts.id.size, np.int64)
    memory, jobs = np.zeros(hosts.id.size, np.int64), np.zeros(lanes.id.size, np.int64)
    for lane, host, count in granted(snapshot):
        assert count > 0
        assert (int(lanes.classes[lane]) >> int(hosts.klass[host])) & 1
        slots[host] += count * lanes.slots[lane]
        cpus[host] += count * lanes.cpus[lane]
        memory[host] += count * lanes.memory_mib[lane]
        jobs[lane] += count
    assert (slots <= hosts.slots_free).all()
    assert (cpus <= hosts.cpus_free).all()
    assert (memory <= hosts.memory_mib_free).all()
    assert (jobs <= lanes.pending).all()


@pytest.mark.parametrize("seed", range(200))
def test_no_job_waits_that_a_host_could_still_take(seed: int) -> None:
    snapshot = any_fleet(seed)
    plan = first_come(snapshot, 1.0)
    lanes, hosts = snapshot.lanes, snapshot.hosts
    left = np.stack([hosts.slots_free, hosts.cpus_free, hosts.memory_mib_free]).astype(np.int64)
    for lane, host, count in granted(snapshot):
        left[:, host] -= count * np.array(
            [lanes.slots[lane], lanes.cpus[lane], lanes.memory_mib[lane]], np.int64
        )
    for lane in np.flatnonzero(plan.lane_granted < lanes.pending):
        needs = np.array([lanes.slots[lane], lanes.cpus[lane], lanes.memory_mib[lane]])
        suits = (lanes.classes[lane] >> hosts.klass.astype(np.uint64)) & np.uint64(1)
        assert not ((left >= needs[:, None]).all(axis=0) & suits.astype(bool)).any()
