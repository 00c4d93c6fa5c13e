"""`plan`: who is granted what, where, and with which reason."""

import numpy as np
import pytest

from broker.scheduling import InvalidColumnError, LaneReason, plan
from tests.oracles.fleets import fleet


def hosts_of(made):
    """(lane, host, jobs) in the order granted."""
    rows = zip(made.grant_lane, made.grant_host, made.grant_count, strict=True)
    return [tuple(map(int, row)) for row in rows]


def test_slots_follow_quotas_50_30_20():
    snapshot = fleet([50, 30, 20], [{"pending": 99}] * 3, [{"slots_free": 10}])
    made = plan(snapshot, 0.0)
    assert made.allocated_slots.tolist() == [5, 3, 2]
    assert made.entitlement_slots == pytest.approx([5, 3, 2])


def test_nobody_is_held_back_without_contention():
    snapshot = fleet([1, 99], [{"pending": 8}, {"pending": 1}], [{"slots_free": 10}])
    assert plan(snapshot, 0.0).lane_granted.tolist() == [8, 1]


def test_heavy_recent_usage_yields_to_light():
    snapshot = fleet(
        [1, 1],
        [{"pending": 9}, {"pending": 9}],
        [{"slots_free": 9}],
        usage_gpu_seconds=[1e12, 0.0],
        entitled_gpu_seconds=[1e9, 1e9],
    )
    assert plan(snapshot, 0.0).lane_granted.tolist() == [1, 8]


def test_tie_goes_to_the_account_served_longest_ago_then_to_the_smaller_id():
    lanes = [{"last_served": 5.0}, {"last_served": 3.0}, {"last_served": 3.0}]
    snapshot = fleet([1, 1, 1], lanes, [{}], account_id=np.array([1, 9, 4]))
    assert plan(snapshot, 0.0).lane_granted.tolist() == [0, 0, 1]


def test_who_was_served_in_this_cycle_ties_after_who_was_not_then_by_id():
    lanes = [{"pending": 9, "last_served": 1.0}, {"pending": 9, "last_served": 0.0}]
    made = plan(fleet([1, 1], lanes, [{"slots_free": 3}]), 0.0)
    assert hosts_of(made) == [(1, 0, 1), (0, 0, 2)]


def test_rarest_lane_of_an_account_goes_first_among_equals():
    lanes = [{"account": 0, "classes": 0b11}, {"account": 0, "classes": 0b01}]
    hosts = [{"klass": 0}]
    snapshot = fleet([1], lanes, hosts, class_capacity=np.array([1, 1]))
    assert plan(snapshot, 0.0).lane_granted.tolist() == [0, 1]


def test_lanes_of_an_account_take_turns_longest_unserved_first():
    lanes = [
        {"account": 0, "pending": 9, "last_served": 2.0},
        {"account": 0, "pending": 9, "last_served": 1.0},
    ]
    assert plan(fleet([1], lanes, [{"slots_free": 5}]), 0.0).lane_granted.tolist() == [2, 3]


def test_wide_job_that_fits_nowhere_does_not_block_its_account():
    lanes = [{"account": 0, "slots": 8}, {"account": 0, "pending": 3, "last_served": 9.0}]
    made = plan(fleet([1], lanes, [{"slots_free": 4}]), 0.0)
    assert made.lane_granted.tolist() == [0, 3]
    assert made.lane_reason.tolist() == [LaneReason.NO_HOST_WITH_ENOUGH, LaneReason.GRANTED_ALL]


def test_job_takes_the_host_with_the_fewest_free_slots_that_suffice():
    hosts = [{"slots_free": n} for n in (8, 2, 4)]
    assert hosts_of(plan(fleet([1], [{"slots": 3}], hosts), 0.0)) == [(0, 2, 1)]


def test_job_spares_the_host_with_more_memory():
    hosts = [{"memory_mib_free": 900}, {"memory_mib_free": 100}]
    assert hosts_of(plan(fleet([1], [{"memory_mib": 50}], hosts), 0.0)) == [(0, 1, 1)]


def test_job_of_several_slots_stays_on_one_host():
    made = plan(fleet([1], [{"slots": 4}], [{"slots_free": 3}, {"slots_free": 3}]), 0.0)
    assert made.grant_count.size == 0


@pytest.mark.parametrize("short", ["cpus", "memory_mib"])
def test_host_needs_cpus_and_memory_too(short):
    lanes = [{"pending": 9, short: 3}]
    hosts = [{"slots_free": 8, f"{short}_free": 7}, {"slots_free": 8, f"{short}_free": 2}]
    made = plan(fleet([1], lanes, hosts), 0.0)
    assert hosts_of(made) == [(0, 0, 2)]
    assert made.lane_reason[0] == LaneReason.NO_HOST_WITH_ENOUGH


def test_flexible_job_leaves_the_class_that_others_depend_on():
    lanes = [{"classes": 0b11}, {"classes": 0b01, "pending": 2}]
    hosts = [{"klass": 0, "slots_free": 2}, {"klass": 1, "slots_free": 2}]
    made = plan(fleet([1, 1], lanes, hosts), 0.0)
    assert made.lane_granted.tolist() == [1, 2]


