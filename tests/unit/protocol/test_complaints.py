"""Complaints are in words for whoever wrote the message."""

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from broker.protocol import base
from broker.protocol.complaints import detail_of
from broker.protocol.groups import GroupRequest


def details(model: Any, value: object) -> list[str]:
    with pytest.raises(ValidationError) as refused:
        TypeAdapter(model).validate_python(value)
    return [detail_of(bad) for bad in refused.value.errors()]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"name": "a", "typo": 1}, ["there is no such field"]),
        ({}, ["is missing"]),
        ({"name": "a", "minimum_slots": 2, "maximum_slots": 1}, ["is below minimum_slots"]),
        ({"name": "a", "weight": float("nan")}, ["Input should be a finite number"]),
        ({"name": "My Lab"}, [f"expected {base.IN_WORDS[base.NAME]}"]),
    ],
)
def test_what_is_wrong_is_told_in_plain_words(value: object, said: list[str]) -> None:
    assert details(GroupRequest, value) == said


@pytest.mark.parametrize("kind", ["Name", "Label", "ParameterName", "FileName", "Digest"])
def test_every_pattern_has_words(kind: str) -> None:
    [said] = details(getattr(base, kind), "/ ")
    assert said in {f"expected {words}" for words in base.IN_WORDS.values()}
