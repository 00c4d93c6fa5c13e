"""Every error that Fairlead raises on purpose, in one tree.

    FairleadError
    +-- InvalidInput          a field, line or id that cannot be accepted
    |   +-- BodyTooLarge      more bytes than the limit
    +-- Unauthenticated       no token, an unknown one, an expired one
    +-- Forbidden             seen, but not permitted
    +-- NotFound              absent, or not to be seen
    +-- Conflict              the world is in another state than the request assumes
    |   +-- NameTaken         a unique name is in use
    |   +-- KeyReused         an idempotency key came back with another body
    |   +-- Fenced            a lease epoch that is no longer the job's
    |   +-- PreconditionFailed  an If-Match that names an older version of the object
    +-- LimitExceeded         a quota, rate or count limit of the caller
    +-- Unavailable           PostgreSQL, Redis or the broker cannot answer now; retry later
    +-- StartupError          a process cannot start; one line says what to do

Each class has a stable `code` that clients may branch on; messages may change. The HTTP status of
each class stands in one map, `broker.protocol.problems`. This module imports nothing of Fairlead.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class FieldError:
    """What is wrong with one field of a request.

    `pointer` is a JSON pointer into the body ("/jobs/3/parameters/temperature"), a line of an
    NDJSON body ("line 17: /parameters/temperature"), or a query parameter ("?limit").
    """

    pointer: str
    detail: str


@dataclass(frozen=True, slots=True)
class ExceededLimit:
    """Which limit refused a request: its name and holder, what it allows, and what was asked.

    `used` counts without the request. `resets_at` is None for a limit that time does not lift.
    """

    name: str
    holder: str
    allowed: float
    used: float
    asked: float
    resets_at: datetime | None = None


class FairleadError(Exception):
    """Base of all deliberate errors.

    Args:
        message: one sentence for a person.
        ids: the public ids concerned, e.g. ("job_17",).
        errors: one entry for each bad field.
    """

    code = "internal"

    def __init__(
        self, message: str, *, ids: Sequence[str] = (), errors: Sequence[FieldError] = ()
    ) -> None:
        super().__init__(message)
        self.message = message
        self.ids = tuple(ids)
        self.errors = tuple(errors)


class InvalidInput(FairleadError):
    """A request that cannot be accepted as it is; `errors` names each bad field."""

    code = "invalid_input"

    @classmethod
    def of(cls, pointer: str, detail: str) -> "InvalidInput":
        """An error about exactly one field."""
        return cls(f"{pointer or 'the body'}: {detail}", errors=[FieldError(pointer, detail)])


class BodyTooLarge(InvalidInput):
    """A body, file or header beyond its limit in bytes."""

    code = "body_too_large"


class Unauthenticated(FairleadError):
    """No token, an unknown or revoked one, or one past its expiry."""

    code = "unauthenticated"


class Forbidden(FairleadError):
    """The caller may see the object but not do this to it."""

    code = "forbidden"


class NotFound(FairleadError):
    """The object does not exist, or the caller may not know that it does."""

    code = "not_found"


class Conflict(FairleadError):
    """The object is in a state that does not allow this."""

    code = "conflict"


class NameTaken(Conflict):
    """A name that must be unique is in use."""

    code = "name_taken"


class KeyReused(Conflict):
    """An Idempotency-Key was used before with another request."""

    code = "idempotency_key_reused"


class Fenced(Conflict):
    """The lease epoch is not the job's current one: somebody else holds or closed it."""

    code = "fenced"


class PreconditionFailed(Conflict):
    """The object changed since the caller read it: its ETag is no longer the one in If-Match."""

    code = "precondition_failed"


class LimitExceeded(FairleadError):
    """A limit of the caller's account; retrying later may succeed."""

    code = "limit_exceeded"

    def __init__(
        self,
        message: str,
        *,
        retry_after_seconds: int = 30,
        errors: Sequence[FieldError] = (),
        limit: ExceededLimit | None = None,
    ) -> None:
        super().__init__(message, errors=errors)
        self.retry_after_seconds = retry_after_seconds
        self.limit = limit


class Unavailable(FairleadError):
    """A server that the broker depends on is away or hangs; ask again, with the same key."""

    code = "unavailable"

    def __init__(self, message: str, *, retry_after_seconds: int = 2) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class StartupError(FairleadError):
    """A process cannot start; the message is the one line that the operator sees."""

    code = "startup"


def reason_of(error: BaseException) -> str:
    """What the error of a library says, to end a sentence with: "connection refused"."""
    if isinstance(error, OSError) and error.errno is not None and error.errno > 0:
        return os.strerror(error.errno).lower()
    if isinstance(error, OSError) and error.strerror:  # of the resolver, whose numbers are its own
        return error.strerror.lower()
    if isinstance(error, TimeoutError) and not str(error):
        return "no answer in time"
    return str(error).rstrip(".") or type(error).__name__
