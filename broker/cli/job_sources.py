"""Where `fairlead submit` takes its jobs from: a sweep of parameters, or lines of a file."""

import re
import sys
from array import array
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO, Final

from broker.cli.sweeps import Scalar, Sweep
from broker.errors import FieldError, InvalidInput

if TYPE_CHECKING:
    from broker.protocol.batches import InputContent, JobRequest

JOB: Final = re.compile(r"^/jobs/(?P<index>\d+)(?P<rest>.*)", re.DOTALL)

Inputs = Mapping[str, "InputContent"]


def from_sweep(sweep: Sweep, inputs: Inputs) -> Iterator["JobRequest"]:
    """A job for each combination."""
    from broker.protocol.batches import JobRequest

    for parameters in sweep:
        if inputs:
            yield JobRequest(parameters=parameters, inputs=dict(inputs))
        else:
            yield JobRequest(parameters=parameters)


def from_lines(
    lines: BinaryIO, fixed: Mapping[str, Scalar], inputs: Inputs, numbers: "array[int]"
) -> Iterator["JobRequest"]:
    """A job for each line; what all jobs share is added where the line does not say otherwise.

    Args:
        numbers: gets the number of the line of each job, for `by_line`.

    Raises:
        InvalidInput: names the line and the field.
    """
    from pydantic import ValidationError

    from broker.protocol.batches import JobRequest
    from broker.protocol.complaints import detail_of

    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            job = JobRequest.model_validate_json(line)
        except ValidationError as error:
            fields = [
                FieldError(": ".join([f"line {number}", *_pointer(e["loc"])]), detail_of(e))
                for e in error.errors()
            ]
            raise InvalidInput(f"line {number} is not a job", errors=fields) from error
        numbers.append(number)
        update: dict[str, object] = {}
        if fixed:
            update["parameters"] = {**fixed, **job.parameters}
        if inputs:
            update["inputs"] = {**inputs, **job.inputs}
        yield job.model_copy(update=update) if update else job


@contextmanager
def by_line(numbers: "array[int]") -> Iterator[None]:
    """Names bad jobs by the lines of the file that they came from.

    Args:
        numbers: the line of each job.
    """

    def place(job: re.Match[str]) -> str:
        return ": ".join(filter(None, (f"line {numbers[int(job['index'])]}", job["rest"])))

    try:
        yield
    except InvalidInput as error:
        fields = [FieldError(JOB.sub(place, each.pointer), each.detail) for each in error.errors]
        raise type(error)(JOB.sub(place, error.message), ids=error.ids, errors=fields) from error


def _pointer(location: tuple[int | str, ...]) -> list[str]:
    """A field's JSON pointer; nothing where the whole line is wrong."""
    return ["".join(f"/{part}" for part in location)] if location else []


@contextmanager
def opened(name: str) -> Iterator[BinaryIO]:
    """The file of that name, or stdin for "-"; raises InvalidInput."""
    if name == "-":
        yield sys.stdin.buffer
        return
    try:
        file = open(name, "rb")  # noqa: SIM115 - closed below; only opening may fail this way
    except OSError as error:
        raise InvalidInput(f"cannot read {name}: {error.strerror}") from error
    with file:
        yield file
