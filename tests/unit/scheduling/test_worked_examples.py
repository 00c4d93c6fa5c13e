"""Published numbers of other systems that speak of what `divide`, `plan` and usage do.

The baselines' own formulas are checked in `simulation/test_policies.py`. What is checked nowhere
stands in docs/fairshare.md with the reason; the last test holds that list complete.
"""

import math
import re
from pathlib import Path

import numpy as np
import pytest

from broker.domain.averages import recent_average
from broker.scheduling import Reclaim, divide, plan, reclaims
from broker.scheduling.simulation.held import HeldAverage
from tests.oracles.busy import everywhere, once_gone, shared, with_grants
from tests.oracles.examples import EXAMPLES, of_kind
from tests.oracles.fleets import WEEK_SECONDS, fleet

ROOT = Path(__file__).parents[3]
UNLIMITED = 1e12


@of_kind("weighted_max_min")
def test_shares_with_minimum_and_maximum(case):
    given = case["input"]
    share = divide(
        given["capacity"],
        given["weights"],
        given["demands"],
        minimum=given["min"],
        maximum=given["max"],
    )
    assert share == pytest.approx(case["expected"])


@of_kind("hierarchical_weighted")
def test_shares_down_a_tree(case):
    names, weights, demands, parent = flatten(case["input"]["tree"])
    share = divide(case["input"]["capacity"], weights, demands, parent=parent)
    assert dict(zip(names, share, strict=True)) == pytest.approx(
        case["expected"] | {"research": 8.0}
    )


@of_kind("hier_quota")
def test_nested_quotas(case):
    names, weights, demands, parent = flatten(case["input"]["tree"])
    share = divide(case["input"]["pool"], weights, demands, parent=parent)
    assert dict(zip(names, share, strict=True)) == pytest.approx(case["expected"], abs=1e-3)


@of_kind("hier_quota_surplus")
def test_surplus_stays_under_the_cap_of_the_group(case):
    wanted = case["input"]["demand"]
    demands = [0, wanted["hep"], wanted["lep"], wanted["chemistry"]]
    share = divide(
        case["input"]["pool"],
        [2, 3, 1, 1],
        demands,
        maximum=[20, np.inf, np.inf, 10],
        parent=[-1, 0, 0, -1],
    )
    assert share[1:] == pytest.approx(list(case["expected"].values()))


@of_kind("quota_scale_down")
def test_minima_beyond_the_pool_shrink_by_one_factor(case):
    quotas = list(case["input"]["static"].values())
    share = divide(case["input"]["pool"], [1, 1], [UNLIMITED] * 2, minimum=quotas)
    assert share == pytest.approx(list(case["expected"].values()))


@of_kind("inverse_priority_share")
def test_shares_by_inverse_priority(case):
    weights = [1 / priority for priority in case["input"]["eup"]]
    share = divide(case["input"]["slots"], weights, [UNLIMITED] * 3)
    assert share == pytest.approx(case["expected"])


@of_kind("hypothetical_new_share")
def test_share_of_a_newcomer_with_endless_demand(case):
    given = case["input"]
    share = divide(
        given["capacity"],
        [*given["weights"], given["new_weight"]],
        [*given["demands"], np.inf],
    )
    assert share[-1] / given["capacity"] == pytest.approx(case["expected"])


@of_kind("armada_uncapped_share", without=["armada-uncapped-5"])
def test_share_were_ones_own_demand_endless(case):
    given = case["input"]
    for own, expected in enumerate(case["expected"]):
        demands = [np.inf if n == own else demand for n, demand in enumerate(given["demands"])]
        share = divide(given["capacity"], given["weights"], demands)
        assert share[own] / given["capacity"] == pytest.approx(expected)


@of_kind(
    "gpu_division_deserved_plus_overquota",
    without=["kai-largest-remainder", "kai-prio-deserved", "kai-prio-beats-weight", "kai-last-gpu"],
)
def test_what_is_left_beyond_the_deserved_part_is_divided_by_weight(case):
    given = case["input"]
    request, limits = np.array(given["request"], float), given["max_allowed"]
    if limits:
        request = np.minimum(request, [np.inf if most is None else most for most in limits])
    deserved = np.minimum(given["deserved"], request)
    left = given["total"] - float(deserved.sum())
    share = deserved + divide(left, given["over_quota_weight"], request - deserved)
    assert share == pytest.approx(case["expected"]["share"], abs=1e-9)
    assert given["total"] - float(share.sum()) == pytest.approx(case["expected"]["remaining"])


