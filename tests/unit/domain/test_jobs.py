"""A job's life: the table, and what an attempt means for its job."""

import re
from pathlib import Path

import pytest

from broker.domain.jobs import (
    COUNTS_AS_FAILURE,
    DEBITED,
    EVENT_OF_OUTCOME,
    TRANSITIONS,
    USED,
    JobEvent,
    after_attempt,
    backoff_seconds,
    transition,
)
from broker.errors import Conflict
from broker.protocol.states import ACTIVE_STATES, TERMINAL_STATES, JobState, Outcome

SCHEMA = Path(__file__).parents[3] / "schema.sql"


@pytest.mark.parametrize("state", TERMINAL_STATES)
@pytest.mark.parametrize("event", JobEvent)
def test_terminal_is_final(state: JobState, event: JobEvent) -> None:
    with pytest.raises(Conflict, match=state):
        transition(state, event)


def test_every_state_can_be_reached_from_queued() -> None:
    reached, before = {JobState.QUEUED}, set[JobState]()
    while reached != before:
        before = set(reached)
        reached |= {target for (state, _), target in TRANSITIONS.items() if state in reached}
    assert reached == set(JobState)


@pytest.mark.parametrize("state", ACTIVE_STATES)
@pytest.mark.parametrize("outcome", Outcome)
def test_every_outcome_ends_an_active_job(state: JobState, outcome: Outcome) -> None:
    assert transition(state, EVENT_OF_OUTCOME[outcome]) not in ACTIVE_STATES


def test_the_database_allows_the_same_changes() -> None:
    body = SCHEMA.read_text().split("CREATE TRIGGER job_transition_allowed")[1].split("EXECUTE")[0]
    allowed = set(re.findall(r"\('(\w+)', '(\w+)'\)", body))
    assert allowed == {(str(state), str(target)) for (state, _), target in TRANSITIONS.items()}


def event_after(outcome: Outcome, *, failures: int = 0, cancel: bool = False) -> JobEvent:
    return after_attempt(outcome, failures=failures, attempts_max=3, cancel_requested=cancel)


@pytest.mark.parametrize("outcome", sorted(DEBITED))
@pytest.mark.parametrize("cancel", [False, True])
def test_what_the_job_did_itself_is_final(outcome: Outcome, cancel: bool) -> None:
    assert event_after(outcome, failures=99, cancel=cancel) is EVENT_OF_OUTCOME[outcome]


def test_slots_count_as_usage_unless_a_host_wasted_them() -> None:
    assert set(Outcome) - USED == {Outcome.LOST, Outcome.HOST_ERROR}
    assert DEBITED < USED


@pytest.mark.parametrize("outcome", sorted(set(Outcome) - DEBITED))
def test_what_the_host_lost_is_repeated_and_not_charged(outcome: Outcome) -> None:
    assert event_after(outcome) is JobEvent.REQUEUE


@pytest.mark.parametrize("outcome", sorted(set(Outcome) - DEBITED))
def test_a_lost_attempt_of_a_cancelled_job_is_not_repeated(outcome: Outcome) -> None:
    assert event_after(outcome, failures=99, cancel=True) is JobEvent.CANCEL


@pytest.mark.parametrize("outcome", sorted(COUNTS_AS_FAILURE))
def test_the_last_failure_puts_a_job_in_quarantine(outcome: Outcome) -> None:
    assert event_after(outcome, failures=1) is JobEvent.REQUEUE
    assert event_after(outcome, failures=2) is JobEvent.QUARANTINE


def test_a_preempted_attempt_says_nothing_about_the_job() -> None:
    assert event_after(Outcome.PREEMPTED, failures=99) is JobEvent.REQUEUE


def test_back_off_doubles_up_to_five_minutes() -> None:
    assert [backoff_seconds(n) for n in (0, 1, 2, 3, 20)] == [0, 2, 4, 8, 300]
