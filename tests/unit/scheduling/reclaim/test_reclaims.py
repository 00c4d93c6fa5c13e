"""Which running jobs are taken back, case by case."""

from dataclasses import replace

import numpy as np
import pytest

from broker.scheduling import Groups, InvalidColumnError, Reclaim, Running, plan, reclaims
from tests.oracles.busy import everywhere, shared, with_grants
from tests.oracles.fleets import fleet


def taken(snapshot, rules=None):
    """Rows taken once everything that fits has been granted."""
    left = with_grants(snapshot, plan(snapshot, 0.0))
    rows = reclaims(left, plan(left, 1.0), rules or everywhere(left), 1.0)
    return rows.tolist()


def aged(snapshot, ages):
    running = replace(snapshot.running, age_seconds=np.array(ages, float))
    return replace(snapshot, running=running)


def test_job_with_least_work_to_lose_goes_first():
    busy = aged(shared([1, 1], [[1] * 4, []], [(1, 1, 1)], [4]), [50, 20, 30, 40])
    assert taken(busy) == [1]
    assert taken(aged(shared([1, 1], [[2, 2, 2], []], [(1, 2, 1)], [6]), [9, 8, 7])) == [2]


def test_account_that_stands_highest_loses_first():
    for most in (0, 1):
        held = [[1] * (9 + (account == most)) for account in (0, 1)]
        busy = shared([1, 1, 1], [*held, []], [(2, 1, 9)], [19])
        rows = taken(busy, everywhere(busy, jobs_max=1))
        assert busy.running.lane[rows].tolist() == [most]


def test_nothing_goes_while_free_slots_serve():
    assert taken(shared([1, 1], [[1] * 4, []], [(1, 1, 2)], [6])) == []


def test_nothing_goes_for_who_holds_what_is_owed_or_suits_no_class_here():
    assert taken(shared([1, 1], [[1] * 3, [1] * 3], [(1, 1, 9)], [6])) == []
    busy = shared([1, 1], [[1] * 6, []], [(1, 1, 9)], [6])
    elsewhere = replace(busy, lanes=replace(busy.lanes, classes=np.array([1, 2], np.uint64)))
    assert taken(elsewhere) == []


def test_jobs_that_are_too_young_or_of_a_pool_that_forbids_it_stay():
    busy = aged(shared([1, 1], [[1] * 4, []], [(1, 1, 4)], [2, 2]), [10, 20, 10, 20])
    rules = Reclaim(np.array([0, -1]), np.array([15.0]), np.array([9]))
    assert taken(busy, rules) == [1]


def test_rate_of_each_pool_is_kept():
    busy = shared([1, 1], [[1] * 8, []], [(1, 1, 9)], [4, 4])
    rules = Reclaim(np.array([0, 1]), np.zeros(2), np.array([0, 3]))
    assert len(taken(busy, rules)) == 3
    assert all(busy.running.host[row] == 1 for row in taken(busy, rules))
    both = Reclaim(np.array([0, 1]), np.zeros(2), np.array([1, 2]))
    assert sorted(busy.running.host[taken(busy, both)].tolist()) == [0, 1, 1]


def test_host_is_cleared_for_a_wide_job_and_what_is_not_needed_stays():
    """Account 0 holds a job of 1 that is cheap and one of 4 on the same host: only the 4 help."""
    busy = shared([1, 1], [[1, 4, 4], []], [(1, 4, 1)], [5, 4])
    assert taken(aged(busy, [1, 2, 9])) == [1]
    crowded = shared([1, 1], [[1] * 8, []], [(1, 4, 1)], [4, 4])
    rows = taken(aged(crowded, [9, 9, 9, 1, 5, 5, 5, 5]))
    assert rows == [0, 1, 2, 3]


def test_wide_job_waits_where_no_host_could_be_cleared():
    young = Reclaim(np.zeros(2, np.int32), np.array([5.0]), np.array([9]))
    crowded = shared([1, 1], [[1] * 8, []], [(1, 4, 1)], [4, 4])
    assert taken(aged(crowded, [9, 9, 9, 1, 1, 9, 9, 9]), young) == []


def gang(members_held, waiting, hosts):
    """Account 0 runs jobs of several members, which lie on hosts as the rows say."""
    rows = [
        (job, host, members) for job, parts in enumerate(members_held) for host, members in parts
    ]
    job, host, members = np.array(rows).T
    size = sum(members for _, members in members_held[0])
    busy = fleet(
        [1, 1],
        [{"pending": 0, "running": len(members_held), "members": size}, waiting | {"account": 1}],
        [{"slots_free": 0}] * hosts,
        class_capacity=[int(members.sum())],
        running=Running(
            job, np.zeros(job.size, int), host, np.full(job.size, 9.0), members=members
        ),
    )
    return busy


def test_job_of_several_members_goes_whole_and_counts_once():
    busy = gang([[(0, 2), (1, 2)], [(2, 2), (3, 2)]], {"pending": 9}, 4)
    one = everywhere(busy, jobs_max=1)
    assert taken(busy, one) in ([0, 1], [2, 3])
    protected = Reclaim(np.array([0, -1, 0, 0]), np.zeros(1), np.array([9]))
    assert taken(busy, protected) == [2, 3]
    nowhere = Reclaim(np.array([0, -1, -1, 0]), np.zeros(1), np.array([9]))
    assert taken(busy, nowhere) == []


