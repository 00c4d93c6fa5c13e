"""Wide jobs that were passed over: hosts are held for them, and only short jobs slip in."""

import numpy as np
import pytest

from broker.scheduling import InvalidColumnError, Running, plan
from tests.oracles.fleets import fleet

WIDE = {"slots": 4, "skipped": 100}


def running(*rows):
    """Rows of (lane, host, seconds left)."""
    lanes, hosts, left = zip(*rows, strict=True)
    return Running(np.arange(len(rows)), lanes, hosts, np.zeros(len(rows)), list(left))


def two_hosts(free=(2, 0), **options):
    """A wide job of account 0; account 1 runs six jobs on two hosts of four slots and has more.

    Host 0 has two slots free, and room for four in 50 seconds; host 1 in 90.
    """
    lanes = [WIDE | {"account": 0}, {"account": 1, "pending": 9, "running": 6}]
    lanes[0] |= options.pop("wide", {})
    lanes[1] |= options.pop("narrow", {})
    hosts = [{"slots_free": n} for n in free]
    ends = [(1, 0, 50.0), (1, 0, 20.0), *[(1, 1, 90.0)] * 4]
    return fleet([1, 1], lanes, hosts, running=running(*ends), **options)


def test_skipped_wide_job_holds_the_host_that_has_room_first():
    made = plan(two_hosts(), 0.0)
    assert made.grant_count.size == 0
    assert made.lane_reserved_class.tolist() == [0, -1]
    assert made.lane_starts_in[0] == 50


def test_only_jobs_that_end_before_it_starts_slip_in():
    assert plan(two_hosts(narrow={"limit_seconds": 50.0}), 0.0).lane_granted.tolist() == [0, 2]
    assert plan(two_hosts(narrow={"limit_seconds": 50.5}), 0.0).lane_granted.tolist() == [0, 0]


def test_job_that_was_not_passed_over_holds_nothing():
    made = plan(two_hosts(wide={"skipped": 99}), 0.0)
    assert made.lane_granted.tolist() == [0, 2]
    assert made.lane_skipped.tolist() == [100, 0]


def test_long_wait_counts_like_many_skips():
    wide = {"skipped": 1, "waited_seconds": 300.0}
    assert plan(two_hosts(wide=wide), 0.0).lane_reserved_class[0] == 0


def test_reservation_stays_until_the_job_starts():
    wide = {"skipped": 0, "reserved_class": 0}
    assert plan(two_hosts(wide=wide), 0.0).lane_reserved_class[0] == 0


def test_a_reservation_that_is_ready_starts_one_job_and_the_rest_of_the_host_is_anybodys():
    """Else a lane of jobs of two slots would be given a whole host of eight, again and again."""
    lanes = [
        {"account": 0, "slots": 2, "skipped": 100, "pending": 9},
        {"account": 1, "pending": 99},
    ]
    made = plan(fleet([1, 99], lanes, [{"slots_free": 8}]), 0.0)
    assert made.lane_granted.tolist() == [1, 6]
    assert made.lane_reserved_class.tolist() == [-1, -1]


def test_a_reservation_that_is_ready_obeys_a_maximum():
    lanes = [WIDE | {"account": 0}, {"account": 1, "pending": 99}]
    made = plan(fleet([1, 1], lanes, [{"slots_free": 8}], maximum=[3.0, np.inf]), 0.0)
    assert made.lane_granted.tolist() == [0, 8]


def test_gang_holds_several_hosts_of_one_class():
    lanes = [{"members": 3, "slots": 2, "skipped": 100}, {"account": 1, "pending": 9, "running": 4}]
    hosts = [{"slots_free": 2}, {"slots_free": 0}, {"slots_free": 0}, {"slots_free": 1, "klass": 1}]
    ends = running((1, 1, 30.0), (1, 1, 10.0), (1, 2, 40.0), (1, 2, 40.0))
    lanes[0]["classes"] = lanes[1]["classes"] = 0b11
    made = plan(fleet([1, 1], lanes, hosts, running=ends, idle_reserved_max=0.0), 0.0)
    assert made.lane_starts_in[0] == 40
    assert made.lane_granted.tolist() == [0, 1]  # the other class is open to all
    assert made.grant_host.tolist() == [3]


def test_job_whose_room_has_come_starts_though_others_stand_lower():
    lanes = [WIDE | {"account": 0, "reserved_class": 0}, {"account": 1, "pending": 9}]
    made = plan(fleet([1, 99], lanes, [{"slots_free": 4}]), 0.0)
    assert made.lane_granted.tolist() == [1, 0]
    assert made.lane_reserved_class.tolist() == [-1, -1]
    assert made.lane_skipped.tolist() == [0, 0]


def test_no_more_than_a_part_of_the_slots_stands_idle_but_one_reservation_may():
    lanes = [WIDE | {"account": 0, "classes": 1}, WIDE | {"account": 0, "classes": 2}]
    lanes.append({"account": 1, "pending": 99, "running": 2, "classes": 3})
    hosts = [{"slots_free": 3}, {"slots_free": 3, "klass": 1}]
    ends = running((2, 0, 60.0), (2, 1, 60.0))
    for part, classes, granted in ((0.0, [0, -1, -1], 3), (1.0, [0, 1, -1], 0)):
        made = plan(fleet([1, 1], lanes, hosts, running=ends, idle_reserved_max=part), 0.0)
        assert made.lane_reserved_class.tolist() == classes
        assert made.lane_granted.sum() == granted


def test_adversary_with_small_jobs_cannot_starve_a_wide_one():
    """Two hosts of four slots; one job of one slot and 10 seconds ends each second."""
    ends = {host: [1.0 + host * 4 + slot for slot in range(4)] for host in range(2)}
    skipped, reserved, started = 0, -1, None
    for now in range(1, 60):
        for host in ends:
            ends[host] = [end for end in ends[host] if end > now]
        rows = [(1, host, end - now) for host in ends for end in ends[host]]
        lanes = [
            {"slots": 4, "skipped": skipped, "reserved_class": reserved},
            {"pending": 99, "running": len(rows), "limit_seconds": 10.0},
        ]
        hosts = [{"slots_free": 4 - len(ends[host])} for host in ends]
        given = {"class_capacity": [8], "reserve_after_skips": 5}
        made = plan(fleet([1, 1], lanes, hosts, running=running(*rows), **given), float(now))
        skipped, reserved = int(made.lane_skipped[0]), int(made.lane_reserved_class[0])
        if made.lane_granted[0]:
            started = now
            break
        for host, jobs in zip(made.grant_host, made.grant_count, strict=True):
            ends[int(host)] += [now + 10.0] * int(jobs)
    assert started is not None
    assert started <= 5 + 10 + 1


ROW = running((0, 0, 1.0))


@pytest.mark.parametrize(
    ("message", "make"),
    [
        (
            r"running\.lane\[0\] names no lane",
            lambda: fleet([1], [], [{}], running=ROW),
        ),
        (
            r"running\.host\[0\] names no host",
            lambda: fleet([1], [{}], [], running=ROW),
        ),
        (r"running\.seconds_left\[0\] is not a", lambda: running((0, 0, np.nan))),
        (r"lanes\.members\[0\] is below 1", lambda: fleet([1], [{"members": 0}], [])),
        (r"lanes\.limit_seconds\[0\]", lambda: fleet([1], [{"limit_seconds": -1.0}], [])),
        (r"lanes\.reserved_class\[0\]", lambda: fleet([1], [{"reserved_class": 7}], [])),
    ],
)
def test_columns_that_make_no_sense_are_refused(message, make):
    with pytest.raises(InvalidColumnError, match=message):
        make()
