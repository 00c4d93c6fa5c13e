"""Published examples of other systems, by kind."""

import json
from pathlib import Path

import pytest

EXAMPLES = json.loads(
    (Path(__file__).parents[1] / "data" / "worked_examples.json").read_text(encoding="utf-8")
)


def of_kind(*kinds, without=()):
    """Parametrise a test by the examples of these kinds, as `case`, but for some ids."""
    found = [c for c in EXAMPLES if c["kind"] in kinds and c["id"] not in without]
    assert {case["kind"] for case in found} == set(kinds)
    assert set(without) <= {case["id"] for case in EXAMPLES}
    return pytest.mark.parametrize("case", found, ids=lambda case: case["id"])
