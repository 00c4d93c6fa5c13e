"""HTCondor's accountant and negotiator: group quotas with surplus, and slices of pie by priority.

Groups have dynamic quotas in proportion to their weights and accept surplus. In each negotiation a
group is allocated what it asks for up to its quota; what is left goes to groups that ask for more,
by quota. Groups negotiate in order of use over quota. Inside a group submitters share by effective
user priority, real priority times factor, with factor 1 / weight; the real priority is the average
of slots held, at least 0.5, with a half-life.

A job that fits nowhere is passed over; nothing is reserved and nobody is preempted
(PREEMPTION_REQUIREMENTS is False by default). Jobs over several hosts start when the hosts happen
to be free: the dedicated scheduler, which holds claims while it collects more, is not modelled.

Source: Accountant.cpp, GroupEntry.cpp and matchmaker.cpp of HTCondor.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from broker.scheduling.columns import Floats, Int32s
from broker.scheduling.simulation.held import HeldAverage
from broker.scheduling.simulation.negotiation import spin_pie
from broker.scheduling.simulation.quotas import Tree
from broker.scheduling.simulation.scene import Scene, nothing
from broker.scheduling.simulation.state import State

PRIORITY_MIN = 0.5
ROUNDS_MAX = 3  # GROUP_QUOTA_MAX_ALLOCATION_ROUNDS
JITTER = 1e-9
WEIGHT_MIN = 1e-9  # HTCondor has no factor for an account without any quota


@dataclass(slots=True)
class Group:
    """An accounting group.

    configured: a fraction of the parent's quota, or, if `static`, a number of slots.
    requested: slots that its own submitters hold or wait for, those of subgroups not included.
    quota: of the group itself; subtree_quota: subgroups included. allocated: of `requested`.
    """

    name: str
    configured: float
    static: bool = False
    accepts_surplus: bool = True
    children: list["Group"] = field(default_factory=list)
    requested: float = 0.0
    quota: float = 0.0
    subtree_quota: float = 0.0
    allocated: float = 0.0
    unmet: float = 0.0
    subtree_unmet: float = 0.0


def real_priority(priority: float, slots: float, seconds: float, half_life_seconds: float) -> float:
    """A user's priority after holding `slots` for a time; smaller is better."""
    kept = math.pow(0.5, seconds / half_life_seconds)
    return max(PRIORITY_MIN, priority * kept + slots * (1.0 - kept))


def slices(slots: float, priorities: Sequence[float]) -> Floats:
    """Slots in inverse proportion to effective user priorities."""
    inverse = 1.0 / np.asarray(priorities, np.float64)
    share: Floats = slots * inverse / inverse.sum()
    return share


def assign_quotas(group: Group, quota: float) -> None:
    """Hand a quota down: static children first, scaled down to what there is, then fractions of the
    rest, scaled down where they exceed 1. The group keeps what its children do not get."""
    group.subtree_quota = quota
    static = sum(child.configured for child in group.children if child.static)
    dynamic = sum(child.configured for child in group.children if not child.static)
    to_static = min(static, quota)
    left = quota
    for child in group.children:
        if child.static:
            part = child.configured * (to_static / static if static > 0 else 0.0)
        else:
            part = child.configured * (quota - to_static) / max(dynamic, 1.0)
        assign_quotas(child, part)
        left -= part
    group.quota = max(0.0, left)


def allocate(group: Group) -> float:
    """Set `allocated` in the subtree: quota up to what is requested, then surplus. Returns the
    surplus that nobody below took."""
    group.allocated = min(group.requested, group.quota)
    group.unmet = group.requested - group.allocated
    group.subtree_unmet = group.unmet
    surplus = group.quota - group.allocated
    for child in group.children:
        surplus += allocate(child)
        if child.accepts_surplus:
            group.subtree_unmet += child.subtree_unmet
    return _spread(group, surplus) if group.children else surplus


def _spread(group: Group, surplus: float) -> float:
    """Give surplus to a group and its children, equals in this, in proportion to their quotas."""
    if surplus <= 0 or group.subtree_unmet <= 0:
        return surplus
    takers = [child for child in group.children if child.accepts_surplus]
    wanted = [child.subtree_unmet for child in takers] + [group.unmet]
    weights = [child.subtree_quota for child in takers] + [group.quota]
    given, surplus = _share_out(surplus, wanted, weights)
    for child, part in zip(takers, given, strict=False):
        if child.children:
            _spread(child, part)
        else:
            child.allocated += part
            child.unmet -= part
            child.subtree_unmet -= part
    group.allocated += given[-1]
    group.unmet -= given[-1]
    group.subtree_unmet -= sum(given)
    return surplus


