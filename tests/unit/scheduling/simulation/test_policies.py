"""The baselines' own rules, against the numbers that their makers publish."""

import math

import numpy as np
import pytest

from broker.scheduling import InvalidColumnError
from broker.scheduling.simulation import POLICIES, Fleet, Quotas, Trace, simulate
from broker.scheduling.simulation.clock import replay
from broker.scheduling.simulation.held import HeldAverage
from broker.scheduling.simulation.policies.boinc import logical_end
from broker.scheduling.simulation.policies.htcondor import (
    PRIORITY_MIN,
    Group,
    allocate,
    assign_quotas,
    real_priority,
    slices,
)
from broker.scheduling.simulation.policies.slurm import Association, measure, rank
from broker.scheduling.simulation.scene import Scene
from tests.oracles.examples import of_kind


def association(name, node):
    """(shares, usage or children) of the published trees; accounts have children."""
    share, below = node
    share = None if share == "parent" else float(share)
    if not isinstance(below, dict):
        return Association(name, share, float(below), is_user=True)
    return Association(name, share, children=[association(*item) for item in below.items()])


def everyone(node):
    yield node
    for child in node.children:
        yield from everyone(child)


@of_kind("slurm_fair_tree")
def test_published_fair_tree(case):
    root = association("root", (1, case["input"]["tree"]))
    assert rank(root) == pytest.approx(case["expected"]["fairshare"], abs=1e-6)
    level = {node.name: node.level_fairshare for node in everyone(root)}
    for name, expected in case["expected"]["level_fs"].items():
        assert level[name] == pytest.approx(expected, abs=1e-6), name


@of_kind("slurm_level_fs")
def test_published_level_fairshare(case):
    """The page shows usage in whole units, so its quotients hold to some 2e-5."""
    shares, usage = case["input"]["shares"], case["input"]["usage"]
    usage = usage + [0] * (len(shares) - len(usage))
    rows = zip(range(len(shares)), shares, usage, strict=True)
    users = [Association(str(n), float(s), float(u), is_user=True) for n, s, u in rows]
    root = Association("root", 1.0, children=users)
    total = measure(root)
    expected = case["expected"]
    measured = [user.level_fairshare for user in users[: len(expected["level_fs"])]]
    assert measured == pytest.approx(expected["level_fs"], abs=2e-5)
    assert [u.usage / total for u in users[:3]] == pytest.approx(expected["eff"], abs=2e-5)


@of_kind("rup")
def test_published_decay_of_real_user_priority(case):
    given = case["input"]
    for days, expected in zip(given["days"], case["expected"], strict=True):
        seconds = days * 86_400.0
        priority = real_priority(given["rup0"], given["cores"], seconds, given["half_life_s"])
        assert priority == pytest.approx(expected)


def test_real_user_priority_never_falls_below_its_floor():
    assert real_priority(1.0, 0.0, 1e9, 86_400.0) == PRIORITY_MIN


@of_kind("inverse_priority_share")
def test_published_slices_by_effective_user_priority(case):
    assert slices(case["input"]["slots"], case["input"]["eup"]) == pytest.approx(case["expected"])


@of_kind("quota_scale_down")
def test_published_static_quotas_in_a_smaller_pool(case):
    groups = [Group(name, slots, static=True) for name, slots in case["input"]["static"].items()]
    assign_quotas(Group("<none>", 1.0, children=groups), case["input"]["pool"])
    assert {group.name: group.quota for group in groups} == pytest.approx(case["expected"])


def dynamic(name, node):
    fraction, children = node if isinstance(node, list) else (node, {})
    return Group(name, fraction, children=[dynamic(*item) for item in children.items()])


@of_kind("hier_quota")
def test_published_nested_dynamic_quotas(case):
    root = dynamic("<none>", [1.0, case["input"]["tree"]])
    assign_quotas(root, case["input"]["pool"])
    quotas = {group.name: group.subtree_quota for group in everyone(root)}
    for name, expected in case["expected"].items():
        assert quotas[name] == pytest.approx(expected, abs=1e-3), name


