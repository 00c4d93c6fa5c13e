-- name: take
-- The oldest rows that are due, out of other brokers' way; gone when the transaction commits.
-- $1 most rows
DELETE FROM outbox WHERE id IN (
    SELECT id FROM outbox WHERE available_at <= now()
    ORDER BY id LIMIT $1::int FOR UPDATE SKIP LOCKED
)
RETURNING id, kind, lane_id, first_job_id, jobs, priority;

-- name: depth
SELECT count(*)::int FROM (SELECT 1 FROM outbox LIMIT 10000) AS counted;
