"""What to grant when `plan` itself has failed: first come, first served, in the order of quotas.

Plain on purpose, and without the kernels: whatever made `plan` fail must not fail here, too. It
heeds what a host has, and nothing of history, groups, minima and maxima.
"""

import numpy as np
import numpy.typing as npt

from broker.scheduling.columns import Int64s
from broker.scheduling.decision import Plan
from broker.scheduling.reasons import LaneReason
from broker.scheduling.snapshot import Snapshot


def first_come(snapshot: Snapshot, now: float) -> Plan:
    """Grants whole jobs to lanes by quota, the greatest first, then by age; on the first hosts
    that suit.

    Entitlements and ranks are 0: nothing was divided.
    """
    accounts, lanes, hosts = snapshot.accounts, snapshot.lanes, snapshot.hosts
    left = [hosts.slots_free.astype(np.int64), hosts.cpus_free.astype(np.int64)]
    left.append(hosts.memory_mib_free.astype(np.int64))
    granted = np.zeros(lanes.id.size, np.int64)
    allocated = np.zeros(accounts.id.size, np.int64)
    np.add.at(allocated, lanes.account, lanes.running * lanes.job_slots())
    grants: list[tuple[int, int, int]] = []
    for lane in np.lexsort((lanes.id, -accounts.weight[lanes.account])).tolist():
        if not left[0].any():
            break
        if lanes.members[lane] > 1:
            continue  # all or nothing takes more than a plain loop
        needs = (int(lanes.slots[lane]), int(lanes.cpus[lane]), int(lanes.memory_mib[lane]))
        bits = (lanes.classes[lane] >> hosts.klass.astype(np.uint64)) & np.uint64(1)
        for host, jobs in _first_fit(int(lanes.pending[lane]), bits.astype(bool), needs, left):
            grants.append((lane, host, jobs))
            granted[lane] += jobs
            for amount, need in zip(left, needs, strict=True):
                amount[host] -= jobs * need
    np.add.at(allocated, lanes.account, granted * lanes.slots)
    reasons = np.where(lanes.pending == 0, LaneReason.EMPTY, LaneReason.NO_FREE_SLOT)
    reasons[(lanes.pending > 0) & (granted == lanes.pending)] = LaneReason.GRANTED_ALL
    groups = snapshot.groups.id.size
    return Plan(
        planned_at=now,
        grant_lane=np.array([lane for lane, _, _ in grants], np.int32),
        grant_host=np.array([host for _, host, _ in grants], np.int32),
        grant_count=np.array([jobs for _, _, jobs in grants], np.int64),
        grant_gang=np.full(len(grants), -1, np.int32),
        weight_adjusted=accounts.weight.copy(),
        entitlement_slots=np.zeros(accounts.id.size),
        fair_slots=np.zeros(accounts.id.size),
        allocated_slots=allocated,
        account_rank=np.zeros(accounts.id.size, np.int32),
        group_weight_adjusted=snapshot.groups.weight.copy(),
        group_entitlement_slots=np.zeros(groups),
        group_allocated_slots=np.zeros(groups, np.int64),
        lane_granted=granted,
        lane_skipped=lanes.skipped.copy(),
        lane_reserved_class=lanes.reserved_class.copy(),
        lane_starts_in=np.full(lanes.id.size, np.inf),
        lane_reason=reasons.astype(np.int32),
        lane_blocking_class=np.full(lanes.id.size, -1, np.int32),
    )


def _first_fit(
    pending: int, suits: npt.NDArray[np.bool_], needs: tuple[int, int, int], left: list[Int64s]
) -> list[tuple[int, int]]:
    """(host row, jobs) until the lane has what it wants. suits: bool[h]; left: int64[h] each."""
    fits = np.where(suits, pending, 0)
    for amount, need in zip(left, needs, strict=True):
        if need:
            fits = np.minimum(fits, amount // need)
    before = np.cumsum(fits) - fits
    jobs = np.minimum(fits, np.maximum(0, pending - before))
    rows = np.flatnonzero(jobs)
    return list(zip(rows.tolist(), jobs[rows].tolist(), strict=True))
