-- name: extent
-- What an account has that ends with it, and what stays.
-- $1 account
SELECT
    (SELECT count(*)::int FROM token WHERE revoked_at IS NULL
        AND coalesce(expires_at > now(), true) AND (account_id = $1::int
        OR host_id IN (SELECT id FROM host WHERE account_id = $1::int))) AS tokens,
    (SELECT count(*)::int FROM host WHERE account_id = $1::int AND state <> 'banned') AS hosts,
    (SELECT count(*)::int FROM team_member WHERE account_id = $1::int) AS teams,
    (SELECT count(*)::int FROM acl WHERE principal_id = $1::int) AS access_entries,
    (SELECT count(*)::int FROM batch JOIN job ON job.id >= batch.id
        AND job.id < batch.id + batch.jobs AND job.batch_id = batch.id
        WHERE batch.account_id = $1::int AND batch.finished_at IS NULL
        AND job.state = 'queued') AS jobs_queued,
    (SELECT count(*)::int FROM batch JOIN job ON job.id >= batch.id
        AND job.id < batch.id + batch.jobs AND job.batch_id = batch.id
        WHERE batch.account_id = $1::int AND batch.finished_at IS NULL
        AND job.state IN ('leased', 'running')) AS jobs_active,
    (SELECT count(*)::int FROM batch
        WHERE account_id = $1::int AND isolation = 'strict_personal') AS batches_removed,
    (SELECT count(*)::int FROM batch
        WHERE account_id = $1::int AND isolation <> 'strict_personal') AS batches_kept;

-- name: left_alone
-- What nobody could share any more without an account: nodes in projects on which it holds a role
-- that gives `share`, itself or by a team, and no other account does. Its workspace is its own.
-- $1 account, $2 roles that give share, $3 rows
WITH holder AS (
    SELECT acl.node_id, account.id AS account_id
    FROM acl
    LEFT JOIN team_member ON team_member.team_id = acl.principal_id
    JOIN account ON account.id = coalesce(team_member.account_id, acl.principal_id)
    WHERE acl.role = ANY ($2::acl_role[]) AND account.state <> 'deleted'
)
SELECT node.id, node.kind, node.name
FROM node
WHERE node.project_id IS NOT NULL AND node.trash_id IS NULL
  AND node.id IN (SELECT node_id FROM holder WHERE account_id = $1::int)
  AND node.id NOT IN (SELECT node_id FROM holder WHERE account_id <> $1::int)
  AND NOT (node.kind = 'workspace' AND node.created_by = $1::int)
ORDER BY node.id LIMIT $3::int;

-- name: personal
-- A strictly personal batch of a deleted account of which all jobs have ended.
SELECT batch.id, batch.jobs, batch.account_id
FROM batch JOIN account ON account.id = batch.account_id
WHERE account.state = 'deleted' AND batch.isolation = 'strict_personal'
  AND batch.finished_at IS NOT NULL
ORDER BY batch.id LIMIT 1;

-- name: remove_jobs
-- Jobs of a batch with their attempts and outputs. Contents that they alone referred to, perhaps,
-- are noted. The ledger keeps what was charged.
-- $1 batch, $2 first job, $3 last job
WITH attempts AS (
    DELETE FROM attempt WHERE job_id BETWEEN $2::bigint AND $3::bigint
), members AS (
    DELETE FROM member WHERE job_id BETWEEN $2::bigint AND $3::bigint
), outputs AS (
    DELETE FROM output WHERE job_id BETWEEN $2::bigint AND $3::bigint RETURNING sha256
), jobs AS (
    DELETE FROM job WHERE id BETWEEN $2::bigint AND $3::bigint AND batch_id = $1::bigint
    RETURNING inputs
)
INSERT INTO discarded_content (sha256)
SELECT sha256 FROM outputs
UNION
SELECT decode(given.value ->> 'sha256', 'hex')
FROM jobs CROSS JOIN LATERAL json_each(jobs.inputs) AS given
WHERE given.value ->> 'sha256' IS NOT NULL
ON CONFLICT (sha256) DO UPDATE SET at = now();

-- name: remove_batch
-- Whose jobs are gone, with its events and the node that it may have had for itself.
-- $1 batch
WITH batch AS (
    DELETE FROM batch WHERE id = $1::bigint RETURNING node_id
), events AS (
    DELETE FROM event WHERE batch_id = $1::bigint
), openings AS (
    DELETE FROM opening WHERE batch_id = $1::bigint
), own AS (
    SELECT node.id FROM node JOIN batch ON batch.node_id = node.id WHERE node.kind = 'batch'
), entries AS (
    DELETE FROM acl USING own WHERE acl.node_id = own.id
)
DELETE FROM node USING own WHERE node.id = own.id;

-- name: forget_uploads
-- Uploads of a deleted account that no job which is left of it refers to.
-- $1 account
WITH kept AS (
    SELECT decode(given.value ->> 'sha256', 'hex') AS sha256
    FROM batch
    JOIN job ON job.id >= batch.id AND job.id < batch.id + batch.jobs AND job.batch_id = batch.id
    CROSS JOIN LATERAL json_each(job.inputs) AS given
    WHERE batch.account_id = $1::int AND given.value ->> 'sha256' IS NOT NULL
)
DELETE FROM blob
WHERE account_id = $1::int AND sha256 IN (SELECT sha256 FROM discarded_content)
  AND NOT EXISTS (SELECT FROM kept WHERE kept.sha256 = blob.sha256);

-- name: discarded
-- Contents that were noted long enough ago, and whether anything refers to them still.
-- $1 seconds, $2 rows
SELECT encode(sha256, 'hex') AS sha256,
    EXISTS (SELECT FROM output WHERE output.sha256 = old.sha256)
    OR EXISTS (SELECT FROM blob WHERE blob.sha256 = old.sha256)
    OR EXISTS (SELECT FROM file WHERE file.sha256 = old.sha256) AS referred_to
FROM (
    SELECT sha256 FROM discarded_content
    WHERE at < now() - $1::float8 * interval '1 second' ORDER BY at LIMIT $2::int
) AS old;

-- name: settle_discarded
-- $1 contents in hexadecimal
DELETE FROM discarded_content
WHERE sha256 IN (SELECT decode(hex, 'hex') FROM unnest($1::text[]) AS given (hex));
