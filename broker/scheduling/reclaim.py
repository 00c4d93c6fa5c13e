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

from broker.scheduling import aftermath
from broker.scheduling.candidates import candidates
from broker.scheduling.columns import Floats, Int64s, InvalidColumnError
from broker.scheduling.cycle import plan
from broker.scheduling.decision import Plan
from broker.scheduling.fill_back import confirmed
from broker.scheduling.nodes import Nodes, enrol, last_service
from broker.scheduling.ordering import in_order, orders_by_id
from broker.scheduling.reclaim_rules import Reclaim
from broker.scheduling.reservation import ALWAYS, Holds, hold
from broker.scheduling.snapshot import Snapshot
from broker.scheduling.tree import Tree, grow
from broker.scheduling.victims import Claims, Family, Places, choose
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
    lane, claims, shapes = _claims(snapshot, nodes, family, holds)
    spare = nodes.allocated[:accounts] - family.floor[:accounts]
    if lane.size == 0 or not (spare > 0).any():
        return np.empty(0, np.int64)
    rows, jobs = candidates(snapshot, rules, spare)
    hosts = snapshot.hosts
    free = np.stack((hosts.slots_free, hosts.cpus_free, hosts.memory_mib_free), axis=1)
    places = Places(
        hosts.klass,
        free.astype(np.int64),
        holds.open_seconds != ALWAYS,
        rules.jobs_max.copy(),
    )
    claimed = lane[choose(nodes, family, claims, jobs, places, shapes)]
    return confirmed(snapshot, rows, jobs, claimed, now)


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
    snapshot: Snapshot, nodes: Nodes, family: Family, holds: Holds
) -> tuple[Int64s, Claims, int]:
    """Rows of `Lanes` whose jobs wait of accounts below what they are owed, int64[q], in the order
    of their rings; the claims; and the number of shapes."""
    lanes, accounts = snapshot.lanes, snapshot.accounts.id.size
    exist = sum(1 << c for c in np.flatnonzero(snapshot.class_capacity > 0).tolist())
    classes = holds.classes & np.uint64(exist)
    short = nodes.allocated[:accounts] < family.owed[:accounts]
    lane = np.flatnonzero((lanes.pending > 0) & (classes > 0) & short[lanes.account])
    masks, mask = np.unique(classes[lane], return_inverse=True)
    bits = masks[:, None] >> np.arange(snapshot.class_capacity.size, dtype=np.uint64)
    reach = (bits & np.uint64(1)) @ snapshot.class_capacity.astype(np.float64)
    lane = lane[np.lexsort((lane, reach[mask], lanes.last_served[lane], lanes.account[lane]))]
    need = (lanes.slots[lane], lanes.cpus[lane], lanes.memory_mib[lane])
    members, on_host = lanes.members[lane], lanes.members_on_host[lane]
    asks = np.stack((*need, members, on_host, classes[lane].view(np.int64), holds.klass[lane]))
    kinds, shape = np.unique(asks, axis=1, return_inverse=True)
    counts = np.bincount(lanes.account[lane], minlength=accounts)
    return (
        lane,
        Claims(
            first=np.append(0, np.cumsum(counts)),
            need=np.stack(need, axis=1).astype(np.int64),
            members=members.astype(np.int64),
            on_host=on_host.astype(np.int64),
            classes=classes[lane],
            waiting=lanes.pending[lane],
            shape=shape.reshape(-1),
            reserved=holds.klass[lane].astype(np.int64),
        ),
        kinds.shape[1],
    )
