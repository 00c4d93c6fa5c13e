"""Why a job is where it is: facts in; one reason code, one sentence and its numbers out.

The codes of a job that waits, in the order in which they are looked for:

    account_suspended    nothing of the account runs
    backing_off          it came back from a host and waits a little before the next attempt
    no_hosts             its pool has no active host
    no_suitable_host     the pool has hosts, but none could ever run it
    hosts_silent         those that could run it have not been heard of lately
    queue_unavailable    Redis is away, so nobody plans and the rest is not known
    scheduler_silent     no broker has planned for a while
    not_yet_planned      the next plan will see it
    budget_exhausted     the GPU-seconds of the account or of a group above it are used up
    no_quota             the account's weight is 0, and others want the slots
    share_reached        the account holds what is due to it
    maximum_reached      one more job would exceed the account's maximum, or its group's
    no_free_slot         less than its due, but every slot that suits is busy
    no_host_with_enough  slots are free, but not enough on one host
    jobs_ahead           its lane is being served; jobs of the same account come first

`fates` goes on for jobs that were leased. Sentences name the account of the job, never others or
their jobs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from broker.domain.matching import suits
from broker.domain.shortfalls import nearest_shortfall, needed
from broker.domain.words import amount, count, duration, slots, times
from broker.protocol.resources import HostFacts, Resources

PLAN_SECONDS_MAX = 15.0  # the leader plans every second; twice an election may pass

Number = float | int | str | None


@dataclass(frozen=True, slots=True)
class Explained:
    """The answer."""

    reason: str
    sentence: str
    numbers: dict[str, Number]


@dataclass(frozen=True, slots=True)
class LaneStanding:
    """The job's lane in the last plan. `job_seconds` is None before one of its jobs has ended."""

    reason: str
    pending_jobs: int
    running_jobs: int
    blocking_class: str
    job_seconds: float | None
    job_slots: float = 1.0  # that one of its jobs occupies
    held_class: str = ""  # hosts that are held for it; empty for none
    starts_in_seconds: float | None = None  # when those have room for it at the latest


@dataclass(frozen=True, slots=True)
class AccountStanding:
    """The job's account in the last plan. `rank` is its place in line, 0 for none; `demand_slots`
    what it holds and wants."""

    weight: float
    usage_gpu_seconds: float
    weight_adjusted: float
    entitlement_slots: float
    allocated_slots: float
    pending_jobs: int
    rank: int
    demand_slots: float = 0.0


@dataclass(frozen=True, slots=True)
class BudgetStanding:
    """The budget with least left, of those on which the account draws; `holder` in words."""

    holder: str
    gpu_seconds: float
    used_gpu_seconds: float  # with what is held back for running jobs
    resets_at: datetime | None


@dataclass(frozen=True, slots=True)
class Waiting:
    """What is known of a job that waits.

    `plan_age_seconds` is None before the first plan; `jobs_ahead`, the account's own jobs before
    it in its lane, is None while the queue does not hold it; `queue_away` when Redis did not
    answer, and then nothing of the plan is known.
    """

    account: str
    account_active: bool
    pool: str
    needs: Resources
    failures: int = 0
    handed_back: int = 0  # attempts that were preempted
    backoff_seconds: float | None = None
    hosts: Sequence[tuple[HostFacts, bool]] = ()  # active ones of the pool; heard of lately?
    queue_away: bool = False
    plan_age_seconds: float | None = None
    lane: LaneStanding | None = None
    standing: AccountStanding | None = None
    jobs_ahead: int | None = None
    capacity_slots: float = 0
    free_slots: float = 0
    budget: BudgetStanding | None = None


# -- waiting --------------------------------------------------------------------------------


def explain_waiting(job: Waiting) -> Explained:
    """Why a queued job waits."""
    reason, sentence = _hindrance(job) or _standing(job)
    sentence += _handed_back(job)
    return Explained(reason, sentence, _numbers_of_waiting(job))


def _hindrance(job: Waiting) -> tuple[str, str] | None:
    """What keeps the job from being considered at all."""
    if not job.account_active:
        return "account_suspended", (
            f"Account {job.account} is suspended, so none of its jobs start; it keeps its place "
            "and goes on when an admin resumes the account."
        )
    if job.backoff_seconds is not None:
        return "backing_off", (
            f"{times(job.failures)} a host failed or vanished under it; it is offered again in "
            f"{duration(job.backoff_seconds)}, with the same place in its queue."
        )
    if not job.hosts:
        return "no_hosts", (
            f"Pool {job.pool} has no active host; it starts when a host joins that pool, or "
            "submit it to another pool."
        )
    able = [heard for facts, heard in job.hosts if suits(job.needs, facts)]
    if not able:
        return "no_suitable_host", (
            f"Pool {job.pool} has {count(len(job.hosts), 'active host')}, but none could ever run "
            f"it: it needs {nearest_shortfall(job.needs, [f for f, _ in job.hosts])}. Ask for "
            "less in `resources`, or use a pool with such a host."
        )
    if not any(able):
        return "hosts_silent", (
            f"{count(len(able), 'host')} of pool {job.pool} could run it, but none of them has "
            "been heard of lately; it starts when an agent there runs again."
        )
    return None


