"""When a waiting job may start: a range, and what it rests on."""

from dataclasses import dataclass

from broker.domain.explanations import AccountStanding, LaneStanding
from broker.domain.words import count, duration

SCATTER = 0.5  # lengths of jobs may differ by this part from what was seen


@dataclass(frozen=True, slots=True)
class StartEstimate:
    """Seconds from now until the job starts, at best and at worst, and in words why."""

    seconds_low: float
    seconds_high: float
    basis: str


def start_estimate(
    jobs_ahead: int | None, lane: LaneStanding | None, standing: AccountStanding | None
) -> StartEstimate | None:
    """From the pace at which the lane's jobs run now, and would if its account held what is due.

    Returns:
        None while no job of the lane has ended, or none runs and nothing is due.
    """
    if lane is None or standing is None or jobs_ahead is None or lane.job_seconds is None:
        return None
    present = float(lane.running_jobs)
    due = present * standing.entitlement_slots / max(1, standing.allocated_slots)
    if not present:
        due = standing.entitlement_slots
    paces = [pace for pace in (present, due) if pace > 0]
    if not paces:
        return None
    rounds = (jobs_ahead + 1) * lane.job_seconds
    basis = (
        f"{count(jobs_ahead, 'job')} of the account before it, about "
        f"{duration(lane.job_seconds)} each, {lane.running_jobs:,} at a time now and about "
        f"{due:.1f} when the account holds what is due; lengths may differ by half"
    )
    return StartEstimate(
        rounds / max(paces) * (1 - SCATTER), rounds / min(paces) * (1 + SCATTER), basis
    )
