"""Where a leased job is, and how a job ended: the part of `explanations` after the queue.

Reason codes of leased jobs: leased, running, cancelling, lease_expired. Of ended ones: the outcome
of the last attempt (succeeded, failed, timed_out, out_of_memory, output_invalid), cancelled,
quarantined.
"""

from dataclasses import dataclass, field
from datetime import datetime

from broker.domain.explanations import Explained, Number
from broker.domain.words import count, duration, exit_words
from broker.protocol.leases import Usage
from broker.protocol.resources import JobLimits, Resources
from broker.protocol.states import JobState, Outcome


@dataclass(frozen=True, slots=True)
class Held:
    """What is known of a job on a host."""

    state: JobState
    host: str
    epoch: int
    cancelling: bool
    held_seconds: float
    lease_seconds_left: float
    leased_at: datetime
    limits: JobLimits
    slots: float  # that it occupies, on all its hosts together


@dataclass(frozen=True, slots=True)
class Ended:
    """What is known of a job that ended; the last attempt's fields are None when it had none."""

    state: JobState
    attempts: int
    failures: int
    needs: Resources
    limits: JobLimits
    outcome: Outcome | None = None
    exit_code: int | None = None
    message: str = ""
    host: str | None = None
    usage: Usage = field(default_factory=Usage)
    debited_gpu_seconds: float = 0.0


def explain_held(job: Held) -> Explained:
    """Where a leased job is."""
    numbers: dict[str, Number] = {
        "host": job.host,
        "attempt": job.epoch,
        "leased_at": job.leased_at.isoformat(),
        "held_seconds": round(job.held_seconds, 1),
        "lease_seconds_left": round(job.lease_seconds_left, 1),
        "wall_seconds_max": job.limits.wall_seconds,
        "slots": job.slots,
    }
    return Explained(*_place(job), numbers)


def _place(job: Held) -> tuple[str, str]:
    since = f"for {duration(job.held_seconds)} (since {job.leased_at:%Y-%m-%d %H:%M:%S} UTC)"
    left = duration(job.lease_seconds_left)
    if job.lease_seconds_left <= 0:
        return "lease_expired", (
            f"Host {job.host} has not renewed its lease; within seconds the job goes back to "
            "the queue and another host gets it."
        )
    if job.cancelling:
        return "cancelling", (
            f"Host {job.host} was asked to stop it; if the host does not answer, the lease ends "
            f"in {left} and the job is cancelled all the same."
        )
    if job.state is JobState.LEASED:
        return "leased", (
            f"Host {job.host} has held it {since} and prepares it; the host must renew its "
            f"lease within {left}."
        )
    return "running", (
        f"It has been on host {job.host} {since}. Its limit of "
        f"{duration(job.limits.wall_seconds)} ends it at the latest; the host must renew its "
        f"lease within {left}."
    )


def explain_ended(job: Ended) -> Explained:
    """How a job ended, and what would change it."""
    own = job.state is JobState.FAILED and job.outcome is not None
    said = f' The host says: "{job.message}".' if job.message else ""
    numbers: dict[str, Number] = {
        "attempts": job.attempts,
        "failures": job.failures,
        "exit_code": job.exit_code,
        "message": job.message or None,
        "host": job.host,
        "wall_seconds": round(job.usage.wall_seconds, 3),
        "memory_peak_mib": round(job.usage.memory_peak_mib, 1),
        "debited_gpu_seconds": round(job.debited_gpu_seconds, 3),
    }
    return Explained(str(job.outcome if own else job.state), _end(job) + said, numbers)


def _end(job: Ended) -> str:
    ran = f"after {duration(job.usage.wall_seconds)} on host {job.host or '(removed)'}"
    if job.state is JobState.QUARANTINED:
        return (
            f"Hosts lost or broke {count(job.failures, 'attempt')}, as many as its limit allows, "
            "so it is kept out of the queue; look at its attempts, then rerun it."
        )
    if job.state is JobState.CANCELLED:
        return f"It was cancelled {ran}." if job.attempts else "It was cancelled before it started."
    match job.outcome:
        case Outcome.SUCCEEDED:
            return f"It succeeded {ran}."
        case Outcome.TIMED_OUT:
            limit = duration(job.limits.wall_seconds)
            return f"It reached its limit of {limit}; submit it with a greater limits.wall_seconds."
        case Outcome.OUT_OF_MEMORY:
            return (
                f"It needed more than its {job.needs.memory_mib:,} MiB of memory (peak "
                f"{job.usage.memory_peak_mib:,.0f} MiB); submit it with more "
                "resources.memory_mib."
            )
        case Outcome.OUTPUT_INVALID:
            return f"Its command ended {ran}, but an output is missing or too large."
        case _:
            return f"Its command ended with {exit_words(job.exit_code)} {ran}; see its logs."