def _standing(job: Waiting) -> tuple[str, str]:
    """Where the job stands in the last plan."""
    if job.queue_away:
        return "queue_unavailable", (
            "The queue server (Redis) does not answer, so nothing is planned; the job is safe "
            "and goes on by itself when the server is back."
        )
    if job.plan_age_seconds is not None and job.plan_age_seconds > PLAN_SECONDS_MAX:
        return "scheduler_silent", (
            f"No broker has planned for {duration(job.plan_age_seconds)}; the job is safe. If "
            "this lasts, an admin should look at the brokers' logs."
        )
    lane, standing = job.lane, job.standing
    if lane is None or standing is None:
        return "not_yet_planned", "The next plan, within a second or two, will see it."
    tell = {
        "budget_exhausted": _budget_exhausted,
        "no_quota": _no_quota,
        "share_reached": _share_reached,
        "maximum_reached": _maximum_reached,
        "no_free_slot": _no_free_slot,
        "no_host_with_enough": _no_host_with_enough,
    }.get(lane.reason)
    if tell is not None:
        return lane.reason, tell(job, lane, standing) + _held_for_it(lane) + _behind(job, lane)
    if job.jobs_ahead:
        return "jobs_ahead", (
            f"Its queue is being served; before it come {count(job.jobs_ahead, 'job')} of account "
            f"{job.account}, older or of a higher priority."
        )
    return "not_yet_planned", "It is next in its queue; the next plan will see it."


def _budget_exhausted(job: Waiting, lane: LaneStanding, standing: AccountStanding) -> str:
    if job.budget is None:
        return "A budget of GPU-seconds was used up when the last plan was made."
    budget = job.budget
    then = (
        f"it starts anew at {budget.resets_at:%Y-%m-%d %H:%M} UTC"
        if budget.resets_at
        else "an admin can raise it"
    )
    return (
        f"The budget of {budget.holder} does not pay for another job: "
        f"{amount(budget.used_gpu_seconds)} of {amount(budget.gpu_seconds)} GPU-seconds are used "
        f"or held back for what runs; {then}."
    )


def _no_quota(job: Waiting, lane: LaneStanding, standing: AccountStanding) -> str:
    return (
        f"Account {job.account} has a quota of 0, so it gets only what nobody with a quota can "
        f"use, and now others use every slot of {_class(lane)}. An admin can give it a quota."
    )


def _share_reached(job: Waiting, lane: LaneStanding, standing: AccountStanding) -> str:
    if standing.allocated_slots >= job.capacity_slots:
        return (
            f"Account {job.account} holds all {slots(standing.allocated_slots)} of the "
            "fleet; its next job starts when one of its own ends."
        )
    return (
        f"Account {job.account} holds {slots(standing.allocated_slots)}, and "
        f"{amount(standing.entitlement_slots)} of {amount(job.capacity_slots)} are its share now"
        f"{_bent(standing)}; its next job starts when one of its own ends, or when others leave "
        "slots idle."
    )


def _maximum_reached(job: Waiting, lane: LaneStanding, standing: AccountStanding) -> str:
    if not standing.allocated_slots:
        return (
            f"Account {job.account} holds nothing, and this job, which takes "
            f"{slots(lane.job_slots)}, would exceed the maximum set for it or for a group above "
            "it. It starts when other members of the group have ended enough; a job that is "
            "larger than the maximum itself never does: ask for less, or an admin for more."
        )
    return (
        f"Account {job.account} holds {slots(standing.allocated_slots)}, and one more job "
        "would exceed the maximum set for it or for a group above it; its next job starts when "
        "one of those ends."
    )


def _no_free_slot(job: Waiting, lane: LaneStanding, standing: AccountStanding) -> str:
    return (
        f"Every slot of {_class(lane)} is busy. Account {job.account} holds "
        f"{amount(standing.allocated_slots)} of the {amount(standing.entitlement_slots)} slots "
        f"that are its share now{_bent(standing)}{_in_line(standing)}."
    )


