"""A snapshot once something has happened: granted jobs run, or running ones are handed back."""

from dataclasses import fields, replace

import numpy as np

from broker.scheduling.columns import Bools, Int32s, Int64s
from broker.scheduling.decision import Plan
from broker.scheduling.snapshot import Hosts, Lanes, Running, Snapshot


def granted(snapshot: Snapshot, plan: Plan) -> Snapshot:
    """Once every grant runs. The new jobs are no rows of `running`: they have only begun."""
    lanes = snapshot.lanes
    latest = lanes.last_served.max(initial=0.0) + 1.0
    served = plan.lane_granted > 0
    return replace(
        snapshot,
        lanes=replace(
            lanes,
            pending=lanes.pending - plan.lane_granted,
            running=lanes.running + plan.lane_granted,
            last_served=np.where(served, latest, lanes.last_served),
            skipped=plan.lane_skipped,
            reserved_class=plan.lane_reserved_class,
        ),
        hosts=_freed(snapshot.hosts, lanes, plan.grant_lane, plan.grant_host, -plan.grant_count),
    )


def handed_back(snapshot: Snapshot, gone: Bools) -> Snapshot:
    """Once the jobs of these rows of `running` have left their hosts and wait in their lanes again.

    gone: bool[r], true for all rows of a job or for none.
    Raises InvalidColumnError where a lane counts fewer running jobs than rows of it go.
    """
    lanes, running = snapshot.lanes, snapshot.running
    rows = np.flatnonzero(gone)
    _, first = np.unique(running.id[rows], return_index=True)
    jobs = np.bincount(running.lane[rows[first]], minlength=lanes.id.size)
    freed = _freed(
        snapshot.hosts,
        lanes,
        running.lane[rows],
        running.host[rows],
        running.members[rows].astype(np.int64),
    )
    kept = {field.name: getattr(running, field.name)[~gone] for field in fields(running)}
    return replace(
        snapshot,
        lanes=replace(lanes, pending=lanes.pending + jobs, running=lanes.running - jobs),
        hosts=freed,
        running=Running(**kept),
    )


def _freed(hosts: Hosts, lanes: Lanes, lane: Int32s, host: Int32s, members: Int64s) -> Hosts:
    """The hosts with so many members more free, or fewer where below 0. By change [x]: its
    lane, host and members."""
    free = {}
    for kind, need in (
        ("slots_free", lanes.slots),
        ("cpus_free", lanes.cpus),
        ("memory_mib_free", lanes.memory_mib),
    ):
        amount = getattr(hosts, kind).astype(np.int64)
        np.add.at(amount, host, members * need[lane])
        free[kind] = amount
    return replace(hosts, **free)
