-- name: reserve_job_ids
-- $1 how many; outside of a transaction
SELECT reserve_job_ids($1::bigint);

-- name: return_job_ids
-- $1 last used, $2 last reserved; outside of a transaction
SELECT return_job_ids($1::bigint, $2::bigint);

-- name: insert
-- New batches, what Redis must be told of their jobs, and the event.
-- $1 ids (of their first jobs), $2 accounts, $3 lanes, $4 apps, $5 nodes that govern them,
-- $6 isolation of each, $7 priorities, $8 names, $9 jobs
WITH new AS (
    INSERT INTO batch (
        id, account_id, lane_id, app_id, node_id, isolation, priority, name, jobs)
    SELECT * FROM unnest(
        $1::bigint[], $2::int[], $3::int[], $4::int[], $5::int[], $6::isolation[],
        $7::smallint[], $8::text[], $9::int[])
    RETURNING id, lane_id, priority, jobs
), queued AS (
    INSERT INTO outbox (lane_id, first_job_id, jobs, priority)
    SELECT lane_id, id, jobs, priority FROM new
)
INSERT INTO event (kind, batch_id, job_ids) SELECT 'submitted', id, '{}' FROM new;

-- name: insert_roots
-- The data roots that the jobs of new batches use.
-- $1 batch of each use, $2 data root, $3 mode
INSERT INTO batch_root (batch_id, root_id, mode)
SELECT * FROM unnest($1::bigint[], $2::int[], $3::binding_mode[]);

-- name: roots
-- $1 batch
SELECT root_id, mode FROM batch_root WHERE batch_id = $1::bigint ORDER BY root_id, mode;

-- name: owners
-- $1 batches
SELECT id, account_id, node_id FROM batch WHERE id = ANY ($1::bigint[]);

-- name: place
-- Has another node govern a batch.
-- $1 batch, $2 node
UPDATE batch SET node_id = $2::int WHERE id = $1::bigint;

-- name: of_job
-- The batch that a job belongs to.
-- $1 job
SELECT batch.id, batch.account_id, batch.app_id, batch.node_id, batch.isolation
FROM job JOIN batch ON batch.id = job.batch_id
WHERE job.id = $1::bigint;