def test_members_of_a_claim_come_on_hosts_of_one_class():
    busy = shared([1, 1], [[1] * 8, []], [(1, 2, 1)], [2, 2, 2, 2], members=2)
    assert len(taken(busy)) == 4
    klass = np.array([0, 1, 2, 3], np.int32)
    apart = replace(
        busy,
        hosts=replace(busy.hosts, klass=klass),
        class_capacity=np.full(4, 2),
        lanes=replace(busy.lanes, classes=np.array([15, 15], np.uint64)),
    )
    assert taken(apart) == []


def test_cores_and_memory_must_suffice_as_well():
    busy = shared([1, 1], [[1] * 4, []], [(1, 1, 2)], [4])
    hungry = replace(busy.lanes, cpus=np.array([2, 4], np.int32))
    full = replace(busy.hosts, cpus_free=np.zeros(1, np.int32))
    assert len(taken(replace(busy, lanes=hungry, hosts=full))) == 2
    more = replace(busy.lanes, cpus=np.array([0, 4], np.int32))
    assert taken(replace(busy, lanes=more, hosts=full)) == []


TREE = {
    "groups": Groups(id=[0, 1], parent=[-1, -1], weight=[1.0, 1.0]),
    "group": [0, 0, 1],
}


def test_member_takes_from_its_own_group_what_the_group_may_keep():
    """Each group holds its half. The second member of the first takes from the first member."""
    busy = shared([1, 1, 1], [[1] * 4, [], [1] * 4], [(1, 1, 9)], [8], **TREE)
    rows = taken(busy)
    assert busy.running.lane[rows].tolist() == [0, 0]


def test_member_of_a_group_above_its_share_takes_from_no_other_group():
    busy = shared([1, 1, 1], [[1] * 6, [], [1] * 2], [(1, 1, 9), (2, 1, 2)], [8], **TREE)
    rows = taken(busy)
    assert busy.running.lane[rows].tolist() == [0] * len(rows)


def test_group_below_its_share_takes_from_the_other_group():
    """The first group is owed 6 of 12; its richer member alone could not be asked fairly."""
    busy = shared([1, 1, 1], [[1] * 3, [], [1] * 9], [(1, 1, 9), (2, 1, 9)], [12], **TREE)
    rows = taken(busy)
    assert busy.running.lane[rows].tolist() == [1, 1, 1]


def test_minimum_is_not_touched_and_claims_before_weights_count():
    busy = shared([1, 9], [[1] * 6, []], [(1, 1, 9)], [6], minimum=[4.0, 0.0])
    assert len(taken(busy)) == 2
    claims = shared([9, 1], [[1] * 6, []], [(1, 1, 9), (0, 1, 9)], [6], minimum=[0.0, 3.0])
    assert len(taken(claims)) == 3


def test_maximum_of_the_claimant_is_kept():
    busy = shared([1, 1], [[1] * 8, []], [(1, 1, 9)], [8], maximum=[99.0, 2.0])
    assert len(taken(busy)) == 2
    wide = shared([1, 1], [[1] * 8, []], [(1, 3, 9)], [8], maximum=[99.0, 2.0])
    assert taken(wide) == []


def test_parts_of_gpus_count_in_eighths():
    """Two GPUs in halves, of which account 0 holds all four."""
    busy = shared([1, 1], [[4] * 4, []], [(1, 4, 1)], [8, 8], slot_units=8)
    assert len(taken(busy)) == 1


def test_slot_that_the_dispatch_would_give_back_is_not_taken():
    """Of 8 slots 1.33 are due to each light account; at 1, 1, 5, 1 the next slot is again the
    heavy one's: 5/3 is less than 2/1."""
    waits = [(0, 1, 1), (1, 1, 1), (2, 1, 4), (3, 1, 1)]
    busy = shared([1, 1, 3, 1], [[1], [1], [1] * 5, [1]], waits, [8])
    assert plan(busy, 0.0).entitlement_slots[2] == pytest.approx(4.0)
    assert taken(busy) == []


def test_jobs_that_are_leaving_are_not_missed_twice():
    busy = shared([1, 1], [[1] * 6, []], [(1, 1, 9)], [6])
    leaving = np.arange(6) < 2
    asked = replace(busy, running=replace(busy.running, leaving=leaving))
    assert taken(asked) == [2]


def test_rules_for_other_hosts_are_refused():
    busy = shared([1, 1], [[1] * 6, []], [(1, 1, 9)], [6])
    with pytest.raises(InvalidColumnError, match=r"reclaim\.pool must have 1 entries"):
        reclaims(busy, plan(busy, 0.0), Reclaim([0, 0], [0.0], [1]), 0.0)
    with pytest.raises(InvalidColumnError, match=r"reclaim\.pool\[1\] names no pool row"):
        Reclaim([0, 1], [0.0], [1])
    with pytest.raises(InvalidColumnError, match=r"reclaim\.jobs_max\[0\] is negative"):
        Reclaim([0], [0.0], [-1])


def test_running_jobs_that_no_lane_counts_are_refused():
    busy = shared([1, 1], [[1] * 6, []], [(1, 1, 9)], [6])
    lost = replace(busy, lanes=replace(busy.lanes, running=np.array([5, 0])))
    twice = replace(lost, running=replace(busy.running, leaving=np.ones(6, bool)))
    with pytest.raises(InvalidColumnError, match=r"lanes\.running\[0\] is negative"):
        reclaims(twice, plan(twice, 0.0), everywhere(twice), 0.0)
