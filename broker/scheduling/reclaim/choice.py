"""Reclaim: which running jobs to take back for accounts that wait below what they are owed.

Opt-in by pool, and nothing to do in nearly all cycles. Only from accounts, and groups, above their
entitlement and minimum, never below it; only jobs that have run for long enough, and not more than
the rate allows; and only where the sorted vector of allocation / weight improves strictly (see
`victims`). What comes out is checked against `plan` itself: the jobs are taken back on paper, all
that then waits is planned, and who would not make room for a claimant after all is spared.

Entitlements are fractions and jobs are whole, so a claimant may end above its entitlement by less
than a job, and a victim stops above its own by less than one. So nothing is taken to and fro.
"""

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from broker.scheduling.columns import Floats, Int64s, InvalidColumnError
from broker.scheduling.cycle import plan
from broker.scheduling.decision import Plan
from broker.scheduling.nodes import Nodes, enrol, last_service
from broker.scheduling.ordering import in_order, orders_by_id
from broker.scheduling.placement import Shapes, fold_shapes
from broker.scheduling.reclaim import aftermath
from broker.scheduling.reclaim.candidates import candidates
from broker.scheduling.reclaim.clearing import most_free
from broker.scheduling.reclaim.fill_back import bounds, confirmed
from broker.scheduling.reclaim.rules import Reclaim
from broker.scheduling.reclaim.state import Claims, Family, Jobs, Places
from broker.scheduling.reclaim.victims import choose
from broker.scheduling.reservation import ALWAYS, Holds, hold
from broker.scheduling.snapshot import Lanes, Snapshot
from broker.scheduling.tree import Tree, grow
from broker.scheduling.weights import dispatch_weights

EDGE = 1e-9  # of an entitlement: what is not told from it


class Owed(NamedTuple):
    """By node [N], of the plan: weight float64, adjusted; slots float64, the entitlement."""

    weight: Floats
    slots: Floats


def reclaims(snapshot: Snapshot, decided: Plan, rules: Reclaim, now: float) -> Int64s:
    """Rows of `snapshot.running` to hand back, int64[x] in rising order: all rows of each job.

    decided: the plan of this very snapshot. rules: how jobs of which hosts may be taken.
    Jobs that are `leaving` count as gone, their slots as free. A job on several hosts is one job
    for the rate, and all its hosts must allow it.

    Raises InvalidColumnError (a ValueError) for rules of another number of hosts, and for a lane
    that counts fewer running jobs than `snapshot.running` holds of it.
    """
    hosts, running = snapshot.hosts.id.size, snapshot.running
    if rules.pool.size != hosts:
        raise InvalidColumnError("reclaim.pool", f"must have {hosts} entries")
    if not (rules.open() and _anybody_short(snapshot, decided)):
        return np.empty(0, np.int64)
    now_runs, row = aftermath.granted(snapshot, decided), np.arange(running.id.size)
    orders = orders_by_id(snapshot)
    if not orders.none_needed:
        now_runs = orders.arrange(now_runs)
        rules = replace(rules, pool=in_order(orders.hosts, rules.pool))
    if running.leaving.any():
        leaves = np.isin(running.id, running.id[running.leaving])
        now_runs, row = aftermath.handed_back(now_runs, leaves), row[~leaves]
        now_runs = aftermath.granted(now_runs, plan(now_runs, now, explain=False))
    owed = Owed(
        np.append(
            in_order(orders.accounts, decided.weight_adjusted),
            in_order(orders.groups, decided.group_weight_adjusted),
        ),
        np.append(
            in_order(orders.accounts, decided.entitlement_slots),
            in_order(orders.groups, decided.group_entitlement_slots),
        ),
    )
    return row[_taken(now_runs, owed, rules, now)]


