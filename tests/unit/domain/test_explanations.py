"""Reasons and sentences of jobs that wait: each code, their order, and numbers that agree."""

from dataclasses import replace
from typing import Any

import pytest

from broker.domain.explanations import (
    PLAN_SECONDS_MAX,
    AccountStanding,
    LaneStanding,
    Waiting,
    explain_waiting,
)
from broker.protocol.resources import HostFacts, Resources

HOST = HostFacts(name="h", cpus=8, memory_mib=32_000, slots=4)
LANE = LaneStanding("share_reached", 40, 6, "CPU slots, pool default", 300.0)
ANN = AccountStanding(1.0, 12_300.0, 0.7, 6.2, 6, 40, 2)
SERVED = Waiting(
    account="ann",
    account_active=True,
    pool="default",
    needs=Resources(),
    hosts=[(HOST, True)],
    plan_age_seconds=0.3,
    lane=LANE,
    standing=ANN,
    jobs_ahead=0,
    capacity_slots=20,
    free_slots=0,
)

# Each hindrance outranks those below it, so each case keeps the faults of those after it.
HINDRANCES: list[tuple[str, dict[str, Any]]] = [
    ("no_free_slot", {"lane": replace(LANE, reason="no_free_slot")}),
    ("not_yet_planned", {"lane": None}),
    ("scheduler_silent", {"plan_age_seconds": PLAN_SECONDS_MAX + 60}),
    ("queue_unavailable", {"queue_away": True}),
    ("hosts_silent", {"hosts": [(HOST, False)]}),
    ("no_suitable_host", {"needs": Resources(cpus=64)}),
    ("no_hosts", {"hosts": []}),
    ("backing_off", {"backoff_seconds": 1.9, "failures": 1}),
    ("account_suspended", {"account_active": False}),
]


def test_what_hinders_most_is_told_first() -> None:
    job = SERVED
    for reason, fault in HINDRANCES:
        job = replace(job, **fault)
        assert explain_waiting(job).reason == reason


@pytest.mark.parametrize(("reason", "fault"), HINDRANCES)
def test_each_hindrance_stands_alone(reason: str, fault: dict[str, Any]) -> None:
    explained = explain_waiting(replace(SERVED, **fault))
    assert explained.reason == reason
    assert explained.sentence.endswith(".")
    assert "None" not in explained.sentence


def test_a_job_that_was_handed_back_says_so_and_that_it_was_not_debited() -> None:
    explained = explain_waiting(replace(SERVED, handed_back=2))
    assert explained.sentence.startswith(explain_waiting(SERVED).sentence)
    assert explained.sentence.endswith(
        " Twice its host handed it back, for accounts below their share or because the host was "
        "leaving; it is not debited for that."
    )
    assert explained.numbers["handed_back"] == 2


def test_hosts_that_are_held_are_told_with_the_latest_moment() -> None:
    held = replace(LANE, reason="no_free_slot", held_class="H100, pool a", starts_in_seconds=90)
    explained = explain_waiting(replace(SERVED, lane=held))
    assert "Hosts are held for the next job of its queue (H100, pool a)" in explained.sentence
    assert "starts within 90 s" in explained.sentence
    assert explained.numbers["starts_within_seconds"] == 90


def test_share_reached_tells_holding_share_quota_and_history() -> None:
    assert explain_waiting(SERVED).sentence == (
        "Account ann holds 6 slots, and 6.2 of 20 are its share now (quota 1, lowered to 0.7 "
        "because it used more than its share lately: 12,300 GPU-seconds); its next job starts "
        "when one of its own ends, or when others leave slots idle."
    )


def test_whole_fleet_in_ones_own_hands_is_told() -> None:
    sentence = explain_waiting(replace(SERVED, capacity_slots=6)).sentence
    assert sentence == (
        "Account ann holds all 6 slots of the fleet; its next job starts when one of its own ends."
    )


