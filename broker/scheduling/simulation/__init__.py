"""What would have happened: a trace of real submissions replayed under a policy, and measured.

    trace      jobs as columns, and the reading of their rows
    quotas     weights of groups and accounts, and their tree
    fleet      the cluster, and how wide jobs lie on it
    scene      all three together: the question; and what a policy is
    state      the cluster, its queues, and who holds what
    matching   jobs queue, find hosts, start and end
    in_order, negotiation  ways to choose the next lane, for the baselines
    clock      the event loop
    policies   Fairlead's `plan` and four baselines
    alone      each account on a slice of its own, the reference
    timeline   entitled and held, integrated
    report     the figures

Pure, like the rest of the room: arrays in, a report out. Reading files and drawing is the business
of the command line.
"""

from collections.abc import Callable

from broker.scheduling.columns import InvalidColumnError
from broker.scheduling.simulation.alone import alone
from broker.scheduling.simulation.clock import replay
from broker.scheduling.simulation.fleet import HOST_SLOTS, Fleet
from broker.scheduling.simulation.policies import POLICIES
from broker.scheduling.simulation.policies.reclaiming import Reclaiming
from broker.scheduling.simulation.quotas import Quotas, read_quotas
from broker.scheduling.simulation.report import Course, Metrics, Report, report
from broker.scheduling.simulation.scene import Scene
from broker.scheduling.simulation.trace import BadRow, Trace, read_trace

__all__ = [
    "HOST_SLOTS",
    "POLICIES",
    "BadRow",
    "Course",
    "Fleet",
    "Metrics",
    "Quotas",
    "Report",
    "Trace",
    "read_quotas",
    "read_trace",
    "simulate",
]


def simulate(
    trace: Trace,
    slots: int,
    policy: str,
    half_life_seconds: float,
    quotas: Quotas | None = None,
    *,
    host_slots: int = HOST_SLOTS,
    every_seconds: float = 0.0,
    reclaim_after_seconds: float | None = None,
    progress: Callable[[int], None] | None = None,
) -> Report:
    """Replay a trace on a cluster under a policy, and measure what each account got.

    slots: GPUs of the cluster, on hosts of `host_slots`. policy: a name in `POLICIES`.
    half_life_seconds: > 0, of the past usage that a policy remembers.
    quotas: none means that all groups, and all accounts of a group, weigh the same.
    every_seconds: time between two cycles, 0 for one after every event.
    reclaim_after_seconds: Fairlead takes jobs back that have run for so long, for accounts below
        what they are owed; None for never. The other policies take none back by default, nor here.
    progress: hears now and then how many jobs have ended.

    Raises InvalidColumnError (a ValueError) that names the argument.
    """
    if policy not in POLICIES:
        raise InvalidColumnError("policy", f"is {policy!r}, not one of {', '.join(POLICIES)}")
    if not 0 < half_life_seconds < float("inf"):
        raise InvalidColumnError("half_life_seconds", "must be finite and above 0")
    if not 0 <= every_seconds < float("inf"):
        raise InvalidColumnError("every_seconds", "must be finite and not negative")
    if reclaim_after_seconds is not None and not 0 <= reclaim_after_seconds < float("inf"):
        raise InvalidColumnError("reclaim_after_seconds", "must be finite and not negative")
    if trace.jobs == 0:
        raise InvalidColumnError("trace", "has no jobs")
    scene = Scene.of(trace, Fleet(slots, host_slots), half_life_seconds, quotas or Quotas())
    state = scene.state()
    reclaimer = None
    if policy == "fairlead" and reclaim_after_seconds is not None:
        reclaimer = Reclaiming(scene, state, reclaim_after_seconds)
    chosen = reclaimer or POLICIES[policy](scene, state)
    attempts = replay(scene, state, chosen, every_seconds, progress, reclaimer)
    return report(policy, scene, attempts, alone(scene))