-- name: visible
-- Batches that a viewer may see, newest first, with their numbers of jobs. Each arm walks one
-- index backwards and stops at the limit: all batches, those that some nodes govern, those of some
-- apps, the shared ones of some apps, those of some accounts. Whoever sees all, or those of an app,
-- does not see strictly personal ones of others that way, nor what lies in the trash.
-- $1 below id, $2 rows, $3 whether all, $4 nodes that are visible and not trashed, $5 apps,
-- $6 only this app or null, $7 only this account or null, $8 any | open | finished | the terminal
-- state of some job, $9 viewer, $10 accounts, as part of all, $11 apps whose shared ones are visible
WITH found AS (
    (SELECT id, jobs FROM batch
    WHERE $3::bool AND id < $1::bigint
      AND ($6::int IS NULL OR app_id = $6::int) AND ($7::int IS NULL OR account_id = $7::int)
      AND CASE $8::text WHEN 'any' THEN true WHEN 'open' THEN finished_at IS NULL
        WHEN 'finished' THEN finished_at IS NOT NULL WHEN 'succeeded' THEN succeeded > 0
        WHEN 'failed' THEN failed > 0 WHEN 'cancelled' THEN cancelled > 0
        WHEN 'quarantined' THEN quarantined > 0 END
      AND (isolation <> 'strict_personal' OR account_id = $9::int)
      AND EXISTS (SELECT 1 FROM node WHERE node.id = batch.node_id AND trash_id IS NULL)
    ORDER BY id DESC LIMIT $2::int)
    UNION
    SELECT one.id, one.jobs FROM unnest($4::int[]) AS of (key) CROSS JOIN LATERAL (
        SELECT id, jobs FROM batch
        WHERE batch.node_id = of.key AND id < $1::bigint
          AND ($6::int IS NULL OR app_id = $6::int) AND ($7::int IS NULL OR account_id = $7::int)
          AND CASE $8::text WHEN 'any' THEN true WHEN 'open' THEN finished_at IS NULL
            WHEN 'finished' THEN finished_at IS NOT NULL WHEN 'succeeded' THEN succeeded > 0
            WHEN 'failed' THEN failed > 0 WHEN 'cancelled' THEN cancelled > 0
            WHEN 'quarantined' THEN quarantined > 0 END
        ORDER BY id DESC LIMIT $2::int
    ) AS one
    UNION
    SELECT one.id, one.jobs FROM unnest($5::int[]) AS of (key) CROSS JOIN LATERAL (
        SELECT id, jobs FROM batch
        WHERE batch.app_id = of.key AND id < $1::bigint
          AND ($6::int IS NULL OR app_id = $6::int) AND ($7::int IS NULL OR account_id = $7::int)
          AND CASE $8::text WHEN 'any' THEN true WHEN 'open' THEN finished_at IS NULL
            WHEN 'finished' THEN finished_at IS NOT NULL WHEN 'succeeded' THEN succeeded > 0
            WHEN 'failed' THEN failed > 0 WHEN 'cancelled' THEN cancelled > 0
            WHEN 'quarantined' THEN quarantined > 0 END
          AND (isolation <> 'strict_personal' OR account_id = $9::int)
          AND EXISTS (SELECT 1 FROM node WHERE node.id = batch.node_id AND trash_id IS NULL)
        ORDER BY id DESC LIMIT $2::int
    ) AS one
    UNION
    SELECT one.id, one.jobs FROM unnest($11::int[]) AS of (key) CROSS JOIN LATERAL (
        SELECT id, jobs FROM batch
        WHERE batch.app_id = of.key AND isolation IN ('shared', 'read_shared') AND id < $1::bigint
          AND ($6::int IS NULL OR app_id = $6::int) AND ($7::int IS NULL OR account_id = $7::int)
          AND CASE $8::text WHEN 'any' THEN true WHEN 'open' THEN finished_at IS NULL
            WHEN 'finished' THEN finished_at IS NOT NULL WHEN 'succeeded' THEN succeeded > 0
            WHEN 'failed' THEN failed > 0 WHEN 'cancelled' THEN cancelled > 0
            WHEN 'quarantined' THEN quarantined > 0 END
          AND EXISTS (SELECT 1 FROM node WHERE node.id = batch.node_id AND trash_id IS NULL)
        ORDER BY id DESC LIMIT $2::int
    ) AS one
    UNION
    SELECT one.id, one.jobs FROM unnest($10::int[]) AS of (key) CROSS JOIN LATERAL (
        SELECT id, jobs FROM batch
        WHERE batch.account_id = of.key AND id < $1::bigint
          AND ($6::int IS NULL OR app_id = $6::int) AND ($7::int IS NULL OR account_id = $7::int)
          AND CASE $8::text WHEN 'any' THEN true WHEN 'open' THEN finished_at IS NULL
            WHEN 'finished' THEN finished_at IS NOT NULL WHEN 'succeeded' THEN succeeded > 0
            WHEN 'failed' THEN failed > 0 WHEN 'cancelled' THEN cancelled > 0
            WHEN 'quarantined' THEN quarantined > 0 END
          AND (isolation <> 'strict_personal' OR account_id = $9::int)
          AND EXISTS (SELECT 1 FROM node WHERE node.id = batch.node_id AND trash_id IS NULL)
        ORDER BY id DESC LIMIT $2::int
    ) AS one
)
SELECT id, jobs FROM found ORDER BY id DESC LIMIT $2::int;

-- name: unshare
-- $1 batch
UPDATE batch SET isolation = 'personal'
WHERE id = $1::bigint AND isolation IN ('shared', 'read_shared');

-- name: rows
-- Batches with the names that people know, newest first.
-- $1 batches
SELECT batch.*, account.name AS account_name, app.handle AS app_name, lane.version_id, lane.pool,
    lane.resources, lane.limits, app_version.number AS version_number
FROM batch
JOIN account ON account.id = batch.account_id
JOIN named_node AS app ON app.id = batch.app_id
JOIN lane ON lane.id = batch.lane_id
JOIN app_version ON app_version.id = lane.version_id
WHERE batch.id = ANY ($1::bigint[])
ORDER BY batch.id DESC;

-- name: active_counts
-- Jobs of batches that hold a lease; the rest follows from the batch row. Small batches are read by
-- primary key (OFFSET 0 keeps the planner from going through all leases once a batch); of great
-- ones, where that would read a million entries, all leases are counted once.
-- $1 batch ids, $2 their last job ids
WITH wanted AS (
    SELECT * FROM unnest($1::bigint[], $2::bigint[]) AS w (id, last)
)
SELECT wanted.id, part.state, count(*)::int AS jobs
FROM wanted CROSS JOIN LATERAL (
    SELECT state FROM job WHERE job.id >= wanted.id AND job.id <= wanted.last OFFSET 0
) AS part
WHERE wanted.last - wanted.id < 5000 AND part.state IN ('leased', 'running')
GROUP BY wanted.id, part.state
UNION ALL
SELECT batch_id, state, count(*)::int
FROM job
WHERE state IN ('leased', 'running')
  AND batch_id = ANY (ARRAY(SELECT id FROM wanted WHERE last - id >= 5000))
  AND EXISTS (SELECT 1 FROM wanted WHERE last - id >= 5000)
