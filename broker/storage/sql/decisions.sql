-- name: near
-- What was last written of each lane up to a time, or else soon after: a lane that is new is written
-- down some seconds late.
-- $1 lanes, $2 time, $3 seconds after it
SELECT one.*
FROM unnest($1::int[]) AS wanted (lane_id)
CROSS JOIN LATERAL (
    (SELECT lane_id, account_id, term, cycle, reason, granted_jobs, pending_jobs, allocated_slots,
        entitlement_slots, weight_adjusted, account_rank
    FROM decision
    WHERE decision.lane_id = wanted.lane_id AND decision.at <= $2::timestamptz
    ORDER BY decision.at DESC LIMIT 1)
    UNION ALL
    (SELECT lane_id, account_id, term, cycle, reason, granted_jobs, pending_jobs, allocated_slots,
        entitlement_slots, weight_adjusted, account_rank
    FROM decision
    WHERE decision.lane_id = wanted.lane_id AND decision.at > $2::timestamptz
      AND decision.at <= $2::timestamptz + $3::float8 * interval '1 second'
    ORDER BY decision.at LIMIT 1)
    LIMIT 1
) AS one;

-- name: prune
-- $1 hours to keep
DELETE FROM decision WHERE at < now() - $1::float8 * interval '1 hour';
