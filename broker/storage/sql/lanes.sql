-- name: ensure
-- The lane of these properties, made when missing.
-- $1 account, $2 version, $3 pool, $4 resources, $5 limits, $6 slots, $7 attempts, $8 hosts
WITH made AS (
    INSERT INTO lane (account_id, version_id, pool, resources, limits, slots, attempts_max,
        hosts)
    VALUES ($1::int, $2::int, $3::text, $4::text, $5::text, $6::smallint, $7::smallint,
        $8::smallint)
    ON CONFLICT ON CONSTRAINT lane_key DO NOTHING
    RETURNING id
)
SELECT id FROM made
UNION ALL
SELECT id FROM lane
WHERE account_id = $1::int AND version_id = $2::int AND pool = $3::text
  AND resources = $4::text AND limits = $5::text
LIMIT 1;

-- name: by_ids
-- $1 lane ids
SELECT lane.id, lane.account_id, lane.version_id, lane.pool, lane.resources, lane.limits,
    lane.slots, lane.hosts, app_version.app_id
FROM lane JOIN app_version ON app_version.id = lane.version_id
WHERE lane.id = ANY ($1::int[]);

-- name: queued_runs
-- The queued jobs in runs of consecutive ids, after a cursor: what a rebuild of Redis pushes.
-- $1 after job id, $2 jobs
WITH part AS (
    SELECT id, lane_id, priority FROM job
    WHERE state = 'queued' AND id > $1::bigint
    ORDER BY id LIMIT $2::int
)
SELECT lane_id, priority, min(id) AS first_job_id, count(*)::int AS jobs
FROM (
    SELECT id, lane_id, priority,
        id - row_number() OVER (PARTITION BY lane_id, priority ORDER BY id) AS run
    FROM part
) AS numbered
GROUP BY lane_id, priority, run
ORDER BY first_job_id;

-- name: queued
-- $1 lane
SELECT count(*)::int FROM job WHERE lane_id = $1::int AND state = 'queued';

-- name: hosts_of_lane
-- The active hosts of a lane's pool, for counting those that suit.
-- $1 lane
SELECT host.facts, lane.resources
FROM lane JOIN host ON host.pool = lane.pool AND host.state = 'active'
WHERE lane.id = $1::int;
