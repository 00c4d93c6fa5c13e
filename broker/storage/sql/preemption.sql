-- name: request
-- Asks hosts to hand jobs back, where their pool allows it and they have run long enough; leases
-- that are gone, or were asked before, are left out of the result. Returns a row a host to tell.
-- $1 job ids, $2 epochs
WITH asked AS (
    UPDATE job SET preempt_grace_seconds = preemption.grace_seconds
    FROM unnest($1::bigint[], $2::int[]) AS w (job_id, epoch), lane, preemption
    WHERE job.id = w.job_id AND job.lease_epoch = w.epoch AND job.state IN ('leased', 'running')
      AND job.preempt_grace_seconds IS NULL AND NOT job.cancel_requested
      AND lane.id = job.lane_id AND preemption.pool = lane.pool
      AND job.leased_at <= now() - preemption.minimum_run_seconds * interval '1 second'
    RETURNING job.id, job.lease_epoch, job.host_id
)
SELECT asked.id, coalesce(asked.host_id, member.host_id) AS host_id
FROM asked
LEFT JOIN member ON asked.host_id IS NULL AND member.job_id = asked.id
    AND member.epoch = asked.lease_epoch AND member.lease_expires_at IS NOT NULL;

-- name: all
-- The pools that allow preemption.
SELECT pool, minimum_run_seconds, grace_seconds, jobs_per_minute_max
FROM preemption ORDER BY pool;

-- name: of_pool
-- $1 pool
SELECT pool, minimum_run_seconds, grace_seconds, jobs_per_minute_max
FROM preemption WHERE pool = $1::text;

-- name: exists
-- Whether a pool is registered, or was joined by a host.
-- $1 pool
SELECT EXISTS (SELECT FROM host WHERE pool = $1::text)
    OR EXISTS (SELECT FROM node WHERE kind = 'pool' AND name = $1::text);

-- name: set
-- $1 pool, $2 shortest run in seconds, $3 grace in seconds, $4 most jobs a minute
INSERT INTO preemption (pool, minimum_run_seconds, grace_seconds, jobs_per_minute_max)
VALUES ($1::text, $2::float8, $3::float8, $4::int)
ON CONFLICT (pool) DO UPDATE SET
    minimum_run_seconds = excluded.minimum_run_seconds,
    grace_seconds = excluded.grace_seconds,
    jobs_per_minute_max = excluded.jobs_per_minute_max;

-- name: remove
-- $1 pool
DELETE FROM preemption WHERE pool = $1::text;
