"""The compiled validator of job parameters, and its JSON Schema."""

import warnings
from typing import Any

import orjson
import pytest
from pydantic import ValidationError

from broker.domain.parameters import check_inputs, job_adapter, parameters_model, parameters_schema
from broker.errors import InvalidInput
from broker.protocol.apps import VersionSpec


def spec_of(parameters: dict[str, Any], **more: Any) -> VersionSpec:
    return VersionSpec.model_validate({"command": ["true"], "parameters": parameters, **more})


def dumped(spec: VersionSpec, parameters: dict[str, Any]) -> Any:
    jobs = job_adapter(spec).validate_json(orjson.dumps([{"parameters": parameters}]))
    return orjson.loads(jobs[0].parameters.model_dump_json())


def refused(spec: VersionSpec, parameters: dict[str, Any]) -> tuple[Any, ...]:
    with pytest.raises(ValidationError) as caught:
        dumped(spec, parameters)
    return caught.value.errors()[0]["loc"]


TEMPERATURE = {"type": "number", "minimum": 0, "maximum": 1_000, "unit": "K"}


def test_defaults_are_filled_in() -> None:
    spec = spec_of({"t": TEMPERATURE, "n": {"type": "integer", "default": 3}})
    assert dumped(spec, {"t": 300}) == {"t": 300, "n": 3}


@pytest.mark.parametrize(
    ("parameter", "bad"),
    [
        (TEMPERATURE, -1),
        (TEMPERATURE, 1_001),
        (TEMPERATURE, "300"),
        (TEMPERATURE, True),
        (TEMPERATURE, None),
        ({"type": "integer"}, 1.5),
        ({"type": "integer"}, True),
        ({"type": "boolean"}, 1),
        ({"type": "string"}, 1),
        ({"type": "string", "choices": ["a", "b"]}, "c"),
    ],
)
def test_a_value_that_does_not_fit_is_named(parameter: dict[str, Any], bad: Any) -> None:
    assert refused(spec_of({"x": parameter}), {"x": bad})[:3] == (0, "parameters", "x")


def test_an_unknown_parameter_is_named() -> None:
    assert refused(spec_of({}), {"typo": 1}) == (0, "parameters", "typo")


def test_a_missing_parameter_is_named() -> None:
    assert refused(spec_of({"x": {"type": "integer"}}), {}) == (0, "parameters", "x")


@pytest.mark.parametrize("name", ["copy", "json", "schema", "model_config", "model_dump_json"])
def test_a_parameter_may_be_called_like_a_method_of_the_validator(name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert dumped(spec_of({name: {"type": "integer"}}), {name: 7}) == {name: 7}


@pytest.mark.parametrize(
    ("parameter", "pointer"),
    [
        ({"type": "string", "minimum": 1}, "/minimum"),
        ({"type": "boolean", "maximum": 1}, "/minimum"),
        ({"type": "number", "choices": ["a"]}, "/choices"),
        ({"type": "integer", "default": "x"}, "/default"),
        ({"type": "number", "maximum": 1, "default": 2}, "/default"),
        ({"type": "string", "choices": ["a"], "default": "b"}, "/default"),
    ],
)
def test_a_spec_that_contradicts_itself_is_refused(parameter: dict[str, Any], pointer: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parameters_model(spec_of({"x": parameter}))
    assert caught.value.errors[0].pointer == "/spec/parameters/x" + pointer


def test_the_schema_tells_scientists_what_they_need() -> None:
    spec = spec_of(
        {
            "t": {**TEMPERATURE, "description": "Temperature of the bath."},
            "method": {"type": "string", "choices": ["a", "b"], "default": "a"},
        }
    )
    schema = parameters_schema(spec)
    assert schema["required"] == ["t"]
    assert schema["additionalProperties"] is False
    assert schema["properties"]["t"] == {
        "type": "number",
        "minimum": 0,
        "maximum": 1_000,
        "unit": "K",
        "title": "t",
        "description": "Temperature of the bath.",
    }
    assert schema["properties"]["method"]["enum"] == ["a", "b"]
    assert schema["properties"]["method"]["default"] == "a"


def test_missing_and_unknown_inputs_are_named() -> None:
    spec = spec_of({}, inputs={"a.txt": {}, "b.txt": {"required": False}})
    assert check_inputs(spec, frozenset({"a.txt"})) == []
    pointers = {problem.pointer for problem in check_inputs(spec, frozenset({"c.txt"}))}
    assert pointers == {"/inputs/a.txt", "/inputs/c.txt"}
