"""What the scheduler looks at: one moment of the fleet as NumPy columns.

Ids appear only to break ties and to be handed back; accounts, lanes, hosts and classes refer to one
another by row index. Rows may come in any order: the plan does not depend on it.
"""

import math
from dataclasses import dataclass, field

import numpy as np

from broker.scheduling.accounts import Accounts, Groups
from broker.scheduling.columns import (
    BOOL,
    FLOAT,
    INT32,
    INT64,
    MASK,
    Bools,
    Columns,
    Floats,
    Int32s,
    Int64s,
    InvalidColumnError,
    Masks,
    Rule,
    Rules,
    column,
    empty,
    refuse_negative,
)

UNBOUNDED = int(np.iinfo(np.int32).max)
CLASSES_MAX = 64  # one bit each in `Lanes.classes`

LANES: Rules = (
    Rule("id", INT64),
    Rule("account", INT32, 0.0),
    Rule("pending", INT64, 0.0),
    Rule("running", INT64, 0.0),
    Rule("slots", INT32, 1.0, why="is below 1"),
    Rule("cpus", INT32, 0.0),
    Rule("memory_mib", INT64, 0.0),
    Rule("classes", MASK),
    Rule("last_served", FLOAT),
    Rule("members", INT32, 1.0, why="is below 1", default=1),
    Rule("members_on_host", INT32, 1.0, why="is below 1", default=UNBOUNDED),
    Rule("limit_seconds", FLOAT, 0.0, default=np.inf),
    Rule("skipped", INT32, 0.0, default=0),
    Rule("waited_seconds", FLOAT, 0.0, default=0.0),
    Rule("reserved_class", INT32, -1.0, why="names no class", default=-1),
)
HOSTS: Rules = (
    Rule("id", INT64),
    Rule("klass", INT32, 0.0),
    Rule("slots_free", INT32, 0.0),
    Rule("cpus_free", INT32, 0.0),
    Rule("memory_mib_free", INT64, 0.0),
)
RUNNING: Rules = (
    Rule("id", INT64),
    Rule("lane", INT32, 0.0),
    Rule("host", INT32, 0.0),
    Rule("age_seconds", FLOAT, 0.0),
    Rule("seconds_left", FLOAT, 0.0, default=np.inf),
    Rule("members", INT32, 1.0, why="is below 1", default=1),
    Rule("leaving", BOOL, default=False),
)


@dataclass(frozen=True, slots=True)
class Lanes(Columns):
    """Queues of interchangeable jobs, m rows. A lane that only runs (pending 0) must be here too.

    id: int64[m], each once.
    account: int32[m], row of `Accounts`.
    pending: int64[m], jobs queued.
    running: int64[m], jobs that hold a lease.
    slots, cpus: int32[m], what one job takes of ONE host; slots >= 1 (a GPU or a CPU slot each).
    memory_mib: int64[m], likewise.
    members: int32[m] >= 1, in how many such parts a job comes, all or none of which start; on hosts
        of one class. 1 if left out.
    members_on_host: int32[m] >= 1, how many members of one job one host may take; if left out, as
        many as fit.
    limit_seconds: float64[m], how long a job may last at most; inf, and if left out, for unlimited.
    skipped: int32[m], `Plan.lane_skipped` of the last plan; 0 if left out.
    waited_seconds: float64[m], since the job at the head was skipped first; 0 if left out.
    reserved_class: int32[m], `Plan.lane_reserved_class` of the last plan; -1 if left out.
    classes: uint64[m], bit c set where host class c suits.
    last_served: float64[m], seconds on any clock; smaller goes first among equals.
    """

    id: Int64s
    account: Int32s
    pending: Int64s
    running: Int64s
    slots: Int32s
    cpus: Int32s
    memory_mib: Int64s
    classes: Masks
    last_served: Floats
    members: Int32s = field(default_factory=empty)
    members_on_host: Int32s = field(default_factory=empty)
    limit_seconds: Floats = field(default_factory=empty)
    skipped: Int32s = field(default_factory=empty)
    waited_seconds: Floats = field(default_factory=empty)
    reserved_class: Int32s = field(default_factory=empty)

    def __post_init__(self) -> None:
        self._check(LANES)

    def job_slots(self) -> Int64s:
        """Slots of one job, all members together, int64[m]."""
        slots: Int64s = self.slots.astype(np.int64) * self.members
        return slots


@dataclass(frozen=True, slots=True)
class Hosts(Columns):
    """What is free where, h rows; a row is a group of slots that one job may share.

    id: int64[h], each once.
    klass: int32[h], index of the resource class.
    slots_free, cpus_free: int32[h]. memory_mib_free: int64[h].
    """

    id: Int64s
    klass: Int32s
    slots_free: Int32s
    cpus_free: Int32s
    memory_mib_free: Int64s

    def __post_init__(self) -> None:
        self._check(HOSTS)