def test_grants_of_one_lane_to_one_host_are_one_row():
    made = plan(fleet([1], [{"pending": 50}], [{"slots_free": 64}] * 2), 0.0)
    assert hosts_of(made) == [(0, 0, 50)]


def test_account_without_quota_gets_what_others_leave():
    lanes = [{"pending": 3}, {"pending": 9}, {"pending": 9}]
    made = plan(fleet([1, 0, 0], lanes, [{"slots_free": 7}]), 0.0)
    assert made.lane_granted.tolist() == [3, 2, 2]
    assert made.lane_reason.tolist()[1:] == [LaneReason.NO_QUOTA] * 2


def test_reasons_tell_share_reached_from_no_free_slot():
    """Account 0 holds 9 of 10 slots, so it is past its share; account 1 is short of its own."""
    lanes = [{"pending": 5, "running": 9}, {"pending": 5, "running": 1}]
    made = plan(fleet([1, 1], lanes, []), 0.0)
    assert made.lane_reason.tolist() == [LaneReason.SHARE_REACHED, LaneReason.NO_FREE_SLOT]
    assert made.lane_blocking_class.tolist() == [0, 0]
    assert made.account_rank.tolist() == [2, 1]


def test_account_at_its_exact_share_has_reached_it():
    lanes = [{"pending": 5, "running": 5}, {"pending": 5, "running": 5}]
    made = plan(fleet([1, 1], lanes, []), 0.0)
    assert made.lane_reason.tolist() == [LaneReason.SHARE_REACHED] * 2


def test_account_without_quota_ranks_after_all_who_have_one():
    lanes = [{"running": 0}, {"running": 9}]
    made = plan(fleet([0, 1], lanes, []), 0.0)
    assert made.account_rank.tolist() == [2, 1]


def test_lane_that_no_class_suits_is_told_so_and_ranks_nowhere():
    made = plan(fleet([1, 1], [{"classes": 0b100}, {"pending": 0}], [{}]), 0.0)
    assert made.lane_reason.tolist() == [LaneReason.NO_SUITABLE_CLASS, LaneReason.EMPTY]
    assert made.lane_blocking_class.tolist() == [-1, -1]
    assert made.account_rank.tolist() == [0, 0]


def test_blocking_class_is_the_widest_that_suits_when_all_are_busy():
    snapshot = fleet([1], [{"classes": 0b110}], [], class_capacity=np.array([9, 2, 5]))
    assert plan(snapshot, 0.0).lane_blocking_class.tolist() == [2]


def test_freed_slots_go_to_who_stands_lowest():
    snapshot = fleet(
        [1, 1], [{"pending": 99, "running": 6}, {"pending": 99, "running": 2}], [{"slots_free": 5}]
    )
    assert plan(snapshot, 0.0).allocated_slots.tolist() == [7, 6]


def test_plan_leaves_its_snapshot_alone():
    snapshot = fleet([1, 2], [{"pending": 9}, {"pending": 9}], [{"slots_free": 4}] * 2)
    first, second = plan(snapshot, 1.0), plan(snapshot, 1.0)
    assert hosts_of(first) == hosts_of(second)
    assert snapshot.hosts.slots_free.tolist() == [4, 4]
    assert snapshot.lanes.pending.tolist() == [9, 9]


def test_empty_fleet_gives_an_empty_plan():
    made = plan(fleet([], [], []), 4.0)
    assert made.planned_at == 4.0
    assert made.grant_lane.size == made.allocated_slots.size == made.lane_reason.size == 0


def test_huge_host_alone_is_filled_in_one_step():
    lanes = [{"pending": 2_000_000_000}]
    made = plan(fleet([1], lanes, [{"slots_free": 1_900_000_000}]), 0.0)
    assert hosts_of(made) == [(0, 0, 1_900_000_000)]


def test_more_grants_than_room_was_made_for_are_all_given_and_gangs_numbered_on():
    lanes = [{"pending": 9000}, {"pending": 9000, "members": 2}]
    made = plan(fleet([1, 1], lanes, [{"slots_free": 3000}] * 2), 0.0)
    assert made.allocated_slots.tolist() == [3000, 3000]
    assert made.grant_gang[made.grant_gang >= 0].tolist() == list(range(1500))


def test_id_that_occurs_twice_is_refused():
    snapshot = fleet([1, 1], [{}, {}], [{}], account_id=np.array([7, 7]))
    with pytest.raises(InvalidColumnError, match=r"accounts.id\[1\] occurs twice"):
        plan(snapshot, 0.0)


def test_a_chain_that_helps_its_own_job_nothing_still_makes_room_for_another():
    """Lane 0 moves to class 2 for lane 2, which then lacks memory; lane 3 takes the slot."""
    lanes = [
        {"account": 0, "classes": 0b110},
        {"account": 0, "classes": 0b100, "slots": 2},
        {"account": 0, "classes": 0b010, "memory_mib": 10},
        {"account": 0, "classes": 0b010, "pending": 2},
    ]
    hosts = [{"klass": 1, "slots_free": 2}, {"klass": 2, "slots_free": 1}]
    small = [host | {"memory_mib_free": 0} for host in hosts]
    assert plan(fleet([1], lanes, small), 0.0).lane_granted.tolist() == [1, 0, 0, 2]
