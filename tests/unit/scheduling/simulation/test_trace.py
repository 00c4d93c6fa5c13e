"""Reading traces and quotas: what is taken, what is refused and why; and the tree and the fleet."""

import numpy as np
import pytest

from broker.scheduling import InvalidColumnError
from broker.scheduling.simulation import Fleet, Quotas, Trace, read_quotas, read_trace
from broker.scheduling.simulation.quotas import tree_of

HEADING = "job_id,user,group,gpus,submit_s,duration_s,state"


def read(*rows, slots=16):
    return read_trace([HEADING, *rows], Fleet(slots).fits)


def test_rows_are_put_in_order_of_submission():
    trace, bad = read("2,ann,lab,4,20,5.5,ok", "1,,lab,1,10,7,", "3,bob,,2,20,1,failed")
    assert bad == []
    assert trace.submit_seconds.tolist() == [10, 20, 20]
    assert trace.duration_seconds.tolist() == [7, 5.5, 1]
    assert trace.gpus.tolist() == [1, 4, 2]
    assert trace.accounts == (("lab", ""), ("lab", "ann"), ("", "bob"))


def test_columns_may_come_in_any_order_and_state_may_be_missing():
    rows = ["group,duration_s,user,job_id,submit_s,gpus", "lab,5,ann,1,10,2"]
    trace, bad = read_trace(rows, Fleet(8).fits)
    assert (trace.jobs, bad) == (1, [])


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("1,a,g,1,0", "has 5 fields, not 7"),
        ("1,a,g,1,0,1,ok,more", "has 8 fields, not 7"),
        (f"1,{'a' * 200_000},g,1,0,1,", "field larger than field limit (131072)"),
        (",a,g,1,0,1,", "job_id is empty"),
        ("good,a,g,1,0,1,", "job_id good occurs twice"),
        ("1,,,1,0,1,", "user and group are both empty"),
        ("1,a,g,one,0,1,", "gpus is 'one', not a whole number"),
        ("1,a,g,1.5,0,1,", "gpus is '1.5', not a whole number"),
        ("1,a,g,0,0,1,", "gpus is 0, not 1 to 1000000"),
        ("1,a,g,24,0,1,", "gpus is 24: no such job fits on the cluster"),
        ("1,a,g,1,soon,1,", "submit_s is 'soon', not a number of seconds"),
        ("1,a,g,1,-1,1,", "submit_s is -1, not 0 to 10000000000 seconds"),
        ("1,a,g,1,0,nan,", "duration_s is nan, not 0 to 10000000000 seconds"),
        ("1,a,g,1,0,inf,", "duration_s is inf, not 0 to 10000000000 seconds"),
        ("1,a,g,1,0,,", "duration_s is '', not a number of seconds"),
    ],
)
def test_a_bad_row_is_told_with_its_line_and_the_others_are_kept(row, why):
    trace, bad = read("good,a,g,1,0,1,", row, "", "later,a,g,1,0,1,")
    assert trace.jobs == 2
    assert [(each.line, each.why) for each in bad] == [(3, why)]


def test_a_heading_without_a_column_is_refused():
    with pytest.raises(InvalidColumnError, match="no column gpus"):
        read_trace(["job_id,user,group,submit_s,duration_s"], Fleet(8).fits)
    with pytest.raises(InvalidColumnError, match="no column job_id"):
        read_trace([], Fleet(8).fits)
    with pytest.raises(InvalidColumnError, match="the column gpus twice"):
        read_trace([HEADING + ",gpus"], Fleet(8).fits)


def test_a_stretch_of_days_keeps_its_own_accounts_only():
    trace, _ = read("1,a,g,1,0,1,", "2,b,g,1,10,1,", "3,c,g,1,20,1,")
    part = trace.between(5.0, 20.0)
    assert (part.accounts, part.account.tolist()) == ((("g", "b"),), [0])


def test_columns_are_checked():
    with pytest.raises(InvalidColumnError, match=r"submit_seconds\[1\] is earlier"):
        Trace([0, 0], [1, 1], [2.0, 1.0], [1.0, 1.0], (("g", ""),))
    with pytest.raises(InvalidColumnError, match="names an account twice"):
        Trace([0], [1], [2.0], [1.0], (("g", ""), ("g", "")))


def test_quotas_weigh_groups_and_accounts():
    quotas, bad = read_quotas(
        [
            *("group,user,quota", "g,,3", "h,,1", "g,ann,2", "x,y,z", "g,,1", ",,1"),
            *("i,,1,5", "i,,nan", "i,,-1", "i,,inf", "i", f"{'i' * 200_000},,1"),
        ]
    )
    assert quotas == Quotas({"g": 3.0, "h": 1.0}, {("g", "ann"): 2.0})
    assert [row.line for row in bad] == [*range(5, 14)]
    assert bad[3].why == "has 4 fields, not 3"  # not 1: somebody's comma is a decimal point


def test_published_quotas_of_philly_are_read_as_they_are():
    quotas, bad = read_quotas(["group,nodes,gpus", "6214e9,64,512", "7f04ca,32,256"])
    assert (quotas.groups, bad) == ({"6214e9": 512.0, "7f04ca": 256.0}, [])


def test_quotas_need_a_weight_column():
    for rows in (["group,user", "g,a"], ["quota", "1"], []):
        with pytest.raises(InvalidColumnError, match="needs group or user"):
            read_quotas(rows)
    with pytest.raises(InvalidColumnError, match="a column twice"):
        read_quotas(["group,quota,quota", "g,1,2"])


@pytest.mark.parametrize("weight", [-1.0, float("nan"), float("inf")])
def test_a_weight_is_finite_and_not_negative(weight):
    with pytest.raises(InvalidColumnError, match="finite number of at least 0"):
        Quotas({"g": weight})


def test_quotas_that_forget_a_group_are_refused():
    trace, _ = read("1,a,g,1,0,1,", "2,b,h,1,10,1,", "3,b,i,1,10,1,")
    with pytest.raises(InvalidColumnError, match="no quota for h, i"):
        tree_of(trace, Quotas({"g": 1.0}))


def test_accounts_without_a_group_stand_beside_the_groups():
    trace, _ = read("1,a,g,1,0,1,", "2,b,g,1,0,1,", "3,c,,1,0,1,")
    tree = tree_of(trace, Quotas({"g": 1.0}, {("g", "a"): 3.0}))
    assert tree.parent.tolist() == [-1, 0, 0, -1]
    assert tree.slices(16.0) == pytest.approx([6, 2, 8])


def test_the_last_host_takes_what_is_left():
    assert Fleet(20).free.tolist() == [8, 8, 4]


@pytest.mark.parametrize(
    ("gpus", "shape"), [(1, (1, 1)), (8, (1, 8)), (12, (2, 6)), (24, (3, 8)), (13, (13, 1))]
)
def test_gangs_lie_evenly_on_as_few_hosts_as_can_be(gpus, shape):
    assert Fleet(512).shape(gpus) == shape


def test_a_fleet_says_what_it_could_ever_run():
    assert [gpus for gpus in range(1, 25) if not Fleet(20).fits(gpus)] == [
        15,
        18,
        20,
        21,
        22,
        23,
        24,
    ]
    with pytest.raises(InvalidColumnError, match="slots is 0"):
        Fleet(0)


def test_every_gpu_of_a_shape_is_counted():
    fleet = Fleet(1024)
    for gpus in np.arange(1, 200):
        hosts, slots = fleet.shape(int(gpus))
        assert hosts * slots == gpus
        assert slots <= 8
