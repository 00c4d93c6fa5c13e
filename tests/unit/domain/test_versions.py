"""App versions: what is refused before it is stored, and the way from draft to deprecated."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.domain.commands import problems
from broker.domain.versions import VersionEvent, check, transition
from broker.errors import Conflict, InvalidInput
from broker.protocol.apps import VersionSpec
from broker.protocol.limits import APP_FILES_BYTES_MAX
from broker.protocol.states import VersionState
from workers.command import CommandInvalid, expand


def spec_of(**fields: Any) -> VersionSpec:
    return VersionSpec.model_validate({"command": ["true"], **fields})


def pointers(spec: VersionSpec) -> list[str]:
    with pytest.raises(InvalidInput) as caught:
        check(spec)
    return [error.pointer for error in caught.value.errors]


def test_a_sound_spec_passes() -> None:
    check(
        spec_of(
            command=["{python}", "main.py", "--t={t}", "{{literal}}"],
            files={"main.py": "print()"},
            environment={"MODE": "fast"},
            parameters={"t": {"type": "number", "minimum": 0, "maximum": 0, "default": 0}},
        )
    )


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"command": ["x", "{unknown}"]}, "/spec/command/1"),
        ({"command": ["x", "{"]}, "/spec/command/1"),
        ({"command": ["x", "a}b"]}, "/spec/command/1"),
        ({"command": ["x", "{1}}"]}, "/spec/command/1"),
        ({"command": ["x", "a\0b"]}, "/spec/command/1"),
        ({"command": [""]}, "/spec/command/0"),
        ({"environment": {"A": "x\0"}}, "/spec/environment/A"),
        ({"files": {"a": "é" * (APP_FILES_BYTES_MAX // 2 + 1)}}, "/spec/files"),
        ({"parameters": {"python": {"type": "string"}}}, "/spec/parameters/python"),
        (
            {"parameters": {"t": {"type": "number", "minimum": 2, "maximum": 1}}},
            "/spec/parameters/t/maximum",
        ),
        (
            {"parameters": {"t": {"type": "integer", "default": 1.5}}},
            "/spec/parameters/t/default",
        ),
    ],
)
def test_a_spec_whose_jobs_could_not_run_is_refused(fields: dict[str, Any], pointer: str) -> None:
    assert pointers(spec_of(**fields)) == [pointer]


def test_all_bad_fields_are_named_at_once() -> None:
    bad = spec_of(command=["{a}", "{b}"], environment={"A": "\0"})
    assert pointers(bad) == ["/spec/command/0", "/spec/command/1", "/spec/environment/A"]


@given(st.text(alphabet="{}ab_1 \0p", max_size=12))
def test_what_passes_here_can_be_filled_in_on_a_host(element: str) -> None:
    parameters = {"a": 1, "ab": "x"}
    passes = not list(problems(element, parameters))
    try:
        expand([element], parameters, python="/usr/bin/python3")
    except CommandInvalid:
        assert not passes
    else:
        assert passes


S, E = VersionState, VersionEvent


def test_a_draft_is_published_and_then_deprecated() -> None:
    assert transition(S.DRAFT, E.PUBLISH) is S.PUBLISHED
    assert transition(S.PUBLISHED, E.DEPRECATE) is S.DEPRECATED


@pytest.mark.parametrize(
    ("state", "event"), [(S.PUBLISHED, E.PUBLISH), (S.DEPRECATED, E.DEPRECATE)]
)
def test_doing_it_twice_is_doing_it_once(state: VersionState, event: VersionEvent) -> None:
    assert transition(state, event) is state


@pytest.mark.parametrize(("state", "event"), [(S.DRAFT, E.DEPRECATE), (S.DEPRECATED, E.PUBLISH)])
def test_a_version_never_comes_back_nor_skips_its_publication(
    state: VersionState, event: VersionEvent
) -> None:
    with pytest.raises(Conflict):
        transition(state, event)
