"""Command templates."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.command import CommandInvalid, expand


def fill(*template: str, **parameters: object) -> list[str]:
    return expand(template, parameters, python="/usr/bin/python3")


@pytest.mark.parametrize(
    ("element", "value", "argument"),
    [
        ("{x}", 3, "3"),
        ("{x}", 0.5, "0.5"),
        ("{x}", True, "true"),
        ("{x}", False, "false"),
        ("{x}", "a b; rm -rf /", "a b; rm -rf /"),
        ("--t={x}K", 300, "--t=300K"),
        ("{x}{x}", "ab", "abab"),
        ("{x}", "{x} {y} }}", "{x} {y} }}"),
        ("{{x}}", 1, "{x}"),
        ("{{{x}}}", 1, "{1}"),
        ("plain", 1, "plain"),
        ("", 1, ""),
    ],
)
def test_placeholder_becomes_the_value(element: str, value: object, argument: str) -> None:
    assert fill(element, x=value) == [argument]


def test_python_is_the_agents_interpreter() -> None:
    assert fill("{python}", "-c", "print({{}})") == ["/usr/bin/python3", "-c", "print({})"]


def test_unknown_placeholder_is_named() -> None:
    with pytest.raises(CommandInvalid, match=r"unknown placeholder \{temperature\}"):
        fill("--t={temperature}", pressure=1)


@pytest.mark.parametrize("element", ["{", "}", "a{b", "{}", "{x y}", "{x}}", "{{x}"])
def test_lone_brace_is_refused(element: str) -> None:
    with pytest.raises(CommandInvalid, match="lone"):
        fill(element, x=1)


def test_nul_cannot_be_an_argument() -> None:
    with pytest.raises(CommandInvalid, match="NUL"):
        fill("{x}", x="a\0b")


def test_value_that_is_no_scalar_is_named() -> None:
    with pytest.raises(CommandInvalid, match="'x'"):
        fill("{x}", x=[1])


@given(st.lists(st.text().filter(lambda t: "\0" not in t), max_size=5))
def test_escaped_text_comes_back_whole(texts: list[str]) -> None:
    template = [text.replace("{", "{{").replace("}", "}}") for text in texts]
    assert fill(*template) == texts


@given(st.text().filter(lambda t: "\0" not in t))
def test_value_is_always_exactly_one_argument(value: str) -> None:
    assert fill("run", "{x}", "end", x=value) == ["run", value, "end"]
