-- name: row
-- A job, whole, with its batch, the names that people know, and database time.
-- $1 job
SELECT job.id, job.batch_id, job.lane_id, job.state, job.name, job.parameters, job.inputs, job.data,
    job.priority, job.failures, job.cancel_requested, job.lease_epoch, job.exit_code,
    job.leased_at, coalesce(gang.lease_expires_at, job.lease_expires_at) AS lease_expires_at,
    job.finished_at, job.slot_eighths, job.host_id,
    coalesce(host.name, gang.host_names) AS host_name,
    batch.account_id, account.name AS account_name, account.state AS account_state,
    batch.app_id, batch.node_id, batch.isolation, app.handle AS app_name,
    app_version.number AS version_number, batch.created_at, lane.pool, lane.resources, lane.limits, now() AS read_at
FROM job
JOIN batch ON batch.id = job.batch_id
JOIN account ON account.id = batch.account_id
JOIN named_node AS app ON app.id = batch.app_id
JOIN lane ON lane.id = job.lane_id
JOIN app_version ON app_version.id = lane.version_id
LEFT JOIN host ON host.id = job.host_id
LEFT JOIN LATERAL (
    SELECT min(member.lease_expires_at) AS lease_expires_at,
        string_agg(peer.name, ', ' ORDER BY member.rank) AS host_names
    FROM member JOIN host AS peer ON peer.id = member.host_id
    WHERE member.job_id = job.id AND member.epoch = job.lease_epoch AND job.host_id IS NULL
) AS gang ON true
WHERE job.id = $1::bigint;

-- name: attempts
-- The closed leases of a job, oldest first.
-- $1 job
SELECT attempt.epoch, attempt.host_id, host.name AS host_name, attempt.outcome,
    attempt.exit_code, attempt.message, attempt.leased_at, attempt.finished_at, attempt.usage,
    attempt.debited_gpu_seconds
FROM attempt LEFT JOIN host ON host.id = attempt.host_id
WHERE attempt.job_id = $1::bigint
ORDER BY attempt.epoch;

-- name: of_batches
-- Jobs of some batches, newest first. The outer rows come sorted, so the loop stops at the limit
-- and reads no more of the primary key than it returns (plus what the state leaves out). Of the two
-- branches one runs: what ended without success has an index, which only the literal can use.
-- $1 batches, $2 the last job of each, $3 below job id, $4 state or null, $5 rows
WITH page AS MATERIALIZED (
    SELECT found.*
    FROM (
        SELECT * FROM unnest($1::bigint[], $2::bigint[]) AS u (id, last) ORDER BY id DESC
    ) AS chosen
    CROSS JOIN LATERAL (
        (SELECT id, batch_id, host_id, lease_epoch, state, name, cancel_requested, exit_code,
            leased_at, finished_at
        FROM job
        WHERE job.id >= chosen.id AND job.id <= chosen.last AND job.id < $3::bigint
          AND ($4::job_state IS NULL OR job.state = $4::job_state)
          AND ($4::job_state IN ('failed', 'cancelled', 'quarantined')) IS NOT true
        ORDER BY job.id DESC LIMIT $5::int)
        UNION ALL
        (SELECT id, batch_id, host_id, lease_epoch, state, name, cancel_requested, exit_code,
            leased_at, finished_at
        FROM job
        WHERE job.id >= chosen.id AND job.id <= chosen.last AND job.id < $3::bigint
          AND job.state IN ('failed', 'cancelled', 'quarantined') AND job.state = $4::job_state
          AND $4::job_state IN ('failed', 'cancelled', 'quarantined')
        ORDER BY job.id DESC LIMIT $5::int)
    ) AS found
    ORDER BY chosen.id DESC, found.id DESC
    LIMIT $5::int
)
SELECT page.*, app.handle AS app_name, account.name AS account_name, host.name AS host_name,
    batch.created_at
FROM page
JOIN batch ON batch.id = page.batch_id
JOIN named_node AS app ON app.id = batch.app_id
JOIN account ON account.id = batch.account_id
LEFT JOIN member ON page.host_id IS NULL AND member.job_id = page.id  -- of a gang that runs
    AND member.epoch = page.lease_epoch AND member.rank = 0
LEFT JOIN host ON host.id = coalesce(page.host_id, member.host_id)
ORDER BY page.id DESC;

-- name: active
-- Jobs that hold a lease, newest first: few, whatever the number of jobs; found by job_active.
-- $1 state, $2 below job id, $3 rows, $4 whether all are visible, $5 nodes whose batches are
-- visible, $6 apps whose batches are, $7 app or null, $8 batch or null, $9 viewer: of all batches
-- and of those of apps, strictly personal ones of others stay out, $10 apps whose shared ones are
-- visible
WITH live AS MATERIALIZED (
    SELECT id, batch_id, host_id, lease_epoch, state, name, cancel_requested, exit_code,
        leased_at, finished_at
    FROM job
    WHERE state IN ('leased', 'running') AND state = $1::job_state AND id < $2::bigint
      AND ($8::bigint IS NULL OR batch_id = $8::bigint)
), page AS MATERIALIZED (
    SELECT live.*, batch.app_id, batch.account_id, batch.created_at
    FROM live JOIN batch ON batch.id = live.batch_id
    WHERE (batch.node_id = ANY ($5::int[])
        OR (($4::bool OR batch.app_id = ANY ($6::int[]))
            AND (batch.isolation <> 'strict_personal' OR batch.account_id = $9::int)
            AND EXISTS (SELECT 1 FROM node WHERE node.id = batch.node_id AND trash_id IS NULL))
        OR (batch.app_id = ANY ($10::int[]) AND batch.isolation IN ('shared', 'read_shared')
            AND EXISTS (SELECT 1 FROM node WHERE node.id = batch.node_id AND trash_id IS NULL)))
      AND ($7::int IS NULL OR batch.app_id = $7::int)
    ORDER BY live.id DESC
    LIMIT $3::int
)
SELECT page.*, app.handle AS app_name, account.name AS account_name, host.name AS host_name
FROM page
JOIN named_node AS app ON app.id = page.app_id
JOIN account ON account.id = page.account_id
LEFT JOIN member ON page.host_id IS NULL AND member.job_id = page.id  -- of a gang that runs
    AND member.epoch = page.lease_epoch AND member.rank = 0
LEFT JOIN host ON host.id = coalesce(page.host_id, member.host_id)
ORDER BY page.id DESC;

-- name: backing_off
-- Seconds until a requeued job is offered again; null when it does not wait for that.
-- $1 job
SELECT extract(epoch FROM max(available_at) - now())::float8
FROM outbox
WHERE first_job_id = $1::bigint AND jobs = 1 AND kind = 'push' AND available_at > now();

-- name: handed_back
-- How often a job was preempted.
-- $1 job
SELECT count(*)::int FROM attempt WHERE job_id = $1::bigint AND outcome = 'preempted';

-- name: pool
-- The active hosts of a pool, those heard of lately first.
-- $1 pool, $2 seconds of silence after which a host is no capacity, $3 rows
SELECT facts, coalesce(last_seen_at > now() - $2::float8 * interval '1 second', false) AS heard
FROM host
WHERE state = 'active' AND pool = $1::text
ORDER BY 2 DESC, id
LIMIT $3::int;

-- name: standing
-- $1 job
SELECT state, lease_epoch FROM job WHERE id = $1::bigint;
