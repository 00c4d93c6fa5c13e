"""Fill-back: would the slots of those who are to go reach the claimants after all?"""

from typing import NamedTuple

import numpy as np

from broker.scheduling.columns import Bools, Floats, Int64s
from broker.scheduling.cycle import plan
from broker.scheduling.decision import Plan
from broker.scheduling.reclaim import aftermath
from broker.scheduling.reclaim.state import Jobs
from broker.scheduling.snapshot import Hosts, Snapshot
from broker.scheduling.tree import Tree

ROUNDS_MAX = 10
GENTLE_ROUNDS = 2


class Bounds(NamedTuple):
    """Before anything is taken, by node [N]: held int64 and floor float64, in slots, below which
    nobody may come by it; short bool, whether it and all groups above it are below what they are
    owed."""

    held: Int64s
    floor: Floats
    short: Bools


def bounds(tree: Tree, held: Int64s, owed: Floats, floor: Floats) -> Bounds:
    """held int64[N + 1]; owed and floor float64[N]: nodes below `owed` are short."""
    short = np.append(held[:-1] < owed, True)
    for node in tree.order[tree.first[1] :]:  # parents first; those at the top have none
        short[node] &= short[tree.parent[node]]
    return Bounds(held[:-1].copy(), floor, short[:-1])


def confirmed(
    snapshot: Snapshot,
    tree: Tree,
    before: Bounds,
    rows: Int64s,
    jobs: Jobs,
    claimed: Int64s,
    now: float,
) -> Int64s:
    """Rows of `snapshot.running` that go, int64[x] in rising order.

    rows: int64[y], those rows by part of `jobs`. claimed: int64[c], by claim its lane.

    Plans what follows once the taken jobs have gone, and spares jobs that were taken for claims
    which would not be served, jobs whose slots would stay free, and jobs of who would end too low.
    Then looks again, since the others would get less. Where that does not come to rest soon, each
    round gives up the later half of the claims as well, and in the end all: the next call may
    serve them.
    """
    taken, standing = jobs.taken >= 0, np.ones(claimed.size, bool)
    of_part = np.repeat(np.arange(taken.size), np.diff(jobs.first_part))
    for number in range(ROUNDS_MAX):
        gone = np.zeros(snapshot.running.id.size, bool)
        gone[rows[taken[of_part]]] = True
        if not gone.any():
            break
        left = aftermath.handed_back(snapshot, gone)
        made = plan(left, now, explain=False)
        standing = _served(snapshot, before, claimed, standing, made.lane_granted)
        spared = taken & ~standing[jobs.taken]
        spared |= taken & _too_low(tree, before, made)[jobs.account]
        if not spared.any():
            spared = _idle(aftermath.granted(left, made).hosts, jobs, taken)
        if not spared.any():
            return np.flatnonzero(gone)
        if number >= GENTLE_ROUNDS:
            standing[np.flatnonzero(standing)[standing.sum() // 2 :]] = False
            spared |= taken & ~standing[jobs.taken]
        taken &= ~spared
    return np.empty(0, np.int64)


def _served(
    snapshot: Snapshot, before: Bounds, claimed: Int64s, standing: Bools, granted: Int64s
) -> Bools:
    """Which claims bool[c] the grants int64[m] of a plan cover, slot by slot of each account. What
    another account got beyond its claims stands in for them if it could claim from everybody.

    standing: bool[c], the claims that are looked at.
    """
    lanes, accounts = snapshot.lanes, snapshot.accounts.id.size
    slots, account = lanes.job_slots()[claimed], lanes.account[claimed]
    got = np.bincount(lanes.account, granted * lanes.job_slots(), accounts)
    asked = np.bincount(account[standing], slots[standing], accounts)
    instead = float(np.maximum(got - asked, 0.0)[before.short[:accounts]].sum())
    served = np.zeros(claimed.size, bool)
    for claim in np.flatnonzero(standing):
        served[claim] = got[account[claim]] >= slots[claim]
        if served[claim]:
            got[account[claim]] -= slots[claim]
        elif instead >= slots[claim]:
            served[claim] = True
            instead -= slots[claim]
    return served


def _too_low(tree: Tree, before: Bounds, made: Plan) -> Bools:
    """Accounts bool[n] that end below their floor by what they lost, or lie in such a group."""
    held = np.append(made.allocated_slots, made.group_allocated_slots)
    low = np.append((held < before.held) & (held < before.floor), False)
    if low.any():
        for node in tree.order:
            low[node] |= low[tree.parent[node]]
    return low[: tree.accounts]


def _idle(hosts: Hosts, jobs: Jobs, taken: Bools) -> Bools:
    """Taken jobs bool[x] that could have stayed: what they held would still be free."""
    amounts = (hosts.slots_free, hosts.cpus_free, hosts.memory_mib_free)
    free: Int64s = np.stack(amounts, axis=1).astype(np.int64)
    idle = np.zeros(taken.size, bool)
    for job in np.flatnonzero(taken):
        parts = slice(jobs.first_part[job], jobs.first_part[job + 1])
        left = free[jobs.host[parts]] - jobs.members[parts, None] * jobs.need[jobs.lane[job]]
        if (left >= 0).all():
            free[jobs.host[parts]] = left
            idle[job] = True
    return idle
