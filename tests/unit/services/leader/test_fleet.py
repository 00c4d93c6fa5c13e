"""The leader's memory of hosts: classes of hosts that leave soon."""

import math

import pytest

from broker.protocol.ids import HostId
from broker.protocol.resources import HostFacts, Resources
from broker.queues.asks import Ask
from broker.scheduling import CLASSES_MAX
from broker.services.leader.fleet import Fleet
from broker.storage.fleet import HostRow

PILOT, STAYER = HostId(1), HostId(2)
ROWS = [
    HostRow(host, "default", HostFacts(name=f"h{host}", cpus=8, memory_mib=8_000, slots=4), True)
    for host in (PILOT, STAYER)
]


def asked(wall_seconds_max: float) -> Ask:
    return Ask(60.0, 4, wall_seconds_max=wall_seconds_max)


def fleet() -> Fleet:
    made = Fleet()
    made.load(ROWS)
    made.ask(PILOT, asked(math.inf))
    made.ask(STAYER, asked(math.inf))
    return made


def suiting(fleet: Fleet, wall_seconds: float) -> list[HostId]:
    """Hosts whose class suits a job with this limit."""
    mask = fleet.fit("default", Resources(), wall_seconds).classes
    klasses = fleet.columns().klass.tolist()
    return [fleet.host_of(row) for row, klass in enumerate(klasses) if mask >> klass & 1]


@pytest.mark.parametrize(
    ("left", "fits", "too_long"),
    [(3_600.0, 3_600.0, 3_601.0), (3_599.0, 900.0, 901.0), (59.0, 0.0, 1.0), (1e9, 259_200.0, 1e6)],
)
def test_a_host_that_leaves_suits_only_jobs_that_end_before(
    left: float, fits: float, too_long: float
) -> None:
    them = fleet()
    them.ask(PILOT, asked(left))
    assert suiting(them, fits) == [PILOT, STAYER]
    assert suiting(them, too_long) == [STAYER]


def test_capacity_moves_with_the_host_and_comes_back() -> None:
    them = fleet()
    assert them.class_capacity.tolist() == [64]
    them.ask(PILOT, asked(1_000.0))
    assert them.class_capacity.tolist() == [32, 32]
    assert them.class_name(1).endswith("for jobs of at most 900 s")
    them.ask(PILOT, None)
    assert them.class_capacity.tolist() == [32, 32]
    them.ask(PILOT, asked(math.inf))
    assert them.class_capacity.tolist() == [64, 0]
    assert suiting(them, 3_600.0) == [PILOT, STAYER]


def test_a_new_list_of_hosts_keeps_who_leaves_soon() -> None:
    them = fleet()
    them.ask(PILOT, asked(1_000.0))
    newcomer = HostRow(HostId(3), "default", ROWS[0].facts, True)
    them.load([*ROWS, newcomer])
    assert suiting(them, 3_600.0) == [STAYER, HostId(3)]
    assert them.class_capacity.tolist() == [64, 32]


def test_without_a_class_left_the_host_stays_where_it_was() -> None:
    facts = ROWS[0].facts
    pools = [HostRow(HostId(n), f"pool-{n}", facts, True) for n in range(CLASSES_MAX)]
    them = Fleet()
    them.load(pools)
    them.ask(HostId(5), asked(1_000.0))
    assert them.class_capacity.tolist() == [32] * CLASSES_MAX
    assert them.fit("pool-5", Resources(), 3_600.0).classes == 1 << 5
