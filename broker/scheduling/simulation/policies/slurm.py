"""Slurm's Fair Tree with backfill: users ranked level by level by share over usage.

A job's priority is its user's fair-share factor alone (other factors of Slurm's multifactor plugin
have weight 0), computed anew every PriorityCalcPeriod from usage that decays with a half-life;
within a rank the older job goes first. Like Slurm's main loop it stops at the first job that does
not fit, and like its backfill plugin, up to bf_max_job_test = 500 jobs deep, it starts what does
not delay that one. Slurm plans ahead for every job that it tests; here only the first one blocked
has a reservation.

Source: fair_tree.c of Slurm's priority/multifactor plugin; slurm.conf for the defaults.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from broker.scheduling.columns import Floats, Int32s
from broker.scheduling.simulation.held import HeldAverage
from broker.scheduling.simulation.in_order import serve_in_order
from broker.scheduling.simulation.quotas import Tree
from broker.scheduling.simulation.scene import Scene
from broker.scheduling.simulation.state import State

CALC_PERIOD_SECONDS = 300.0
INFINITY = float("inf")


@dataclass(slots=True)
class Association:
    """A user, or an account with children, in Slurm's tree.

    share: raw shares among siblings; None is Slurm's "parent": such a user stands before all
        siblings, and such an account's children count as its own siblings.
    usage: decayed, in any unit; of an account it is the sum of its users'.
    """

    name: str
    share: float | None
    usage: float = 0.0
    children: list["Association"] = field(default_factory=list)
    is_user: bool = False
    level_fairshare: float = 0.0

    def users(self) -> Iterator["Association"]:
        """All users below, or itself."""
        if self.is_user:
            yield self
        for child in self.children:
            yield from child.users()

    def siblings(self) -> Iterator["Association"]:
        """Children, those of children with share "parent" in their place."""
        for child in self.children:
            if child.share is None and not child.is_user:
                yield from child.siblings()
            else:
                yield child


def rank(root: Association) -> dict[str, float]:
    """The fair-share factor of each user: its place in the tree over the number of users, 1 the
    best. Sets `level_fairshare` of all."""
    measure(root)
    return _Ranking(sum(1 for _ in root.users())).of(root)


def measure(account: Association) -> float:
    """Set usage of accounts and level fairshare below one: share over usage, both as parts of all
    siblings'. Returns the usage of the account."""
    if account.is_user:
        return account.usage
    account.usage = sum(measure(child) for child in account.children)
    siblings = list(account.siblings())
    shares = sum(child.share or 0.0 for child in siblings)
    for child in siblings:
        if child.share is None:
            child.level_fairshare = INFINITY
        elif child.share == 0:
            child.level_fairshare = 0.0
        elif child.usage == 0:
            child.level_fairshare = INFINITY
        else:
            child.level_fairshare = (child.share / shares) / (child.usage / account.usage)
    return account.usage


class _Ranking:
    """A walk down the tree, best level fairshare first; equals share a rank, and accounts that are
    equal are walked as one."""

    def __init__(self, users: int) -> None:
        self._users = users
        self._rank = users
        self._rank_without_ties = users
        self._factor: dict[str, float] = {}

    def of(self, root: Association) -> dict[str, float]:
        self._walk(list(root.siblings()), tied=False)
        return self._factor

    def _walk(self, siblings: Sequence[Association], tied: bool) -> None:
        """tied: whether the account above is equal to what was ranked last."""
        ordered = sorted(siblings, key=lambda each: (-each.level_fairshare, not each.is_user))
        at, before = 0, None
        while at < len(ordered):
            each = ordered[at]
            if before is not None:
                tied = before == each.level_fairshare
            before = each.level_fairshare
            at += 1
            if each.is_user:
                if not tied:
                    self._rank = self._rank_without_ties
                self._factor[each.name] = self._rank / self._users
                self._rank_without_ties -= 1
                continue
            merged = list(each.siblings())
            while at < len(ordered) and ordered[at].level_fairshare == before:
                merged += ordered[at].siblings()
                at += 1
            self._walk(merged, tied)


class SlurmFairTree:
    """See the module."""

    def __init__(self, scene: Scene, state: State) -> None:
        self._state = state
        self._held = HeldAverage(state.held.size, scene.half_life_seconds, scene.start_seconds)
        self._root, self._users = associations(scene.tree)
        self._same_job = np.zeros(scene.trace.jobs)
        self._key: Floats = np.zeros(state.held.size)
        self._calculated_seconds = -INFINITY

    def advance(self, now: float) -> None:
        """Usage grows with what is held."""
        self._held.advance(self._state.held, now)

    def submitted(self, first: int, last: int, now: float) -> None:
        """A new job has its user's factor."""

    def ended(self, job: int, seconds: float) -> None:
        """Usage was counted while the job ran."""

    def cycle(self, now: float) -> Int32s:
        """By factor, then by age."""
        if now - self._calculated_seconds >= CALC_PERIOD_SECONDS:
            self._calculated_seconds = now
            for user, usage in zip(self._users, self._held.slots.tolist(), strict=True):
                user.usage = usage
            factor = rank(self._root)
            self._key = np.array([-factor[user.name] for user in self._users])
        return serve_in_order(self._state, self._key, self._same_job, now, True)


def associations(tree: Tree) -> tuple[Association, list[Association]]:
    """The root of Slurm's tree for a tree of quotas, and its users in order of account."""
    root = Association("root", 1.0)
    accounts = [
        Association(name, float(weight))
        for name, weight in zip(tree.groups, tree.weight[: len(tree.groups)], strict=True)
    ]
    root.children.extend(accounts)
    users = []
    weights = tree.weight[len(tree.groups) :].tolist()
    for row, (group, weight) in enumerate(zip(tree.group.tolist(), weights, strict=True)):
        user = Association(str(row), weight, is_user=True)
        (accounts[group] if group >= 0 else root).children.append(user)
        users.append(user)
    return root, users
