"""The states and outcomes that appear on the wire."""

from enum import StrEnum


class JobState(StrEnum):
    """Where a job stands; docs/life-cycle.md draws the way between them."""

    QUEUED = "queued"
    LEASED = "leased"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    QUARANTINED = "quarantined"


ACTIVE_STATES = (JobState.LEASED, JobState.RUNNING)
TERMINAL_STATES = (
    JobState.SUCCEEDED,
    JobState.FAILED,
    JobState.CANCELLED,
    JobState.QUARANTINED,
)


class Outcome(StrEnum):
    """How one attempt ended."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"  # its own non-zero exit code or signal
    TIMED_OUT = "timed_out"  # its own wall-clock limit
    OUT_OF_MEMORY = "out_of_memory"  # its own memory limit
    OUTPUT_INVALID = "output_invalid"  # a declared output is missing or too large
    CANCELLED = "cancelled"  # by its owner or an app admin
    HOST_ERROR = "host_error"  # the agent could not run it
    LOST = "lost"  # the lease lapsed
    PREEMPTED = "preempted"  # taken back for another account


class AccountState(StrEnum):
    ACTIVE = "active"
    SUSPENDED = "suspended"
    DELETED = "deleted"


class AppState(StrEnum):
    ACTIVE = "active"
    DEPRECATED = "deprecated"


class VersionState(StrEnum):
    DRAFT = "draft"
    PUBLISHED = "published"
    DEPRECATED = "deprecated"


class HostState(StrEnum):
    ACTIVE = "active"
    DRAINING = "draining"  # finishes what it holds, gets nothing new
    BANNED = "banned"


class QuotaPolicy(StrEnum):
    """Where an account's quota comes from."""

    COMBINED = "combined"  # the deployment's weighted sum of the others
    MANUAL = "manual"  # the number that an admin set
    OWN_HOSTS = "own_hosts"  # recent average credit of the account's own hosts
    DONATED = "donated"  # recent average credit that volunteers assigned to it
    CONTRIBUTION = "contribution"  # points for taking part in the portal


class AnswerStatus(StrEnum):
    """What became of one element of a renew or report call."""

    OK = "ok"  # done now
    STORED = "stored"  # had been done before; the first answer stands
    FENCED = "fenced"  # the lease is not, or no longer, this host's
