"""When waiting jobs may start, and when a batch may end: a range, and what it rests on."""

from dataclasses import dataclass

from broker.domain.explanations import AccountStanding, LaneStanding
from broker.domain.words import count, duration

SCATTER = 0.5  # lengths of jobs may differ by this part from what was seen
CYCLE_SECONDS = 1.0  # the leader plans at the latest after so long


@dataclass(frozen=True, slots=True)
class Range:
    """Seconds from now, at best and at worst, and in words why."""

    seconds_low: float
    seconds_high: float
    basis: str


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast the jobs of a lane go through.

    Args:
        job_seconds: length of one.
        present: how many at a time now.
        due: how many at a time, if the account held what is due to it.
    """

    job_seconds: float
    present: float
    due: float

    @property
    def words(self) -> str:
        return (
            f"about {duration(self.job_seconds)} each, {self.present:,.0f} at a time now and about "
            f"{self.due:.1f} when the account holds what is due; lengths may differ by half"
        )

    def range(self, jobs_low: int, jobs_high: int, basis: str) -> Range:
        """From the fewest jobs at the faster pace to the most at the slower one."""
        paces = [pace for pace in (self.present, self.due) if pace > 0]
        return Range(
            jobs_low * self.job_seconds / max(paces) * (1 - SCATTER),
            jobs_high * self.job_seconds / min(paces) * (1 + SCATTER),
            basis,
        )


def pace_of(lane: LaneStanding | None, standing: AccountStanding | None) -> Pace | None:
    """The pace of a lane in the last plan.

    Returns:
        None while no job of the lane has ended, or none runs and nothing is due.
    """
    if lane is None or standing is None or lane.job_seconds is None:
        return None
    present = float(lane.running_jobs)
    due = present * standing.entitlement_slots / max(lane.job_slots, standing.allocated_slots)
    if not present:
        due = standing.entitlement_slots / lane.job_slots
    return Pace(lane.job_seconds, present, due) if max(present, due) > 0 else None


def start_estimate(
    jobs_ahead: int | None, lane: LaneStanding | None, standing: AccountStanding | None
) -> Range | None:
    """When the job behind `jobs_ahead` others of its lane may start; None as for `pace_of`."""
    pace = pace_of(lane, standing)
    if pace is None or jobs_ahead is None:
        return None
    ahead = count(jobs_ahead, "job")
    basis = f"{ahead} of the account before it, {pace.words}"
    return pace.range(jobs_ahead + 1, jobs_ahead + 1, basis)


def start_at_once() -> Range:
    """For a job that suits slots which no waiting job can use."""
    return Range(0.0, CYCLE_SECONDS, "slots are free that no waiting job can use")


def end_estimate(
    jobs_open: int, lane: LaneStanding | None, standing: AccountStanding | None
) -> Range | None:
    """When the last of a batch's open jobs may end; None as for `pace_of`.

    Other batches share the lane: at best the batch's jobs come first, at worst last.
    """
    pace = pace_of(lane, standing)
    if pace is None or lane is None:
        return None
    last = max(jobs_open, lane.pending_jobs + lane.running_jobs)
    others = f", after up to {count(last - jobs_open, 'other job')}" if last > jobs_open else ""
    return pace.range(jobs_open, last, f"{count(jobs_open, 'open job')}{others}, {pace.words}")
