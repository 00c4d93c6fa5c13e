"""Every numbered rule of the five systems has a test that carries its number."""

import ast
import re
from collections import Counter
from collections.abc import Iterator

from tests.docs.pages import ROOT

RULES = {"C": 7, "Y": 13, "B": 18, "T": 20, "H": 14}
ALL = {f"{system}{number}" for system, last in RULES.items() for number in range(1, last + 1)}
# Executed by hosts, which is not the broker's side: nothing of the list may stand here for long.
NOT_YET: set[str] = set()


def rules_of(name: str) -> list[str]:
    """The rules in a test's name: `test_rules_Y6_T3_roles_add_up`."""
    found = re.match(r"test_rules?_((?:[CYBTH]\d+_)+)", name)
    return found.group(1).strip("_").split("_") if found else []


def names() -> Iterator[str]:
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield node.name


def test_every_rule_has_a_test_that_carries_its_number() -> None:
    counted = Counter(rule for name in names() for rule in rules_of(name))
    assert set(counted) <= ALL, "no such rule"
    assert ALL - set(counted) == NOT_YET
