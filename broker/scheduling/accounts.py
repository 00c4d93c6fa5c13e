"""Who wants slots: accounts, and the tree of groups in which they share."""

from dataclasses import dataclass, field

import numpy as np

from broker.scheduling.columns import (
    FLOAT,
    INT32,
    INT64,
    Bools,
    Bounded,
    Floats,
    Int32s,
    Int64s,
    empty,
    refuse,
)
from broker.scheduling.kernel import kernel


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
        self._take(
            ("id", INT64, None),
            ("weight", FLOAT, None),
            ("usage_gpu_seconds", FLOAT, None),
            ("entitled_gpu_seconds", FLOAT, 0.0),
            ("lag_slots", FLOAT, 0.0),
            ("group", INT32, -1),
            ("minimum", FLOAT, 0.0),
            ("maximum", FLOAT, np.inf),
        )
        self._check_bounds()
        for name in ("weight", "usage_gpu_seconds", "entitled_gpu_seconds"):
            self._refuse_negative(name)
            self._refuse_not_finite(name)
        self._refuse_not_finite("lag_slots")
        self.refuse_outside("group", -1, np.inf, "names no group row")


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
        self._take(
            ("id", INT64, None),
            ("parent", INT32, None),
            ("weight", FLOAT, None),
            ("usage_gpu_seconds", FLOAT, 0.0),
            ("entitled_gpu_seconds", FLOAT, 0.0),
            ("lag_slots", FLOAT, 0.0),
            ("minimum", FLOAT, 0.0),
            ("maximum", FLOAT, np.inf),
        )
        self._check_bounds()
        for name in ("weight", "usage_gpu_seconds", "entitled_gpu_seconds"):
            self._refuse_negative(name)
            self._refuse_not_finite(name)
        self._refuse_not_finite("lag_slots")
        self.refuse_outside("parent", -1, self.id.size - 1, "names no group row")
        refuse("groups.parent", on_circles(self.parent), "lies on a circle")


@kernel
def on_circles(parent: Int32s) -> Bools:
    """Which groups are their own ancestors, bool[g]. parent: int32[g], in range."""
    stuck = np.zeros(parent.size, np.bool_)
    walk = np.full(parent.size, -1, np.int64)  # the walk upwards that came by first
    for start in range(parent.size):
        node = start
        while node >= 0 and walk[node] < 0:
            walk[node] = start
            node = parent[node]
        while node >= 0 and walk[node] == start and not stuck[node]:  # this walk met itself
            stuck[node] = True
            node = parent[node]
    return stuck
