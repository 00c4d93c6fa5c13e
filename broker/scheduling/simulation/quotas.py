"""Quotas of a trace's groups and accounts, and the tree that they weigh."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from broker.scheduling.columns import Floats, Int32s, Int64s, InvalidColumnError
from broker.scheduling.division import divide
from broker.scheduling.simulation.trace import BadRow, Trace, records

WEIGHT_COLUMNS = ("quota", "weight", "gpus")


@dataclass(frozen=True, slots=True)
class Quotas:
    """Weights. Without any, all groups weigh the same, and all accounts within a group.

    groups: by group; if it names one, it must name every group of the trace.
    accounts: by (group, user), against the other accounts of the group; 1 where it names none.
    """

    groups: Mapping[str, float] = field(default_factory=dict)
    accounts: Mapping[tuple[str, str], float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, weights in (("groups", self.groups), ("accounts", self.accounts)):
            for key, weight in weights.items():
                if not (math.isfinite(weight) and weight >= 0):
                    raise InvalidColumnError(
                        f"quotas.{name}[{key!r}]", f"is {weight}, not a finite number of at least 0"
                    )


@dataclass(frozen=True, slots=True)
class Tree:
    """Groups, then accounts, as nodes: g + n rows.

    groups: names, g. accounts: (group, user), n.
    parent: int64[g + n], -1 at the top. weight: float64[g + n], among siblings.
    group: int32[n], the group of each account, -1 for an account beside the groups.
    """

    groups: tuple[str, ...]
    accounts: tuple[tuple[str, str], ...]
    parent: Int64s
    weight: Floats
    group: Int32s

    def slices(self, capacity: float) -> Floats:
        """What each account would own, were the cluster cut up by quota; float64[n]."""
        everything = np.full(self.parent.size, np.inf)
        shares: Floats = divide(capacity, self.weight, everything, parent=self.parent)
        return shares[len(self.groups) :]


def tree_of(trace: Trace, quotas: Quotas) -> Tree:
    """Raises InvalidColumnError where quotas name groups, but not all of the trace's."""
    groups = tuple(dict.fromkeys(group for group, _ in trace.accounts if group))
    if quotas.groups:
        missing = [group for group in groups if group not in quotas.groups]
        if missing:
            raise InvalidColumnError("quotas.groups", f"has no quota for {', '.join(missing)}")
    number = {name: row for row, name in enumerate(groups)}
    group = np.array([number.get(name, -1) for name, _ in trace.accounts], np.int32)
    weight = [float(quotas.groups.get(name, 1.0)) for name in groups]
    weight += [float(quotas.accounts.get(account, 1.0)) for account in trace.accounts]
    parent = np.concatenate((np.full(len(groups), -1), group)).astype(np.int64)
    return Tree(groups, trace.accounts, parent, np.array(weight), group)


def read_quotas(lines: Iterable[str]) -> tuple[Quotas, list[BadRow]]:
    """Quotas of a CSV file with the columns group, optionally user, and quota (or weight or gpus).

    A row with a user weighs that account, a row without one the group.
    Raises InvalidColumnError where the heading lacks a column.
    """
    bad: list[BadRow] = []
    rows = records(lines, bad)
    heading = [name.strip().lstrip("\ufeff") for name in next(rows, (0, []))[1]]
    weighs = next((name for name in WEIGHT_COLUMNS if name in heading), None)
    if weighs is None or not {"group", "user"} & set(heading):
        raise InvalidColumnError(
            "heading", f"needs group or user, and one of {', '.join(WEIGHT_COLUMNS)}"
        )
    if len(set(heading)) < len(heading):
        raise InvalidColumnError("heading", f"has a column twice: {','.join(heading)}")
    groups: dict[str, float] = {}
    accounts: dict[tuple[str, str], float] = {}
    for line, fields in rows:
        row = dict(zip(heading, fields, strict=False))
        group, user = row.get("group", "").strip(), row.get("user", "").strip()
        try:
            if len(fields) > len(heading):
                raise ValueError(f"has {len(fields)} fields, not {len(heading)}")
            weight = _weight(weighs, row.get(weighs, ""))
            if not group and not user:
                raise ValueError("user and group are both empty")
            if (group, user) in accounts if user else group in groups:
                raise ValueError("occurs twice")
        except ValueError as error:
            bad.append(BadRow(line, str(error)))
            continue
        if user:
            accounts[group, user] = weight
        else:
            groups[group] = weight
    return Quotas(groups, accounts), bad


def _weight(name: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise ValueError(f"{name} is {text!r}, not a number") from None
    if not (math.isfinite(value) and value >= 0):
        raise ValueError(f"{name} is {text}, not a finite number of at least 0")
    return value
