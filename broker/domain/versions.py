"""What an app version must be before it is stored, and the way from draft to deprecated."""

from collections.abc import Iterator
from enum import StrEnum
from typing import Final

from broker.domain.commands import PYTHON, problems
from broker.domain.parameters import parameters_model
from broker.errors import Conflict, FieldError, InvalidInput
from broker.protocol.apps import ParameterSpec, VersionSpec
from broker.protocol.limits import APP_FILES_BYTES_MAX
from broker.protocol.states import VersionState

PROCESS: Final = "process"  # the executor that knows nothing of images


class VersionEvent(StrEnum):
    """What can be done to a version."""

    PUBLISH = "be published"
    DEPRECATE = "be deprecated"


S, E = VersionState, VersionEvent

# Doing a thing twice is doing it once. A draft is never deprecated: deprecated versions are for
# everybody to see, and a draft is not.
TRANSITIONS: Final[dict[tuple[VersionState, VersionEvent], VersionState]] = {
    (S.DRAFT, E.PUBLISH): S.PUBLISHED,
    (S.PUBLISHED, E.PUBLISH): S.PUBLISHED,
    (S.PUBLISHED, E.DEPRECATE): S.DEPRECATED,
    (S.DEPRECATED, E.DEPRECATE): S.DEPRECATED,
}


def transition(state: VersionState, event: VersionEvent) -> VersionState:
    """The state after an event.

    Raises:
        Conflict: the event cannot happen in this state.
    """
    target = TRANSITIONS.get((state, event))
    if target is None:
        raise Conflict(f"a version in the state {state} cannot {event}")
    return target


def check(spec: VersionSpec) -> None:
    """Refuses a spec whose jobs could never run.

    Raises:
        InvalidInput: with one entry for each bad field, pointers relative to the request.
    """
    bad = [*_command(spec), *_files(spec), *_environment(spec), *_parameters(spec)]
    if bad:
        first = f"{bad[0].pointer}: {bad[0].detail}"
        more = f" (and {len(bad) - 1} more)" if len(bad) > 1 else ""
        raise InvalidInput(first + more, errors=bad[:100])


def _command(spec: VersionSpec) -> Iterator[FieldError]:
    for index, element in enumerate(spec.command):
        for detail in problems(element, spec.parameters):
            yield FieldError(f"/spec/command/{index}", detail)
    if not spec.command[0]:
        yield FieldError("/spec/command/0", "the program must not be empty")
    if spec.image is not None and spec.executor == PROCESS:
        yield FieldError("/spec/image", f"the executor {PROCESS!r} runs no images")


def _files(spec: VersionSpec) -> Iterator[FieldError]:
    size = sum(len(text.encode()) for text in spec.files.values())
    if size > APP_FILES_BYTES_MAX:
        yield FieldError("/spec/files", f"{size} bytes, at most {APP_FILES_BYTES_MAX} together")


def _environment(spec: VersionSpec) -> Iterator[FieldError]:
    for name, value in spec.environment.items():
        if "\0" in value:
            yield FieldError(f"/spec/environment/{name}", "a variable cannot hold a NUL character")


def _parameters(spec: VersionSpec) -> Iterator[FieldError]:
    for name, parameter in spec.parameters.items():
        pointer = f"/spec/parameters/{name}"
        if name == PYTHON:
            yield FieldError(pointer, "the name stands for the interpreter in commands")
        if detail := _empty_range(parameter):
            yield FieldError(f"{pointer}/maximum", detail)
    try:
        parameters_model(spec)
    except InvalidInput as error:
        yield from error.errors


def _empty_range(spec: ParameterSpec) -> str | None:
    if spec.minimum is None or spec.maximum is None or spec.minimum <= spec.maximum:
        return None
    return "must not be less than the minimum"