def _anybody_short(snapshot: Snapshot, decided: Plan) -> bool:
    """Whether a job still waits of an account below what it is owed."""
    lanes, running = snapshot.lanes, snapshot.running
    held = decided.allocated_slots.astype(np.float64)
    lane = running.lane[running.leaving]
    parts = running.members[running.leaving] * lanes.slots[lane]
    held -= np.bincount(lanes.account[lane], parts, held.size)
    short = held < decided.entitlement_slots * (1.0 - EDGE)
    return bool((short[lanes.account] & (lanes.pending > decided.lane_granted)).any())


def _taken(snapshot: Snapshot, owed: Owed, rules: Reclaim, now: float) -> Int64s:
    """The answer for rows in order of id, where all that fits has been granted."""
    lanes, accounts = snapshot.lanes, snapshot.accounts.id.size
    tree = grow(snapshot.accounts, snapshot.groups)
    held = np.bincount(lanes.account, lanes.running * lanes.job_slots(), accounts)
    served = last_service(lanes.account, lanes.last_served, accounts)
    weight = dispatch_weights(tree.parent, owed.weight)
    nodes = enrol(tree, weight, held.astype(np.int64), served)
    family = _family(tree, owed)
    holds = hold(snapshot)
    shapes = fold_shapes(lanes, holds, snapshot.class_capacity)
    lane, claims = _claims(lanes, nodes, family, holds, shapes)
    spare = nodes.allocated[:accounts] - family.floor[:accounts]
    if lane.size == 0 or not (spare > 0).any():
        return np.empty(0, np.int64)
    rows, jobs = candidates(snapshot, rules, spare)
    places = _places(snapshot, holds, rules, jobs)
    before = bounds(tree, nodes.allocated, family.owed, family.floor)
    claimed = lane[choose(nodes, family, claims, jobs, shapes, places)]
    return confirmed(snapshot, tree, before, rows, jobs, claimed, now)


def _family(tree: Tree, owed: Owed) -> Family:
    """The children of each node, and its bounds."""
    edge = EDGE * np.maximum(1.0, owed.slots)
    first = np.empty(tree.parent.size + 1, np.int64)
    last = np.empty_like(first)
    places = np.append(tree.order, tree.parent.size)
    first[places] = np.roll(tree.first[:-1], -1)
    last[places] = np.roll(tree.first[1:], -1)
    return Family(
        order=tree.order,
        first=first,
        last=last,
        owed=owed.slots - edge,
        floor=np.maximum(owed.slots, tree.minimum) - edge,
    )


def _claims(
    lanes: Lanes, nodes: Nodes, family: Family, holds: Holds, shapes: Shapes
) -> tuple[Int64s, Claims]:
    """Rows of `Lanes` whose jobs wait of accounts below what they are owed, int64[q], in the order
    of their rings; and the claims."""
    accounts = nodes.tail.size
    short = nodes.allocated[:accounts] < family.owed[:accounts]
    lane = np.flatnonzero((shapes.of_lane >= 0) & short[lanes.account])
    rarity = shapes.rarity[shapes.of_lane[lane]]
    lane = lane[np.lexsort((lane, rarity, lanes.last_served[lane], lanes.account[lane]))]
    counts = np.bincount(lanes.account[lane], minlength=accounts)
    return lane, Claims(
        first=np.append(0, np.cumsum(counts)),
        shape=shapes.of_lane[lane].astype(np.int64),
        waiting=lanes.pending[lane],
        reserved=holds.klass[lane].astype(np.int64),
    )


def _places(snapshot: Snapshot, holds: Holds, rules: Reclaim, jobs: Jobs) -> Places:
    """The hosts as they are."""
    hosts = snapshot.hosts
    amounts = (hosts.slots_free, hosts.cpus_free, hosts.memory_mib_free)
    free: Int64s = np.stack(amounts, axis=1).astype(np.int64)
    held = holds.open_seconds != ALWAYS
    return Places(hosts.klass, free, most_free(free, jobs), held, rules.jobs_max.copy())