def _share_out(
    surplus: float, wanted: Sequence[float], weights: Sequence[float]
) -> tuple[list[float], float]:
    """Parts of a surplus by weight, none above what is wanted; then, to those of weight 0, evenly.
    Returns the parts and what is left."""
    given = [0.0] * len(wanted)
    for weighed in (list(weights), [1.0] * len(wanted)):
        while surplus > JITTER:
            open_ = [i for i, want in enumerate(wanted) if want - given[i] > JITTER]
            total = sum(weighed[i] for i in open_)
            if total <= 0:
                break
            parts = [min(wanted[i] - given[i], surplus * weighed[i] / total) for i in open_]
            for i, part in zip(open_, parts, strict=True):
                given[i] += part
            surplus -= sum(parts)
    return given, max(0.0, surplus)


class HtCondor:
    """See the module."""

    def __init__(self, scene: Scene, state: State) -> None:
        self._state = state
        self._pool = float(scene.fleet.slots)
        self._held = HeldAverage(state.held.size, scene.half_life_seconds, scene.start_seconds)
        tree = scene.tree
        self._factor: Floats = 1.0 / np.maximum(tree.weight[len(tree.groups) :], WEIGHT_MIN)
        self._root, self._groups = accounting_groups(tree, self._pool)
        # Accounts beside the groups are submitters of the root, which comes last.
        self._group_of = np.where(tree.group >= 0, tree.group, len(tree.groups))
        self._lane_slots = _lane_slots(state)

    def advance(self, now: float) -> None:
        """Priorities follow what is held."""
        self._held.advance(self._state.held, now)

    def submitted(self, first: int, last: int, now: float) -> None:
        """Idle jobs are counted when a negotiation begins."""

    def ended(self, job: int, seconds: float) -> None:
        """Priorities were counted while the job ran."""

    def cycle(self, now: float) -> Int32s:
        """Negotiate up to three rounds: what one group cannot use goes to others."""
        state, groups = self._state, self._groups
        priority = np.maximum(self._held.slots, PRIORITY_MIN) * self._factor
        idle = np.zeros(state.held.size)
        np.add.at(idle, state.lane_account, state.waiting * self._lane_slots)
        for group, requested in zip(groups, self._by_group(idle + state.held), strict=True):
            group.requested = requested
        started = [nothing()]
        for _ in range(ROUNDS_MAX):
            allocate(self._root)
            started.extend(self._round(priority, idle, now))
            usage = self._by_group(state.held)
            met = [use >= group.allocated for use, group in zip(usage, groups, strict=True)]
            if state.totals[1] == 0 or all(met):
                break
            for group, use, enough in zip(groups, usage, met, strict=True):
                if not enough:
                    group.requested = use
        return np.concatenate(started)

    def _round(self, priority: Floats, idle: Floats, now: float) -> list[Int32s]:
        """Every group that may take more negotiates, in order of use over quota."""
        state = self._state
        usage = self._by_group(state.held)
        started = []
        for row in sorted(range(len(self._groups)), key=lambda row: self._starvation(row, usage)):
            limit = max(self._groups[row].allocated, self._groups[row].quota)
            if state.totals[1] == 0 or self._groups[row].allocated <= 0 or usage[row] >= limit:
                continue
            members = np.flatnonzero((self._group_of == row) & (idle > 0)).astype(np.int32)
            if members.size:
                best_first = members[np.argsort(priority[members], kind="stable")]
                started.append(spin_pie(state, best_first, priority, limit, self._pool, now))
        return started

    def _starvation(self, row: int, usage: Sequence[float]) -> float:
        """GROUP_SORT_EXPR: the root last, before it groups without quota, else use over quota."""
        if row == len(self._groups) - 1:
            return 3.4e38
        quota = self._groups[row].quota
        return usage[row] / quota if quota > 0 else 3.3e38

    def _by_group(self, slots: npt.NDArray[Any]) -> list[float]:
        sums = np.bincount(self._group_of, slots, minlength=len(self._groups))
        return [float(each) for each in sums]


def accounting_groups(tree: Tree, pool: float) -> tuple[Group, list[Group]]:
    """The root and all groups, the root last, with quotas by weight."""
    weight = tree.weight
    top = float(weight[tree.parent < 0].sum())
    groups = [
        Group(name, float(each) / top if top > 0 else 0.0)
        for name, each in zip(tree.groups, weight[: len(tree.groups)], strict=True)
    ]
    root = Group("<none>", 1.0, children=list(groups))
    assign_quotas(root, pool)
    return root, [*groups, root]


def _lane_slots(state: State) -> Floats:
    """Slots of one job by lane, float64[m]."""
    slots = np.zeros(state.waiting.size)
    slots[state.lane] = state.parts * state.slots
    return slots
