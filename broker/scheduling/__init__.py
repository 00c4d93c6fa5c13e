"""Fair share as pure numerics: a snapshot of the fleet in, a plan of grants out.

This room knows columns of numbers and nothing else: no database, queue, clock, network or
configuration, and no other room of the broker. It never awaits, and the same snapshot always gives
the same plan.

    columns     checked arguments
    accounts    who wants slots, and the groups in which they share
    snapshot    what the planner looks at
    division    exact weighted max-min shares, flat or down a tree
    tree        accounts and groups as nodes
    history     usage of what runs, charged in advance
    weights     quotas bent by what was used against what was due
    entitlement what each account and group is owed now, by the classes that suit
    reservation hosts held for wide jobs that were passed over
    placement   lanes folded into shapes, hosts in the order they are tried
    dispatch    whole jobs, one by one, to whoever stands lowest
    contest     who that is: knock-outs among siblings
    rings       the turns of an account's lanes
    fitting     the next host for a shape
    lag         who was short lately, for quotas finer than a slot
    rearrangement  room for one more, by moving what was just planned
    nodes       accounts and groups as they stand in the dispatch
    explanation reasons and ranks, for whoever asks
    ranks       who would be served next
    reasons     why a lane got what it got
    fallback    what to grant when `plan` has failed
    warming     kernels compiled in advance
    cycle       ties these together: `plan`
    decision    its answer: `Plan`
    reclaim     which running jobs to take back for accounts below what they are owed
    ordering    rows by id, so that a plan does not depend on row order
    simulation  a trace replayed through `plan`, and through other systems' rules
    kernel      the compiler's one door

`docs/fairshare.md` explains the algorithm with a worked example.
"""

from broker.scheduling.accounts import Accounts, Groups
from broker.scheduling.columns import InvalidColumnError
from broker.scheduling.cycle import plan
from broker.scheduling.decision import Plan
from broker.scheduling.division import divide
from broker.scheduling.fallback import first_come
from broker.scheduling.history import charges
from broker.scheduling.lag import carried
from broker.scheduling.reasons import LaneReason
from broker.scheduling.reclaim import Reclaim, reclaims
from broker.scheduling.simulation import simulate
from broker.scheduling.snapshot import CLASSES_MAX, Hosts, Lanes, Running, Snapshot
from broker.scheduling.warming import warm

__all__ = [
    "CLASSES_MAX",
    "Accounts",
    "Groups",
    "Hosts",
    "InvalidColumnError",
    "LaneReason",
    "Lanes",
    "Plan",
    "Reclaim",
    "Running",
    "Snapshot",
    "carried",
    "charges",
    "divide",
    "first_come",
    "plan",
    "reclaims",
    "simulate",
    "warm",
]