@of_kind("integer_progressive_fill")
def test_integer_fills(case):
    given = case["input"]
    running = given["already"] or [0] * len(given["weights"])
    lanes = [
        {"pending": wanted, "running": held}
        for wanted, held in zip(given["demands"], running, strict=True)
    ]
    snapshot = fleet(
        given["weights"], lanes, [{"slots_free": given["slots"]}], history_strength=0.0
    )
    assert plan(snapshot, 0.0).lane_granted.tolist() == case["expected"]


@of_kind("history_adjusted_weight")
def test_entitlements_bent_by_usage(case):
    """Their U is the part of all capacity-time that was used, W the part of all weights."""
    given = case["input"]
    window = given["capacity"] * WEEK_SECONDS / math.log(2)
    snapshot = fleet(
        given["weights"],
        [{"pending": 999}] * 2,
        [{"slots_free": given["capacity"]}],
        usage_gpu_seconds=np.array(given["usage"]) * window,
        entitled_gpu_seconds=np.array(given["weights"]) / sum(given["weights"]) * window,
        history_strength=given["k"],
    )
    assert plan(snapshot, 0.0).entitlement_slots == pytest.approx(case["expected"])


@of_kind("ewma")
def test_averages_of_steady_use(case):
    given = case["input"]
    average = HeldAverage(1, given["half_life_s"], 0.0)
    for sample in range(1, given["samples"] + 1):
        average.advance(np.array([given["usage"]]), float(sample * given["sample_s"]))
    assert average.slots[0] == pytest.approx(case["expected"], abs=1e-3)


@of_kind("boinc_average")
def test_recent_average_credit(case):
    given = case["input"]
    average = recent_average(given["avg"], given["dt_s"], given["work"], given["half_life_s"])
    assert average == pytest.approx(case["expected"], rel=1e-6)


@of_kind("rounds_with_reclaim")
def test_rounds_in_which_slots_are_taken_back(case):
    """Everybody's jobs take one slot; who comes later waits for what is taken from the others."""
    given = case["input"]
    names = list(given.get("nominal", "ABC"))
    held, waits = dict.fromkeys(names, 0), dict.fromkeys(names, 0)
    for number, arrivals in enumerate(given["arrivals"]):
        for name, jobs in arrivals.items():
            waits[name] += jobs
        busy = shared(
            [1] * len(names),
            [[1] * held[name] for name in names],
            [(a, 1, waits[name]) for a, name in enumerate(names)],
            [given["slots"]],
        )
        start = with_grants(busy, plan(busy, 0.0))
        rows = reclaims(start, plan(start, 1.0), everywhere(start), 1.0)
        holds = plan(once_gone(start, rows), 2.0).allocated_slots.tolist()
        taken = dict(zip(names, by_account(start, rows), strict=True))
        for name, now in zip(names, holds, strict=True):
            waits[name] += held[name] - now
            held[name] = now
        expected = case["expected"]
        assert {n: jobs for n, jobs in held.items() if jobs} == expected["running"][number]
        if "preempted" in expected:
            assert {n: len(t) for n, t in taken.items() if t} == expected["preempted"][number]


