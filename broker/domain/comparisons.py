"""Why one job started before another, from what the scheduler wrote down at that time.

    other_not_started      it had not started, or not before
    submitted_later        the job did not exist yet when the other one started
    backing_off            the job was waiting after a failed attempt
    same_queue             both in one lane: priority, then age
    own_turns              two lanes of one account take turns
    was_blocked            the job's lane could not be served then, whatever its share
    less_of_its_share      the other's account held less of what was due to it
    record_gone            nothing is kept of that time

Sentences name accounts and the two jobs that were asked about, never others.
"""

from dataclasses import dataclass
from datetime import datetime

from broker.domain.explanations import Explained, Number
from broker.domain.words import amount, slots

BLOCKED = {
    "no_suitable_class": "no host of the fleet suited it",
    "no_host_with_enough": "no single host had enough free at once for it",
    "no_quota": "its account had a quota of 0",
    "maximum_reached": "its account, or a group above it, held its maximum",
    "budget_exhausted": "a budget of GPU-seconds on which it draws was used up",
}


@dataclass(frozen=True, slots=True)
class Recorded:
    """A lane and its account as they stood when the other job started."""

    reason: str
    allocated_slots: float
    entitlement_slots: float
    weight_adjusted: float
    account_rank: int


@dataclass(frozen=True, slots=True)
class Story:
    """One of the two jobs. `started_at` is that of its last lease, None before the first."""

    job: str
    account: str
    lane: int
    priority: int
    submitted_at: datetime
    started_at: datetime | None
    failures: int
    then: Recorded | None


def compare(mine: Story, other: Story) -> Explained:
    """Why `other` started before `mine`, if it did."""
    reason, sentence = _chronology(mine, other) or _order(mine, other)
    return Explained(reason, sentence, _numbers(mine, other))


def _chronology(mine: Story, other: Story) -> tuple[str, str] | None:
    """What the times alone say."""
    if other.started_at is None:
        return "other_not_started", f"{other.job} has not started."
    if mine.started_at is not None and mine.started_at <= other.started_at:
        return "other_not_started", f"{other.job} did not start before {mine.job}."
    if other.started_at < mine.submitted_at:
        return "submitted_later", (
            f"{mine.job} was submitted after {other.job} had started, at "
            f"{other.started_at:%Y-%m-%d %H:%M:%S} UTC."
        )
    return None


def _order(mine: Story, other: Story) -> tuple[str, str]:
    if mine.lane == other.lane:
        if mine.failures:
            return "backing_off", (
                f"Both wait in one queue; {mine.job} came back from a host and waited a little "
                "before its next attempt."
            )
        why = "has the higher priority" if other.priority > mine.priority else "is older"
        return "same_queue", f"Both wait in one queue, and {other.job} {why}."
    if mine.account == other.account:
        return "own_turns", (
            f"Both are jobs of account {mine.account} in different queues, which take turns: the "
            "one served longest ago goes first, and what fits on no free host is passed over."
        )
    if mine.then is None or other.then is None:
        return "record_gone", (
            "What the scheduler decided at that time is not kept any more, or was never written."
        )
    if mine.then.reason in BLOCKED:
        return "was_blocked", (
            f"When {other.job} started, {mine.job} could not: {BLOCKED[mine.then.reason]}."
        )
    return "less_of_its_share", (
        f"When {other.job} started, account {other.account} held "
        f"{slots(other.then.allocated_slots)} of {amount(other.then.entitlement_slots)} "
        f"due to it, and account {mine.account} {amount(mine.then.allocated_slots)} of "
        f"{amount(mine.then.entitlement_slots)}; the next slot that suits goes to who holds least "
        "for its weight."
    )


def _numbers(mine: Story, other: Story) -> dict[str, Number]:
    numbers: dict[str, Number] = {}
    for name, story in (("own", mine), ("other", other)):
        then = story.then
        numbers |= {
            f"{name}_allocated_slots": then.allocated_slots if then else None,
            f"{name}_entitlement_slots": round(then.entitlement_slots, 3) if then else None,
            f"{name}_weight_adjusted": round(then.weight_adjusted, 6) if then else None,
            f"{name}_account_rank": then.account_rank if then else None,
            f"{name}_reason": then.reason if then else None,
        }
    return numbers