@of_kind("hier_quota_surplus")
def test_published_surplus_stays_below_a_group_that_accepts_none(case):
    leaves = [Group("hep", 15, static=True), Group("lep", 5, static=True)]
    physics = Group("physics", 20, static=True, accepts_surplus=False, children=leaves)
    chemistry = Group("chemistry", 10, static=True, accepts_surplus=False)
    root = Group("<none>", 1.0, children=[physics, chemistry])
    groups = [*leaves, chemistry]
    assign_quotas(root, case["input"]["pool"])
    for group in groups:
        group.requested = case["input"]["demand"][group.name]
    allocate(root)
    assert {group.name: group.allocated for group in groups} == pytest.approx(case["expected"])


def test_surplus_goes_by_quota_and_then_to_those_without():
    groups = [Group("a", 0.6), Group("b", 0.3), Group("c", 0.1), Group("d", 0.0)]
    root = Group("<none>", 1.0, children=groups)
    assign_quotas(root, 100.0)
    for group, requested in zip(groups, (10, 90, 12, 90), strict=True):
        group.requested = requested
    left = allocate(root)
    assert [g.allocated for g in groups] == pytest.approx([10, 78, 12, 0])
    for group, requested in zip(groups, (10, 20, 12, 90), strict=True):
        group.requested = requested
    left += allocate(root)
    assert [g.allocated for g in groups] == pytest.approx([10, 20, 12, 58])
    assert left == pytest.approx(0)


@of_kind("linear_bounded")
def test_published_logical_times(case):
    given = case["input"]
    runtime = given["batch_flops"] / given["project_flops"]
    for name, user in given["users"].items():
        share = user["quota"] / given["total_quota"]
        end = logical_end(user["lst"], given["now"], runtime, share)
        assert end == pytest.approx(case["expected"][name])


def test_held_average_halves_in_a_half_life_and_composes():
    average = HeldAverage(2, 100.0, 0.0)
    average.advance(np.array([8, 0]), 100.0)
    assert average.slots.tolist() == pytest.approx([4.0, 0.0])
    whole = HeldAverage(1, 50.0, 0.0)
    parts = HeldAverage(1, 50.0, 0.0)
    whole.advance(np.array([3]), 70.0)
    for now in (1.0, 30.0, 30.0, 70.0):
        parts.advance(np.array([3]), now)
    assert parts.slots == pytest.approx(whole.slots)


def two_groups(jobs=400, gpus=1, seconds=100.0, apart=10.0):
    """Two groups that take turns to submit, 200 times, so many seconds apart."""
    account = np.arange(jobs, dtype=np.int32) % 2
    return Trace(
        account,
        np.full(jobs, gpus, np.int32),
        np.sort(np.arange(jobs) % 200).astype(float) * apart,
        np.full(jobs, seconds),
        (("a", ""), ("b", "")),
    )


@pytest.mark.parametrize("policy", [name for name in POLICIES if name != "fifo"])
def test_every_policy_but_the_first_follows_quotas(policy):
    quotas = Quotas({"a": 3.0, "b": 1.0})
    trace = two_groups(jobs=4000, seconds=500.0, apart=100.0)
    report = simulate(trace, 8, policy, 86_400.0, quotas)
    a, b = report.course.held.mean(axis=0)
    assert a / (a + b) == pytest.approx(0.75, abs=0.03)
    assert report.metrics.utilisation > 0.98


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("gpus", [1, 4, 16])
def test_every_job_runs_once_and_for_its_time(policy, gpus):
    report = simulate(two_groups(gpus=gpus), 32, policy, 86_400.0)
    assert report.jobs == 400
    assert math.isfinite(report.metrics.rho_max)
    assert report.metrics.preempted_gpu_hours == 0


def test_first_come_first_served_knows_no_quotas():
    report = simulate(two_groups(), 4, "fifo", 86_400.0, Quotas({"a": 9.0, "b": 1.0}))
    a, b = report.course.held.mean(axis=0)
    assert a / (a + b) == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("policy", POLICIES)