@pytest.mark.parametrize(
    ("rank", "words"),
    [
        (1, "it is the first in line for the next slot"),
        (2, "others come before it: 1 account"),
        (5, "others come before it: 4 accounts"),
    ],
)
def test_no_free_slot_tells_the_place_in_line(rank: int, words: str) -> None:
    lane = replace(LANE, reason="no_free_slot")
    standing = replace(ANN, rank=rank, weight_adjusted=1.0, allocated_slots=2)
    explained = explain_waiting(replace(SERVED, lane=lane, standing=standing))
    assert words in explained.sentence
    assert "holds 2 of the 6.2 slots" in explained.sentence
    assert "(quota 1)" in explained.sentence


def test_no_quota_says_who_can_change_it() -> None:
    lane = replace(LANE, reason="no_quota")
    standing = replace(ANN, weight=0.0, weight_adjusted=0.0)
    explained = explain_waiting(replace(SERVED, lane=lane, standing=standing))
    assert explained.reason == "no_quota"
    assert "An admin can give it a quota." in explained.sentence


def test_maximum_is_told_with_what_must_end() -> None:
    lane = replace(LANE, reason="maximum_reached")
    explained = explain_waiting(replace(SERVED, lane=lane))
    assert explained.reason == "maximum_reached"
    assert "holds 6 slots, and one more job would exceed the maximum" in explained.sentence


def test_a_job_that_is_larger_than_the_maximum_is_told_so() -> None:
    lane = replace(LANE, reason="maximum_reached", job_slots=8.0)
    assert SERVED.standing is not None
    nothing = replace(SERVED.standing, allocated_slots=0.0)
    sentence = explain_waiting(replace(SERVED, lane=lane, standing=nothing)).sentence
    assert "holds nothing, and this job, which takes 8 slots, would exceed the maximum" in sentence
    assert "larger than the maximum itself never does" in sentence


def test_fragments_are_told_with_what_one_host_must_have() -> None:
    lane = replace(LANE, reason="no_host_with_enough")
    needs = Resources(cpus=8, memory_mib=16_000)
    explained = explain_waiting(replace(SERVED, lane=lane, needs=needs))
    assert "a CPU slot, 8 CPU cores and 16,000 MiB of memory free at once" in explained.sentence


def test_own_jobs_ahead_come_with_a_rough_time() -> None:
    explained = explain_waiting(replace(SERVED, jobs_ahead=35))
    assert explained.sentence.endswith(
        " Before this one come 35 jobs of the same account "
        "(6 at a time, about 5 min each: roughly 30 min)."
    )
    assert explained.numbers["position"] == 36
    assert explained.numbers["wait_seconds_estimate"] == 1_800


@pytest.mark.parametrize("lane", [replace(LANE, job_seconds=None), replace(LANE, running_jobs=0)])
def test_no_time_is_told_where_none_is_known(lane: LaneStanding) -> None:
    explained = explain_waiting(replace(SERVED, jobs_ahead=35, lane=lane))
    assert explained.sentence.endswith("Before this one come 35 jobs of the same account.")
    assert explained.numbers["wait_seconds_estimate"] is None


@pytest.mark.parametrize(
    "stale", ["granted_all", "empty", "no_suitable_class", "of_a_later_broker"]
)
def test_plan_that_knows_no_hindrance_leaves_the_place_in_the_queue(stale: str) -> None:
    lane = replace(LANE, reason=stale)
    behind = explain_waiting(replace(SERVED, lane=lane, jobs_ahead=3))
    assert behind.reason == "jobs_ahead"
    assert "before it come 3 jobs of account ann" in behind.sentence
    assert explain_waiting(replace(SERVED, lane=lane)).reason == "not_yet_planned"
    assert explain_waiting(replace(SERVED, lane=lane, jobs_ahead=None)).reason == "not_yet_planned"


def test_numbers_have_the_same_names_whatever_is_known() -> None:
    bare = Waiting("ann", True, "default", Resources())
    names = set(explain_waiting(SERVED).numbers)
    assert set(explain_waiting(bare).numbers) == names
    assert {
        "position",
        "jobs_ahead_own",
        "account_rank",
        "quota",
        "usage_gpu_seconds",
        "weight_adjusted",
        "entitlement_slots",
        "allocated_slots",
        "capacity_slots",
        "free_slots",
    } <= names
