"""Who wants slots: accounts, and the tree of groups in which they share."""

from dataclasses import dataclass, field

import numpy as np

from broker.scheduling.columns import (
    FLOAT,
    INT32,
    INT64,
    LARGEST,
    Bounded,
    Floats,
    Int32s,
    Int64s,
    InvalidColumnError,
    Rule,
    Rules,
    empty,
)
from broker.scheduling.kernel import kernel

ACCOUNTS: Rules = (
    Rule("id", INT64),
    Rule("weight", FLOAT, 0.0, LARGEST),
    Rule("usage_gpu_seconds", FLOAT, 0.0, LARGEST),
    Rule("entitled_gpu_seconds", FLOAT, 0.0, LARGEST, default=0.0),
    Rule("lag_slots", FLOAT, -LARGEST, LARGEST, default=0.0),
    Rule("group", INT32, -1.0, why="names no group row", default=-1),
    Rule("minimum", FLOAT, 0.0, LARGEST, default=0.0),
    Rule("maximum", FLOAT, 0.0, default=np.inf),
)
GROUPS: Rules = (
    Rule("id", INT64),
    Rule("parent", INT32, -1.0, why="names no group row"),
    Rule("weight", FLOAT, 0.0, LARGEST),
    Rule("usage_gpu_seconds", FLOAT, 0.0, LARGEST, default=0.0),
    Rule("entitled_gpu_seconds", FLOAT, 0.0, LARGEST, default=0.0),
    Rule("lag_slots", FLOAT, -LARGEST, LARGEST, default=0.0),
    Rule("minimum", FLOAT, 0.0, LARGEST, default=0.0),
    Rule("maximum", FLOAT, 0.0, default=np.inf),
)


@dataclass(frozen=True, slots=True)
class Accounts(Bounded):
    """Who wants slots, n rows. The columns with a default may be left out.

    id: int64[n], each once.
    weight: float64[n], the quota among siblings; 0 is served only where nobody of positive weight
        fits.
    usage_gpu_seconds: float64[n], decayed to now, running reservations included.
    entitled_gpu_seconds: float64[n], the integral of `Plan.fair_slots`, decayed alike.
    lag_slots: float64[n], slots that the account was short of (below 0: beyond) its part, on
        average over the length of a typical job; see `lag`.
    group: int32[n], row of `Groups`, -1 at the top.
    minimum, maximum: float64[n], in slots: what it gets before weights count, and the most it may
        hold. Minima beyond what there is are scaled down.
    """

    id: Int64s
    weight: Floats
    usage_gpu_seconds: Floats
    entitled_gpu_seconds: Floats = field(default_factory=empty)
    lag_slots: Floats = field(default_factory=empty)
    group: Int32s = field(default_factory=empty)
    minimum: Floats = field(default_factory=empty)
    maximum: Floats = field(default_factory=empty)

    def __post_init__(self) -> None:
        self._check(ACCOUNTS)
        self._check_bounds()


@dataclass(frozen=True, slots=True)
class Groups(Bounded):
    """Groups of accounts and of groups, g rows: siblings share first, then the members of each.

    id: int64[g], each once.
    parent: int32[g], row of `Groups`, -1 at the top; never a circle.
    weight: float64[g], the quota among siblings, accounts and groups alike.
    usage_gpu_seconds: float64[g], of members that are no rows of `Accounts` because they want
        nothing now; what the others used is added to it. entitled_gpu_seconds: likewise.
    lag_slots, minimum, maximum: float64[g], as in `Accounts`, for all members together.
    """

    id: Int64s = field(default_factory=empty)
    parent: Int32s = field(default_factory=empty)
    weight: Floats = field(default_factory=empty)
    usage_gpu_seconds: Floats = field(default_factory=empty)
    entitled_gpu_seconds: Floats = field(default_factory=empty)
    lag_slots: Floats = field(default_factory=empty)
    minimum: Floats = field(default_factory=empty)
    maximum: Floats = field(default_factory=empty)

    def __post_init__(self) -> None:
        self._check(GROUPS)
        self._check_bounds()
        self.refuse_outside("parent", -1, self.id.size - 1, "names no group row")
        on_circle = first_on_circle(self.parent)
        if on_circle >= 0:
            raise InvalidColumnError("groups.parent", "lies on a circle", on_circle)


@kernel
def first_on_circle(parent: Int32s) -> int:
    """The first group that is its own ancestor, -1 for none. parent: int32[g], in range."""
    walk = np.full(parent.size, -1, np.int64)  # the walk upwards that came by first
    first = parent.size
    for start in range(parent.size):
        node = start
        while node >= 0 and walk[node] < 0:
            walk[node] = start
            node = parent[node]
        met = node
        while node >= 0 and walk[node] == start:  # this walk met itself
            first = min(first, node)
            node = parent[node]
            if node == met:
                break
    return first if first < parent.size else -1
