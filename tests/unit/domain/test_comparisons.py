"""Why one job started before another: each reason, and nothing of anybody else's jobs."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from broker.domain.comparisons import BLOCKED, Recorded, Story, compare

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
LATER = NOON + timedelta(minutes=5)
THEN = Recorded("no_free_slot", 2, 6.0, 1.0, 1)
MINE = Story("job_7", "ann", 1, 0, NOON, None, 0, THEN)
OTHER = Story(
    "job_9", "bob", 2, 0, NOON, LATER, 0, replace(THEN, allocated_slots=1, entitlement_slots=5.0)
)


@pytest.mark.parametrize(
    ("reason", "mine", "other"),
    [
        ("other_not_started", {}, {"started_at": None}),
        ("other_not_started", {"started_at": NOON}, {}),
        ("submitted_later", {"submitted_at": LATER + timedelta(seconds=1)}, {}),
        ("backing_off", {"lane": 2, "failures": 1}, {}),
        ("same_queue", {"lane": 2}, {}),
        ("own_turns", {"account": "bob"}, {}),
        ("record_gone", {"then": None}, {}),
        ("record_gone", {}, {"then": None}),
        ("was_blocked", {"then": replace(THEN, reason="budget_exhausted")}, {}),
        ("less_of_its_share", {}, {}),
    ],
)
def test_each_reason(reason: str, mine: dict[str, object], other: dict[str, object]) -> None:
    explained = compare(replace(MINE, **mine), replace(OTHER, **other))  # type: ignore[arg-type]
    assert explained.reason == reason
    assert explained.sentence.endswith(".")
    assert "None" not in explained.sentence


def test_the_share_of_both_is_told_as_it_was() -> None:
    explained = compare(MINE, OTHER)
    assert explained.sentence.startswith(
        "When job_9 started, account bob held 1 slot of 5 due to it, and account ann 2 of 6"
    )
    assert explained.numbers["own_allocated_slots"] == 2
    assert explained.numbers["other_entitlement_slots"] == 5


def test_priority_is_told_where_it_decided() -> None:
    first = compare(replace(MINE, lane=2), replace(OTHER, priority=5))
    assert "job_9 has the higher priority" in first.sentence
    assert "job_9 is older" in compare(replace(MINE, lane=2), OTHER).sentence


@pytest.mark.parametrize("reason", BLOCKED)
def test_what_blocked_the_job_then_is_told(reason: str) -> None:
    explained = compare(replace(MINE, then=replace(THEN, reason=reason)), OTHER)
    assert BLOCKED[reason] in explained.sentence
