"""Exit codes of `fairlead`, in one place.

    0    done; with --wait: every job succeeded
    1    a job failed, was cancelled or was quarantined (of one job: its own exit code instead); of
         `audit verify`: the log was touched; of `data-roots check`: shell and broker differ
    2    wrong usage: unknown option, missing argument
    3    not authenticated, or not allowed
    4    no such object, or not to be seen
    5    invalid input: a field, file or parameter that cannot be accepted
    6    the broker cannot be reached or cannot answer now; trying again may help
    7    conflict: a name in use, a state that does not allow this
    8    a quota, rate or count limit was reached
    9    a server process cannot start
    10   an internal error, here or in the broker
    11   the time given with --timeout is over
    130  interrupted (Ctrl-C)

A job that a signal ended counts as 128 plus the signal's number, as in a shell. `submit --wait` and
`wait` of one job hand its code on, so 2 to 11 may also be the job's own; `--json` tells them apart.
"""

from collections.abc import Mapping
from enum import IntEnum
from typing import TYPE_CHECKING, Final

from broker import errors

if TYPE_CHECKING:
    from broker.protocol.batches import Batch
    from broker.protocol.jobs import JobSummary


class Exit(IntEnum):
    """The codes, by name."""

    OK = 0
    JOB_FAILED = 1
    USAGE = 2
    NOT_ALLOWED = 3
    NOT_FOUND = 4
    INVALID = 5
    UNAVAILABLE = 6
    CONFLICT = 7
    LIMIT = 8
    STARTUP = 9
    INTERNAL = 10
    TIMEOUT = 11
    INTERRUPTED = 130


EXIT_OF: Final[Mapping[type[BaseException], Exit]] = {
    errors.InvalidInput: Exit.INVALID,
    errors.Unauthenticated: Exit.NOT_ALLOWED,
    errors.Forbidden: Exit.NOT_ALLOWED,
    errors.NotFound: Exit.NOT_FOUND,
    errors.Conflict: Exit.CONFLICT,
    errors.LimitExceeded: Exit.LIMIT,
    errors.Unavailable: Exit.UNAVAILABLE,
    errors.StartupError: Exit.STARTUP,
    TimeoutError: Exit.TIMEOUT,
}


def exit_of(error: BaseException) -> Exit:
    """The exit code of an error: that of its nearest class in the table."""
    return next((EXIT_OF[cls] for cls in type(error).__mro__ if cls in EXIT_OF), Exit.INTERNAL)


def exit_of_job(job: "JobSummary") -> int:
    """The exit code that stands for how one job ended."""
    if job.state == "succeeded":
        return Exit.OK
    code = job.exit_code or 0
    if code < 0:
        return 128 - code  # minus the signal number
    return code if 1 <= code <= 255 else Exit.JOB_FAILED


def exit_of_batch(batch: "Batch") -> int:
    """The exit code that stands for how the jobs of a batch ended."""
    return Exit.OK if batch.counts.succeeded == batch.jobs else Exit.JOB_FAILED