@dataclass(frozen=True, slots=True)
class Running(Columns):
    """What runs, r rows; needed only for reservations and for preemption. May be left out.

    id: int64[r], of the job; a job of several members has a row for each host.
    lane: int32[r], row of `Lanes`. host: int32[r], row of `Hosts`.
    age_seconds: float64[r], since it started.
    seconds_left: float64[r], until it ends by its declared limit; inf if left out.
    members: int32[r], on this host; 1 if left out.
    leaving: bool[r], was asked to go and has not gone yet; false if left out.
    """

    id: Int64s = field(default_factory=empty)
    lane: Int32s = field(default_factory=empty)
    host: Int32s = field(default_factory=empty)
    age_seconds: Floats = field(default_factory=empty)
    seconds_left: Floats = field(default_factory=empty)
    members: Int32s = field(default_factory=empty)
    leaving: Bools = field(default_factory=empty)

    def __post_init__(self) -> None:
        self._check(RUNNING)


NOTHING_RUNS = Running()


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All that `plan` reads. Made anew for each cycle; the plan never writes to it.

    class_capacity: int64[k], k <= 64, all slots of a class, busy or free.
    half_life_seconds: of the decay that `usage_gpu_seconds` went through; > 0.
    groups: who shares with whom first; without any, all accounts are siblings.
    running: what runs where, for reservations.
    reserve_after_skips, reserve_after_seconds: when a wide job that is passed over gets hosts held.
    idle_reserved_max: the part of all slots that may stand idle for that.
    history_strength: how much past usage bends the weights; 0 turns history off.
    weight_factor_min, weight_factor_max: bounds of that bending; min <= 1 <= max.
    slot_units: how many of what is called a slot here and in the plan make up a slot of the fleet,
        in whose seconds usage is counted; 8 where GPUs come in eighths.

    Raises InvalidColumnError (a ValueError) that names the argument and the index.
    """

    accounts: Accounts
    lanes: Lanes
    hosts: Hosts
    class_capacity: Int64s
    half_life_seconds: float
    groups: Groups = field(default_factory=Groups)
    running: Running = NOTHING_RUNS
    reserve_after_skips: int = 100
    reserve_after_seconds: float = 300.0
    idle_reserved_max: float = 0.05
    history_strength: float = 1.0
    weight_factor_min: float = 0.25
    weight_factor_max: float = 4.0
    slot_units: int = 1

    def __post_init__(self) -> None:
        capacity = column("class_capacity", self.class_capacity, np.int64)
        object.__setattr__(self, "class_capacity", capacity)
        refuse_negative("class_capacity", capacity)
        if capacity.size > CLASSES_MAX:
            raise InvalidColumnError("class_capacity", f"has more than {CLASSES_MAX} classes")
        self._check_links()
        if not (math.isfinite(self.half_life_seconds) and self.half_life_seconds > 0):
            raise InvalidColumnError("half_life_seconds", "must be finite and above 0")
        if not (math.isfinite(self.history_strength) and self.history_strength >= 0):
            raise InvalidColumnError("history_strength", "must be finite and not negative")
        if not 0 < self.weight_factor_min <= 1:
            raise InvalidColumnError("weight_factor_min", "must lie above 0 and not above 1")
        if not (math.isfinite(self.weight_factor_max) and self.weight_factor_max >= 1):
            raise InvalidColumnError("weight_factor_max", "must be finite and not below 1")
        if self.slot_units < 1:
            raise InvalidColumnError("slot_units", "must be at least 1")

    def _check_links(self) -> None:
        """Whoever refers to a row of another table names one that is there."""
        accounts, lanes, hosts, running = self.accounts, self.lanes, self.hosts, self.running
        groups, classes = self.groups.id.size, self.class_capacity.size
        accounts.refuse_outside("group", -1, groups - 1, "names no group row")
        running.refuse_outside("lane", 0, lanes.id.size - 1, "names no lane row")
        running.refuse_outside("host", 0, hosts.id.size - 1, "names no host row")
        lanes.refuse_outside("account", 0, accounts.id.size - 1, "names no account row")
        lanes.refuse_outside("reserved_class", -1, classes - 1, "names no class")
        hosts.refuse_outside("klass", 0, classes - 1, "names no class")

    def wide(self) -> Bools:
        """Lanes whose jobs take several slots at once, on one host or on several, bool[m]."""
        wide: Bools = (self.lanes.slots > self.slot_units) | (self.lanes.members > 1)
        return wide