def _no_host_with_enough(job: Waiting, lane: LaneStanding, standing: AccountStanding) -> str:
    return (
        f"Slots of {_class(lane)} are free, but no single host has {needed(job.needs)} free at "
        "once; it starts when one host has, or sooner if it asks for less."
    )


def _class(lane: LaneStanding) -> str:
    return lane.blocking_class or "the kind that suits"


def _bent(standing: AccountStanding) -> str:
    """How history moved the weight, where it did."""
    if standing.weight <= 0:
        return ""
    factor = standing.weight_adjusted / standing.weight
    if 0.95 < factor < 1.05:
        return f" (quota {amount(standing.weight)})"
    moved, than = ("lowered", "more") if factor < 1 else ("raised", "less")
    return (
        f" (quota {amount(standing.weight)}, {moved} to {amount(standing.weight_adjusted)} because "
        f"it used {than} than its share lately: {amount(standing.usage_gpu_seconds)} GPU-seconds)"
    )


def _in_line(standing: AccountStanding) -> str:
    if standing.rank == 1:
        return ", and it is the first in line for the next slot"
    if standing.rank > 1:
        return f", and others come before it: {count(standing.rank - 1, 'account')}"
    return ""


def _handed_back(job: Waiting) -> str:
    if not job.handed_back:
        return ""
    return (
        f" {times(job.handed_back)} its host handed it back, for accounts below their share or "
        "because the host was leaving; it is not debited for that."
    )


def _held_for_it(lane: LaneStanding) -> str:
    """What is kept free for a job of several slots that was passed over."""
    if lane.starts_in_seconds is None:
        return ""
    return (
        f" Hosts are held for the next job of its queue ({lane.held_class}): by the limits of what "
        f"runs there it starts within {duration(lane.starts_in_seconds)}."
    )


def _behind(job: Waiting, lane: LaneStanding) -> str:
    """How many own jobs come first, and how long they take at the present pace."""
    if not job.jobs_ahead:
        return ""
    text = f" Before this one come {count(job.jobs_ahead, 'job')} of the same account"
    wait = _wait_seconds(job, lane)
    if wait is not None and lane.job_seconds is not None:
        pace = f"{lane.running_jobs:,} at a time, about {duration(lane.job_seconds)} each"
        text += f" ({pace}: roughly {duration(wait)})"
    return text + "."


def _wait_seconds(job: Waiting, lane: LaneStanding | None) -> float | None:
    """A rough time until the job starts, if its lane goes on as it does now."""
    if lane is None or lane.job_seconds is None or not lane.running_jobs or job.jobs_ahead is None:
        return None
    return (job.jobs_ahead + 1) / lane.running_jobs * lane.job_seconds


def _numbers_of_waiting(job: Waiting) -> dict[str, Number]:
    lane, standing = job.lane, job.standing
    wait = _wait_seconds(job, lane)
    return {
        "position": None if job.jobs_ahead is None else job.jobs_ahead + 1,
        "jobs_ahead_own": job.jobs_ahead,
        "jobs_waiting_in_lane": lane.pending_jobs if lane else None,
        "jobs_running_in_lane": lane.running_jobs if lane else None,
        "job_seconds_typical": round(lane.job_seconds, 1) if lane and lane.job_seconds else None,
        "wait_seconds_estimate": None if wait is None else round(wait, 1),
        "starts_within_seconds": lane.starts_in_seconds if lane else None,
        "account_rank": standing.rank if standing else None,
        "account_pending_jobs": standing.pending_jobs if standing else None,
        "quota": standing.weight if standing else None,
        "usage_gpu_seconds": round(standing.usage_gpu_seconds, 1) if standing else None,
        "weight_adjusted": round(standing.weight_adjusted, 6) if standing else None,
        "entitlement_slots": round(standing.entitlement_slots, 3) if standing else None,
        "allocated_slots": standing.allocated_slots if standing else None,
        "budget_gpu_seconds": job.budget.gpu_seconds if job.budget else None,
        "budget_used_gpu_seconds": round(job.budget.used_gpu_seconds, 1) if job.budget else None,
        "capacity_slots": job.capacity_slots,
        "free_slots": job.free_slots,
        "slots_wanted": max(lane.job_slots if lane else 0.0, job.needs.slots_least),
        "hosts_in_pool": len(job.hosts),
        "hosts_suitable": sum(suits(job.needs, facts) for facts, _ in job.hosts),
        "failures": job.failures,
        "handed_back": job.handed_back,
        "backoff_seconds": None if job.backoff_seconds is None else round(job.backoff_seconds, 1),
        "plan_age_seconds": None
        if job.plan_age_seconds is None
        else round(job.plan_age_seconds, 1),
    }
