"""Small snapshots for tests, with every column that a test does not care about filled in."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from broker.scheduling import Accounts, Hosts, Lanes, Plan, Snapshot

ACCOUNT_OPTIONS = ("entitled_gpu_seconds", "lag_slots", "group", "minimum", "maximum")
WEEK_SECONDS = 7 * 86400.0


def fleet(
    weights: Sequence[float],
    lanes: Sequence[dict[str, Any]],
    hosts: Sequence[dict[str, Any]],
    **options: Any,
) -> Snapshot:
    """A snapshot from rows. Lanes default to one job of one slot for the account of the same row,
    suited by class 0; hosts to one free slot of class 0 with cpus and memory enough."""
    lane_rows = [
        {
            "id": row,
            "account": row,
            "pending": 1,
            "running": 0,
            "slots": 1,
            "cpus": 0,
            "memory_mib": 0,
            "classes": 1,
            "last_served": 0.0,
            "members": 1,
            "members_on_host": 2**31 - 1,
            "limit_seconds": np.inf,
            "skipped": 0,
            "waited_seconds": 0.0,
            "reserved_class": -1,
        }
        | lane
        for row, lane in enumerate(lanes)
    ]
    host_rows = [
        {"id": row, "klass": 0, "slots_free": 1, "cpus_free": 1000, "memory_mib_free": 10**6} | host
        for row, host in enumerate(hosts)
    ]
    klass = [row["klass"] for row in host_rows]
    free = [row["slots_free"] for row in host_rows]
    busy = sum(row["running"] * row["slots"] * row["members"] for row in lane_rows)
    capacity = np.bincount(klass, weights=free, minlength=1).astype(np.int64)
    capacity[0] += busy
    usage = options.pop("usage_gpu_seconds", [0.0] * len(weights))
    return Snapshot(
        accounts=Accounts(
            id=options.pop("account_id", np.arange(len(weights))),
            weight=np.array(weights, float),
            usage_gpu_seconds=np.array(usage, float),
            **{name: np.array(options.pop(name)) for name in ACCOUNT_OPTIONS if name in options},
        ),
        lanes=Lanes(**_columns(lane_rows, Lanes)),
        hosts=Hosts(**_columns(host_rows, Hosts)),
        **{"class_capacity": capacity, "half_life_seconds": WEEK_SECONDS} | options,
    )


def _columns(rows: list[dict[str, Any]], table: type[Lanes] | type[Hosts]) -> dict[str, Any]:
    names = table.__dataclass_fields__
    floats = ("last_served", "limit_seconds", "waited_seconds")
    kinds = {"classes": np.uint64} | dict.fromkeys(floats, np.float64)
    return {
        name: np.array([row[name] for row in rows], kinds.get(name, np.int64)) for name in names
    }


def after(snapshot: Snapshot, plan: Plan) -> Snapshot:
    """The snapshot once every grant runs and nothing else has happened."""
    lanes, hosts = snapshot.lanes, snapshot.hosts
    taken = {}
    for free, need in (
        ("slots_free", lanes.slots),
        ("cpus_free", lanes.cpus),
        ("memory_mib_free", lanes.memory_mib),
    ):
        taken[free] = getattr(hosts, free).astype(np.int64)
        used = plan.grant_count * need[plan.grant_lane]
        np.subtract.at(taken[free], plan.grant_host, used)
    return replace(
        snapshot,
        lanes=replace(
            lanes,
            pending=lanes.pending - plan.lane_granted,
            running=lanes.running + plan.lane_granted,
            last_served=np.where(plan.lane_granted > 0, plan.planned_at, lanes.last_served),
        ),
        hosts=replace(hosts, **taken),
    )