@of_kind("reclaim_when_improving", "no_reclaim_when_not_improving")
def test_gang_takes_slots_back_only_where_shares_get_fairer(case):
    given = case["input"]
    busy = shared(
        given["weights"],
        [[1] * given["running"]["A"], []],
        [(1, 1, 1)],
        [8] * (given["slots"] // 8),
        members=32,
    )
    assert given["arrive"] == {"B": "1 gang of 32"}
    rows = reclaims(busy, plan(busy, 0.0), everywhere(busy), 0.0)
    assert len(rows) == case["expected"]["preempted"].get("A", 0)
    if "running" in case["expected"]:
        made = plan(once_gone(busy, rows), 1.0)
        assert made.allocated_slots.tolist() == list(case["expected"]["running"].values())


@of_kind("protected_fraction")
def test_who_is_at_the_share_that_protected_slots_leave_loses_nothing(case):
    given = case["input"]
    names = list(given["running"])
    busy = shared(
        given["weights"],
        [[1] * jobs for jobs in given["running"].values()],
        [(names.index(name), 1, jobs) for name, jobs in given["arrive"].items()],
        [given["slots"] // 2] * 2,
    )
    assert (given["nonpreemptible"], given["running"]["A"]) == (["A"], given["slots"] // 2)
    rules = Reclaim(np.array([-1, 0]), np.zeros(1), np.array([99]))
    rows = reclaims(busy, plan(busy, 0.0), rules, 0.0)
    assert by_account(busy, rows) == [[]] * len(names)
    assert case["expected"]["preempted"] == {}
    assert by_account(busy, reclaims(busy, plan(busy, 0.0), everywhere(busy), 0.0))[0] == [1]


@of_kind("preempt_decision", without=["kueue-preempt-from-both"])
def test_jobs_that_make_room_for_one(case):
    given = case["input"]
    name, size = given["incoming"]
    busy = shared(
        [given["nominal"]] * 3,
        [given["admitted"].get(account, []) for account in "abc"],
        [("abc".index(name), size, 1)],
        [given["total"]],
    )
    start = with_grants(busy, plan(busy, 0.0))
    rows = reclaims(start, plan(start, 1.0), everywhere(start), 1.0)
    taken = {n: t for n, t in zip("abc", by_account(start, rows), strict=True) if t}
    assert taken == case["expected"]


@of_kind("reclaim_floor")
def test_slots_are_taken_down_to_the_guarantee(case):
    """Their story: 100 slots, of which 20 and 80 are deserved; the second queue wants all."""
    held, guarantee = case["input"]["q1_running"], case["input"]["q1_guarantee"]
    busy = shared([20, 80], [[1] * held, []], [(1, 1, 100)], [100], minimum=[guarantee, 10])
    start = with_grants(busy, plan(busy, 0.0))
    rows = reclaims(start, plan(start, 1.0), everywhere(start), 1.0)
    assert len(rows) == case["expected"]["reclaimable"]


def by_account(snapshot, rows):
    """Slots of the jobs of these rows of `running`, by account."""
    lanes, lane = snapshot.lanes, snapshot.running.lane[rows]
    accounts = range(snapshot.accounts.id.size)
    return [lanes.slots[lane[lanes.account[lane] == a]].tolist() for a in accounts]


def flatten(tree):
    """Names, weights, demands and parents of an example two levels deep."""
    rows = []
    for name, value in tree.items():
        weight, below = value if isinstance(value, list) else (value, UNLIMITED)
        group = len(rows)
        rows.append((name, weight, 0 if isinstance(below, dict) else below, -1))
        if isinstance(below, dict):
            for member, inner in below.items():
                rows.append(
                    (member, *(inner if isinstance(inner, list) else (inner, UNLIMITED)), group)
                )
    return tuple(map(list, zip(*rows, strict=True)))


def test_every_example_is_checked_or_listed_with_the_reason_why_not():
    page = (ROOT / "docs" / "fairshare.md").read_text(encoding="utf-8")
    section = page.split("## Worked examples")[1].split("\n## ")[0]
    listed = set(re.findall(r"`([a-z0-9-]+)`", section))
    checked = set()
    for file in (ROOT / "tests").rglob("test_*.py"):
        for kinds, without in re.findall(
            r"@of_kind\(\s*((?:\"\w+\",?\s*)+)(?:without=\[([^\]]*)\],?\s*)?\)", file.read_text()
        ):
            left_out = set(re.findall(r'"([^"]+)"', without))
            named = set(re.findall(r'"([^"]+)"', kinds))
            checked |= {c["id"] for c in EXAMPLES if c["kind"] in named} - left_out
    everything = {case["id"] for case in EXAMPLES}
    assert checked <= everything
    assert listed & everything == everything - checked