def test_cycles_every_so_often_delay_starts_by_less_than_that(policy):
    at_once = simulate(two_groups(), 400, policy, 86_400.0)
    later = simulate(two_groups(), 400, policy, 86_400.0, every_seconds=7.0)
    assert at_once.metrics.wait_p95_hours == 0
    assert 0 < later.metrics.wait_p50_hours * 3600 <= later.metrics.wait_p95_hours * 3600 < 7.0
    assert later.cycles <= 2000 / 7 + 1


@pytest.mark.parametrize("policy", POLICIES)
def test_who_has_no_quota_is_served_when_nobody_else_wants_anything(policy):
    report = simulate(two_groups(), 8, policy, 86_400.0, Quotas({"a": 1.0, "b": 0.0}))
    assert report.jobs == 400
    assert math.isfinite(report.metrics.wait_p95_hours)


def test_an_unknown_policy_is_named():
    with pytest.raises(InvalidColumnError, match="policy is 'lottery'"):
        simulate(two_groups(), 4, "lottery", 86_400.0)


@pytest.mark.parametrize("half_life", [0.0, -1.0, math.nan, math.inf])
def test_a_half_life_must_be_finite_and_above_0(half_life):
    with pytest.raises(InvalidColumnError, match="half_life_seconds"):
        simulate(two_groups(), 4, "fairlead", half_life)


def test_seconds_between_cycles_are_checked():
    with pytest.raises(InvalidColumnError, match="every_seconds"):
        simulate(two_groups(), 4, "fifo", 86_400.0, every_seconds=-1.0)


def test_a_job_wider_than_the_cluster_is_refused():
    with pytest.raises(InvalidColumnError, match=r"gpus\[0\] does not fit on 8 slots"):
        simulate(two_groups(gpus=9), 8, "fifo", 86_400.0)


def first_starts(trace, slots, quotas=None):
    """When each job starts under Fairlead, seconds."""
    scene = Scene.of(trace, Fleet(slots), 86_400.0, quotas or Quotas())
    state = scene.state()
    ran = replay(scene, state, POLICIES["fairlead"](scene, state))
    start = np.empty(trace.jobs)
    start[ran.job] = ran.start_seconds
    return start


def served_at_once(other_comes, both_at):
    """Jobs of a and of b that start at a moment when 8 slots get free; a held them all before."""
    account = [0] * 8 + [0, 1] * 40
    submit = [0.0] * 8 + [other_comes] * 80
    duration = [90_000.0] * 8 + [1000.0] * 80
    trace = Trace(account, [1] * 88, submit, duration, (("a", ""), ("b", "")))
    at_once = first_starts(trace, 8)[8:] == both_at
    return at_once[0::2].sum(), at_once[1::2].sum()


def test_fairlead_makes_up_for_what_was_due_and_not_given():
    """b waited all the time while a held what was due to b."""
    a, b = served_at_once(other_comes=10.0, both_at=90_000.0)
    assert (a, b) == (1, 7)


def test_fairlead_makes_no_debt_of_slots_that_nobody_else_wanted():
    a, b = served_at_once(other_comes=200_000.0, both_at=200_000.0)
    assert (a, b) == (4, 4)


def test_fairlead_holds_hosts_for_a_gang_that_is_passed_over():
    """Single jobs keep coming and would take every slot; the gang of 8 starts nevertheless."""
    jobs = 4000
    submit = [0.0] * 8 + [1.0] + [2.0 + 50.0 * n for n in range(jobs)]
    duration = [100.0 * (1 + n) for n in range(8)] + [500.0] + [500.0] * jobs
    trace = Trace(
        [1] * 8 + [0] + [1] * jobs,
        [1] * 8 + [8] + [1] * jobs,
        submit,
        duration,
        (("a", ""), ("b", "")),
    )
    assert first_starts(trace, 8)[8] < 20_000.0