GROUP BY batch_id, state;

-- name: cancel
-- Ends the queued jobs of a range of one batch and asks the hosts to stop the others. Returns a
-- row a job: those that ended, and those whose host must be told (a row a host of a gang). Jobs that somebody leases or
-- settles at this moment are left out, for waiting for them could end in a deadlock: look with
-- `cancellable` and come again.
-- $1 batch, $2 first job, $3 last job
WITH mine AS MATERIALIZED (
    SELECT id FROM job
    WHERE id BETWEEN $2::bigint AND $3::bigint AND batch_id = $1::bigint
      AND (state = 'queued' OR (state IN ('leased', 'running') AND NOT cancel_requested))
    ORDER BY id
    FOR UPDATE SKIP LOCKED
), told AS (
    UPDATE job SET cancel_requested = true
    FROM mine
    WHERE job.id = mine.id AND job.state IN ('leased', 'running') AND NOT job.cancel_requested
    RETURNING job.id, job.host_id
), ended AS (
    UPDATE job SET state = 'cancelled', finished_at = now()
    FROM mine
    WHERE job.id = mine.id AND job.state = 'queued'
    RETURNING job.id, job.lane_id
), counted AS (
    UPDATE batch SET
        cancelled = batch.cancelled + sums.jobs,
        finished_at = CASE WHEN succeeded + failed + cancelled + quarantined + sums.jobs
            = batch.jobs THEN now() END
    FROM (SELECT count(*)::int AS jobs FROM ended) AS sums
    WHERE batch.id = $1::bigint AND sums.jobs > 0
    RETURNING batch.id, batch.account_id, batch.finished_at, sums.jobs AS ended
), opened AS (
    UPDATE account_usage SET jobs_open = jobs_open - counted.ended
    FROM counted WHERE account_usage.account_id = counted.account_id
), dropped AS (
    -- runs of consecutive ids become one row each
    INSERT INTO outbox (kind, lane_id, first_job_id, jobs, priority)
    SELECT 'remove', lane_id, min(id), count(*)::int, 0
    FROM (SELECT id, lane_id, id - row_number() OVER (ORDER BY id) AS run FROM ended) AS numbered
    GROUP BY lane_id, run
), noted AS (
    INSERT INTO event (kind, batch_id, job_ids)
    SELECT 'cancelled', $1::bigint, array_agg(id) FROM ended HAVING count(*) > 0
    UNION ALL
    SELECT 'batch_finished', id, '{}' FROM counted WHERE finished_at IS NOT NULL
)
SELECT told.id, coalesce(told.host_id, member.host_id) AS host_id
FROM told
LEFT JOIN member ON told.host_id IS NULL AND member.job_id = told.id
    AND member.lease_expires_at IS NOT NULL
UNION ALL
SELECT id, NULL FROM ended;

-- name: cancellable
-- Whether a range holds jobs that `cancel` would still touch.
-- $1 first job, $2 last job
SELECT EXISTS (
    SELECT 1 FROM job
    WHERE id BETWEEN $1::bigint AND $2::bigint
      AND (state = 'queued' OR (state IN ('leased', 'running') AND NOT cancel_requested)));

-- name: copy_range
-- The jobs of a range again, as jobs of a new batch.
-- $1 first job, $2 last job, $3 what to add to an id, $4 new batch, $5 its lane
INSERT INTO job (id, batch_id, lane_id, priority, name, parameters, inputs, data)
SELECT id + $3::bigint, $4::bigint, $5::int, priority, name, parameters, inputs, data
FROM job WHERE id BETWEEN $1::bigint AND $2::bigint;

-- name: copy_unsuccessful
-- The jobs of a range that ended without success again, with consecutive ids.
-- $1 after job, $2 last job, $3 rows, $4 first new id, $5 new batch, $6 its lane
WITH chosen AS (
    SELECT id, priority, name, parameters, inputs, data FROM job
    WHERE id > $1::bigint AND id <= $2::bigint AND state IN ('failed', 'cancelled', 'quarantined')
    ORDER BY id LIMIT $3::int
), copied AS (
    INSERT INTO job (id, batch_id, lane_id, priority, name, parameters, inputs, data)
    SELECT $4::bigint + row_number() OVER (ORDER BY id) - 1, $5::bigint, $6::int, priority, name,
        parameters, inputs, data
    FROM chosen
)
SELECT count(*)::int AS jobs, max(id) AS last FROM chosen;
