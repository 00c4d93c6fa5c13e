"""Who wants slots: accounts, and the tree of groups in which they share."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from broker.scheduling.columns import Bounded, Floats, Int32s, Int64s, empty, refuse


@dataclass(frozen=True, slots=True)
class Accounts(Bounded):
    """Who wants slots, n rows. The columns with a default may be left out.

    id: int64[n], each once.
    weight: float64[n], the quota among siblings; 0 is served only where nobody of positive weight
        fits.
    usage_gpu_seconds: float64[n], decayed to now, running reservations included.
    lag_slots: float64[n], slots that the account was short of (below 0: beyond) its part, on
        average over the length of a typical job; see `lag`.
    group: int32[n], row of `Groups`, -1 at the top.
    minimum, maximum: float64[n], in slots: what it gets before weights count, and the most it may
        hold. Minima beyond what there is are scaled down.
    """

    id: Int64s
    weight: Floats
    usage_gpu_seconds: Floats
    lag_slots: Floats = field(default_factory=empty)
    group: Int32s = field(default_factory=empty)
    minimum: Floats = field(default_factory=empty)
    maximum: Floats = field(default_factory=empty)

    def __post_init__(self) -> None:
        self._take("id", np.int64)
        size = self.id.size
        self._take("weight", np.float64, size)
        self._take("usage_gpu_seconds", np.float64, size)
        self._take_or_fill("lag_slots", np.float64, size, 0.0)
        self._take_or_fill("group", np.int32, size, -1)
        self._take_bounds(size)
        self._refuse_negative("weight", "usage_gpu_seconds")
        self._refuse_not_finite("weight", "usage_gpu_seconds", "lag_slots")
        refuse("accounts.group", self.group < -1, "names no group row")


@dataclass(frozen=True, slots=True)
class Groups(Bounded):
    """Groups of accounts and of groups, g rows: siblings share first, then the members of each.

    id: int64[g], each once.
    parent: int32[g], row of `Groups`, -1 at the top; never a circle.
    weight: float64[g], the quota among siblings, accounts and groups alike.
    usage_gpu_seconds: float64[g], of members that are no rows of `Accounts` because they want
        nothing now; what the others used is added to it.
    lag_slots, minimum, maximum: float64[g], as in `Accounts`, for all members together.
    """

    id: Int64s = field(default_factory=empty)
    parent: Int32s = field(default_factory=empty)
    weight: Floats = field(default_factory=empty)
    usage_gpu_seconds: Floats = field(default_factory=empty)
    lag_slots: Floats = field(default_factory=empty)
    minimum: Floats = field(default_factory=empty)
    maximum: Floats = field(default_factory=empty)

    def __post_init__(self) -> None:
        self._take("id", np.int64)
        size = self.id.size
        self._take("parent", np.int32, size)
        self._take("weight", np.float64, size)
        self._take_or_fill("usage_gpu_seconds", np.float64, size, 0.0)
        self._take_or_fill("lag_slots", np.float64, size, 0.0)
        self._take_bounds(size)
        self._refuse_negative("weight", "usage_gpu_seconds")
        self._refuse_not_finite("weight", "usage_gpu_seconds", "lag_slots")
        refuse("groups.parent", (self.parent < -1) | (self.parent >= size), "names no group row")
        refuse("groups.parent", on_circles(self.parent), "lies on a circle")


def on_circles(parent: Int32s) -> npt.NDArray[np.bool_]:
    """Which groups are their own ancestors, bool[g]. parent: int32[g], in range."""
    above = parent.astype(np.int64)
    for _ in range(parent.size.bit_length()):  # each round doubles the steps, past any top
        above = np.where(above >= 0, above[above], -1)
    stuck = np.zeros(parent.size, dtype=bool)
    stuck[above[above >= 0]] = True
    return stuck
