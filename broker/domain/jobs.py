"""A job's life, as one table.

    queued -> leased -> running -> succeeded | failed | cancelled
       ^        |          |
       +--------+----------+   a lost, preempted or broken attempt; after too many: quarantined

Terminal states are final. schema.sql refuses every change that is not in TRANSITIONS, and
docs/life-cycle.md draws it from here.
"""

from enum import StrEnum
from typing import Final

from broker.errors import Conflict
from broker.protocol.states import JobState, Outcome


class JobEvent(StrEnum):
    """What can happen to a job."""

    LEASE = "lease"  # a host takes it
    START = "start"  # its command runs
    SUCCEED = "succeed"
    FAIL = "fail"  # by its own doing: exit code, own limits, outputs
    CANCEL = "cancel"
    REQUEUE = "requeue"  # the attempt was lost, preempted or broken by the host
    QUARANTINE = "quarantine"  # likewise, once too often


S, E = JobState, JobEvent

TRANSITIONS: Final[dict[tuple[JobState, JobEvent], JobState]] = {
    (S.QUEUED, E.LEASE): S.LEASED,
    (S.QUEUED, E.CANCEL): S.CANCELLED,
    (S.LEASED, E.START): S.RUNNING,
    # An attempt shorter than the heartbeat ends without having been seen running.
    (S.LEASED, E.SUCCEED): S.SUCCEEDED,
    (S.LEASED, E.FAIL): S.FAILED,
    (S.LEASED, E.CANCEL): S.CANCELLED,
    (S.LEASED, E.REQUEUE): S.QUEUED,
    (S.LEASED, E.QUARANTINE): S.QUARANTINED,
    (S.RUNNING, E.SUCCEED): S.SUCCEEDED,
    (S.RUNNING, E.FAIL): S.FAILED,
    (S.RUNNING, E.CANCEL): S.CANCELLED,
    (S.RUNNING, E.REQUEUE): S.QUEUED,
    (S.RUNNING, E.QUARANTINE): S.QUARANTINED,
}


def transition(state: JobState, event: JobEvent) -> JobState:
    """The state after an event.

    Raises:
        Conflict: the event cannot happen in this state.
    """
    target = TRANSITIONS.get((state, event))
    if target is None:
        raise Conflict(f"a job that is {state} cannot {event}")
    return target


EVENT_OF_OUTCOME: Final[dict[Outcome, JobEvent]] = {
    Outcome.SUCCEEDED: E.SUCCEED,
    Outcome.FAILED: E.FAIL,
    Outcome.TIMED_OUT: E.FAIL,
    Outcome.OUT_OF_MEMORY: E.FAIL,
    Outcome.OUTPUT_INVALID: E.FAIL,
    Outcome.CANCELLED: E.CANCEL,
    Outcome.HOST_ERROR: E.REQUEUE,
    Outcome.LOST: E.REQUEUE,
    Outcome.PREEMPTED: E.REQUEUE,
}

# Charged to the account: what the job did by itself or its owner asked for. Never what the host,
# the broker or a preemption destroyed.
DEBITED: Final = frozenset(
    outcome for outcome, event in EVENT_OF_OUTCOME.items() if event is not E.REQUEUE
)

# The slots that it held count as usage, by which accounts are measured against each other. So do
# those that a preemption took back: they were used, and the work may stand in a checkpoint.
USED: Final = DEBITED | {Outcome.PREEMPTED}

# Counts towards quarantine: a preempted attempt says nothing about the job.
COUNTS_AS_FAILURE: Final = frozenset({Outcome.HOST_ERROR, Outcome.LOST})


def after_attempt(
    outcome: Outcome, *, failures: int, attempts_max: int, cancel_requested: bool
) -> JobEvent:
    """The event that a closed attempt means for its job.

    `storage/sql/leases.sql` (settle) says the same for a thousand rows at once; a test compares.

    Args:
        outcome: how the attempt ended.
        failures: earlier attempts that counted towards quarantine.
        attempts_max: attempts before quarantine.
        cancel_requested: whether the owner asked to cancel while it ran.
    """
    event = EVENT_OF_OUTCOME[outcome]
    if event is not E.REQUEUE:
        return event
    if cancel_requested:
        return E.CANCEL
    if outcome in COUNTS_AS_FAILURE and failures + 1 >= attempts_max:
        return E.QUARANTINE
    return E.REQUEUE


def backoff_seconds(failures: int) -> float:
    """How long a job waits before its next attempt: 0, then 2, 4, 8, ... up to 300 seconds."""
    return 0.0 if failures <= 0 else min(300.0, 2.0**failures)
