"""Groups: siblings share first, then the members of each; minima and maxima in whole slots."""

import numpy as np
import pytest

from broker.scheduling import Groups, InvalidColumnError, LaneReason, plan
from tests.oracles.fleets import WEEK_SECONDS, fleet


def groups(*rows, **columns):
    """Rows of (parent, weight)."""
    return Groups(
        id=np.arange(len(rows)),
        parent=[parent for parent, _ in rows],
        weight=[weight for _, weight in rows],
        **columns,
    )


def busy(weights, free, **options):
    """Every account has more work than there is."""
    return fleet(weights, [{"pending": 99}] * len(weights), [{"slots_free": free}], **options)


def test_groups_share_first_and_their_members_after():
    labs = groups((-1, 3), (-1, 1))
    made = plan(busy([1, 1, 1, 2], 12, groups=labs, group=[0, 0, 0, 1]), 0.0)
    assert made.allocated_slots.tolist() == [3, 3, 3, 3]
    assert made.entitlement_slots == pytest.approx([3, 3, 3, 3])
    assert made.group_allocated_slots.tolist() == [9, 3]
    assert made.group_entitlement_slots == pytest.approx([9, 3])


def test_what_one_member_leaves_goes_to_its_siblings_before_other_groups():
    lanes = [{"pending": 1}, {"pending": 99}, {"pending": 99}]
    labs = groups((-1, 1), (-1, 1))
    snapshot = fleet([1, 1, 1], lanes, [{"slots_free": 12}], groups=labs, group=[0, 0, 1])
    assert plan(snapshot, 0.0).allocated_slots.tolist() == [1, 5, 6]


def test_groups_of_groups_and_accounts_of_no_group_are_siblings():
    labs = groups((-1, 1), (0, 1), (0, 3))
    made = plan(busy([1, 1, 1], 16, groups=labs, group=[-1, 1, 2]), 0.0)
    assert made.allocated_slots.tolist() == [8, 2, 6]
    assert made.group_allocated_slots.tolist() == [8, 2, 6]


def test_history_bends_a_group_by_what_its_members_used_together():
    labs = groups((-1, 1), (-1, 1))
    window_seconds = WEEK_SECONDS / np.log(2)
    history = {
        "usage_gpu_seconds": np.array([7.5, 0.0, 5.0]) * window_seconds,
        "entitled_gpu_seconds": np.array([2.5, 2.5, 5.0]) * window_seconds,
    }
    made = plan(busy([1, 1, 1], 10, groups=labs, group=[0, 0, 1], **history), 0.0)
    assert made.group_weight_adjusted == pytest.approx([0.5, 1.0])  # half as much again as its 5
    assert made.weight_adjusted == pytest.approx([0.25, 2.0, 1.0])  # 7.5 and none where 2.5 is due


def test_lag_of_a_group_counts_among_groups_and_of_a_member_within():
    labs = groups((-1, 1), (-1, 1), lag_slots=[0.0, 0.5])
    made = plan(busy([1, 1, 1], 1, groups=labs, group=[0, 1, 1], lag_slots=[9.0, 0.0, 0.1]), 0.0)
    assert made.lane_granted.tolist() == [0, 0, 1]


def test_minimum_comes_before_weights_and_minima_beyond_capacity_shrink_together():
    made = plan(busy([1, 99], 10, minimum=[4.0, 0.0]), 0.0)
    assert made.allocated_slots.tolist() == [4, 6]
    assert made.entitlement_slots == pytest.approx([4, 6])
    made = plan(busy([1, 99], 6, minimum=[6.0, 3.0]), 0.0)
    assert made.allocated_slots.tolist() == [4, 2]
    assert made.entitlement_slots == pytest.approx([4, 2])


def test_members_minimum_takes_from_its_siblings_only():
    labs = groups((-1, 1), (-1, 1))
    made = plan(busy([1, 1, 1], 8, groups=labs, group=[0, 0, 1], minimum=[3.0, 0, 0]), 0.0)
    assert made.allocated_slots.tolist() == [3, 1, 4]


def test_maximum_holds_for_accounts_and_for_groups_and_is_the_reason():
    labs = groups((-1, 1), maximum=[5.0])
    snapshot = busy([1, 1, 1], 12, groups=labs, group=[0, 0, -1], maximum=[1.5, np.inf, 4.0])
    made = plan(snapshot, 0.0)
    assert made.allocated_slots.tolist() == [1, 4, 4]
    assert made.lane_reason.tolist() == [LaneReason.MAXIMUM_REACHED] * 3
    assert made.lane_blocking_class.tolist() == [-1] * 3


def test_group_whose_only_busy_member_is_at_its_maximum_gets_nothing():
    lanes = [{"pending": 0}, {"pending": 1, "running": 8}]
    snapshot = fleet(
        [0, 0], lanes, [{}], groups=groups((-1, 0)), group=[0, 0], maximum=[np.inf, 6.0]
    )
    assert plan(snapshot, 0.0).grant_count.size == 0


def test_wide_job_beyond_a_maximum_does_not_hold_up_narrow_ones_of_the_same_account():
    lanes = [{"account": 0, "slots": 4}, {"account": 0, "pending": 9, "last_served": 1.0}]
    made = plan(fleet([1], lanes, [{"slots_free": 9}], maximum=[3.0]), 0.0)
    assert made.lane_granted.tolist() == [0, 3]


def test_ranks_alternate_between_groups():
    labs = groups((-1, 1), (-1, 1))
    lanes = [{"pending": 9}, {"pending": 9}, {"pending": 9}, {"pending": 9, "running": 1}]
    snapshot = fleet([1] * 4, lanes, [], groups=labs, group=[0, 0, 1, 1], class_capacity=[1])
    assert plan(snapshot, 0.0).account_rank.tolist() == [1, 3, 2, 4]


@pytest.mark.parametrize(
    ("message", "make"),
    [
        (r"groups\.parent\[0\] lies on a circle", lambda: groups((1, 1), (0, 1), (0, 1))),
        (r"groups\.parent\[1\] lies on a circle", lambda: groups((-1, 1), (1, 1))),
        (r"groups\.parent\[0\] names no group", lambda: groups((3, 1))),
        (r"groups\.weight\[0\] is not a finite", lambda: groups((-1, np.nan))),
        (r"groups\.maximum\[0\] is not a number", lambda: groups((-1, 1), maximum=[np.nan])),
        (
            r"groups\.minimum\[0\] exceeds",
            lambda: groups((-1, 1), minimum=[2.0], maximum=[1.0]),
        ),
        (r"accounts\.group\[0\] names no group", lambda: busy([1], 1, group=[0])),
        (r"accounts\.group\[0\] names no group", lambda: busy([1], 1, group=[-2])),
        (r"accounts\.minimum\[0\] is not a finite", lambda: busy([1], 1, minimum=[np.inf])),
        (r"accounts\.maximum\[0\] is negative", lambda: busy([1], 1, maximum=[-1.0])),
        (r"accounts\.lag_slots\[0\] is not", lambda: busy([1], 1, lag_slots=[np.nan])),
        (
            r"groups\.id\[1\] occurs twice",
            lambda: plan(busy([], 1, groups=Groups([7, 7], [-1, -1], [1.0, 1.0], [], [], [])), 0.0),
        ),
    ],
)
def test_tree_that_makes_no_sense_is_refused_by_name_and_index(message, make):
    with pytest.raises(InvalidColumnError, match=message):
        make()
