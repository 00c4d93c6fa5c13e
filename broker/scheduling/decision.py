"""The answer of a cycle: what to grant, and the numbers behind it."""

from dataclasses import dataclass

from broker.scheduling.columns import Floats, Int32s, Int64s


@dataclass(frozen=True, slots=True)
class Plan:
    """What to grant and why. Rows and indices are those of the snapshot.

    planned_at: seconds, the `now` that the plan was made for.
    grant_lane, grant_host: int32[g], grant_count: int64[g], jobs; in the order granted.
    grant_gang: int32[g], -1; or for a job of several members, whose rows follow each other and
        count members, the number of that job in this plan.
    weight_adjusted: float64[n], the quota after history.
    entitlement_slots: float64[n], the account's fair part of the whole fleet at this moment.
    fair_slots: float64[n], the same by quota alone, whatever was used before: the integral of it
        goes into later snapshots as `Accounts.entitled_gpu_seconds`.
    allocated_slots: int64[n], held before plus granted now.
    account_rank: int32[n], 1 for the waiting account that is served next, and so on; 0 where no
        job waits that the fleet could ever run. Maxima are left out of account.
    group_weight_adjusted, group_entitlement_slots: float64[g], group_allocated_slots: int64[g],
        likewise.
    lane_granted: int64[m], jobs granted now.
    lane_skipped: int32[m], cycles in a row in which the wide job at the head was passed over;
        goes into the next snapshot, like
    lane_reserved_class: int32[m], the class of the hosts held for it, -1 for none.
    lane_starts_in: float64[m], seconds until it is then expected to start, inf for none.
    lane_reason: int32[m], a `LaneReason`.
    lane_blocking_class: int32[m], the class whose slots the lane waits for, -1 where none.
    """

    planned_at: float
    grant_lane: Int32s
    grant_host: Int32s
    grant_count: Int64s
    grant_gang: Int32s
    weight_adjusted: Floats
    entitlement_slots: Floats
    fair_slots: Floats
    allocated_slots: Int64s
    account_rank: Int32s
    group_weight_adjusted: Floats
    group_entitlement_slots: Floats
    group_allocated_slots: Int64s
    lane_granted: Int64s
    lane_skipped: Int32s
    lane_reserved_class: Int32s
    lane_starts_in: Floats
    lane_reason: Int32s
    lane_blocking_class: Int32s
