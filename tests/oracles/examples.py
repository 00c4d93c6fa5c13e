"""Published examples of other systems, by kind."""

import json
from pathlib import Path

import pytest

EXAMPLES = json.loads(
    (Path(__file__).parents[1] / "data" / "worked_examples.json").read_text(encoding="utf-8")
)


def of_kind(*kinds):
    """Parametrise a test by the examples of these kinds, as `case`; there must be some."""
    found = [case for case in EXAMPLES if case["kind"] in kinds]
    assert {case["kind"] for case in found} == set(kinds)
    return pytest.mark.parametrize("case", found, ids=lambda case: case["id"])
