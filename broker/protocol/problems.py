"""Errors on the wire: RFC 9457 problem documents, and the one map between error and status."""

from dataclasses import asdict
from datetime import datetime
from typing import Final

from pydantic import Field

from broker import errors
from broker.protocol.base import View

STATUS: Final[dict[type[errors.FairleadError], int]] = {
    errors.InvalidInput: 422,
    errors.BodyTooLarge: 413,
    errors.Unauthenticated: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.NameTaken: 409,
    errors.KeyReused: 409,
    errors.Fenced: 409,
    errors.PreconditionFailed: 412,
    errors.LimitExceeded: 429,
    errors.Unavailable: 503,
    errors.FairleadError: 500,
}
CLASS_OF_CODE: Final = {cls.code: cls for cls in STATUS}


class ProblemField(View):
    """One bad field."""

    pointer: str
    """JSON pointer into the body, `line N: ` before it for NDJSON, or `?name` for the query."""
    detail: str
    """What is wrong with it."""


class ProblemLimit(View):
    """The limit that refused a request."""

    name: str
    """Field that sets it, e.g. `jobs_in_progress_max`."""
    holder: str
    """Whose limit it is, e.g. `group physics`."""
    allowed: float
    """What it allows: jobs, or GPU-seconds."""
    used: float
    """How much of that is in use without the request."""
    asked: float
    """How much the request would add; of GPU-seconds the most that it could."""
    resets_at: datetime | None
    """When it starts anew; null for a limit that time does not lift."""


class Problem(View):
    """An `application/problem+json` document."""

    type: str
    """A URI reference that names the kind of problem: `/problems/{code}`."""
    title: str
    """The kind of problem, for people."""
    status: int
    """HTTP status."""
    detail: str
    """What happened this time."""
    code: str
    """Stable name of the error."""
    ids: list[str] = Field(default_factory=list)
    """Public ids concerned."""
    errors: list[ProblemField] = Field(default_factory=list)
    """One entry for each bad field."""
    limit: ProblemLimit | None = None
    """The limit that refused the request; null where none did."""


def to_problem(error: errors.FairleadError) -> Problem:
    """The wire form of an error."""
    status = next(STATUS[cls] for cls in type(error).__mro__ if cls in STATUS)
    return Problem(
        type=f"/problems/{error.code}",
        title=error.code.replace("_", " ").capitalize(),
        status=status,
        detail=error.message,
        code=error.code,
        ids=list(error.ids),
        errors=[ProblemField(pointer=e.pointer, detail=e.detail) for e in error.errors],
        limit=_limit_of(error),
    )


def _limit_of(error: errors.FairleadError) -> ProblemLimit | None:
    limit = error.limit if isinstance(error, errors.LimitExceeded) else None
    return None if limit is None else ProblemLimit.model_validate(asdict(limit))


def to_error(problem: Problem, retry_after_seconds: int | None = None) -> errors.FairleadError:
    """The error behind a problem document: what the client raises."""
    cls = CLASS_OF_CODE.get(problem.code, errors.FairleadError)
    fields = [errors.FieldError(e.pointer, e.detail) for e in problem.errors]
    if cls is errors.Unavailable:
        return errors.Unavailable(problem.detail, retry_after_seconds=retry_after_seconds or 2)
    if cls is errors.LimitExceeded:
        limit = problem.limit
        return errors.LimitExceeded(
            problem.detail,
            retry_after_seconds=retry_after_seconds or 30,
            errors=fields,
            limit=errors.ExceededLimit(**limit.model_dump()) if limit else None,
        )
    return cls(problem.detail, ids=problem.ids, errors=fields)
