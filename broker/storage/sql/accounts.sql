-- name: create
-- An account with the rows that always go with it.
-- $1 name, $2 title, $3 email
WITH new AS (
    INSERT INTO account (name, title, email) VALUES ($1::text, $2::text, $3::text)
    ON CONFLICT ON CONSTRAINT account_name_key DO NOTHING
    RETURNING *
), rights AS (
    INSERT INTO user_submit (account_id) SELECT id FROM new
), usage AS (
    INSERT INTO account_usage (account_id) SELECT id FROM new
)
SELECT id, name, title, email, state, created_at FROM new;

-- name: find
-- $1 name or null, $2 id or null
SELECT id, name, title, email, state, created_at FROM account
WHERE name = $1::text OR id = $2::bigint;

-- name: names
-- $1 accounts
SELECT id, name FROM account WHERE id = ANY ($1::int[]);

-- name: page
-- $1 below id, $2 rows
SELECT id, name, title, email, state, created_at FROM account
WHERE id < $1::bigint ORDER BY id DESC LIMIT $2::int;

-- name: set_state
-- $1 account, $2 state
UPDATE account SET state = $2::account_state WHERE id = $1::int
RETURNING id, name, title, email, state, created_at;

-- name: lock_admins
-- Until the transaction ends nobody else decides who is an admin: of two admins who demote each
-- other at once, the second one sees what the first one did. The key is arbitrary.
SELECT pg_advisory_xact_lock(7021001);

-- name: other_admins
-- Active accounts with admin_all_apps, one account left out.
-- $1 account
SELECT count(*)::int
FROM user_submit JOIN account ON account.id = user_submit.account_id
WHERE admin_all_apps AND account.state = 'active' AND account.id <> $1::int;

-- name: strip
-- Takes everything from an account that acts in its name: tokens, also those of its hosts, unused
-- enrolments, privileges, donations, memberships, entries of access lists, its place in a group. Its
-- history stays. What lies in its workspace is for managers only from now on: nobody else has an
-- entry there, and no batch there is shared by its app (H11).
-- $1 account
WITH own AS (
    SELECT id FROM node WHERE project_id = (
        SELECT id FROM node WHERE kind = 'workspace' AND created_by = $1::int)
), unshared AS (
    UPDATE batch SET isolation = 'personal'
    WHERE account_id = $1::int AND isolation IN ('shared', 'read_shared')
      AND node_id IN (SELECT id FROM own)
), tokens AS (
    UPDATE token SET revoked_at = now()
    WHERE revoked_at IS NULL AND (account_id = $1::int
        OR host_id IN (SELECT id FROM host WHERE account_id = $1::int))
), invitations AS (
    DELETE FROM enrollment WHERE account_id = $1::int AND used_at IS NULL
), entries AS (
    DELETE FROM acl WHERE principal_id = $1::int OR node_id IN (SELECT id FROM own)
), memberships AS (
    DELETE FROM team_member WHERE account_id = $1::int
), execution AS (
    DELETE FROM unix_account WHERE principal_id = $1::int
), gifts AS (
    DELETE FROM donation WHERE volunteer_id = $1::int OR scientist_id = $1::int
)
UPDATE user_submit SET submit_all_apps = false, admin_all_apps = false, group_id = NULL
WHERE account_id = $1::int;

-- name: end_work
-- Ends the queued jobs of deleted accounts and asks the hosts to stop the others. Returns the
-- hosts to tell. As storage.batches.cancel, for all open batches at once.
-- $1 account, or null for all deleted ones
WITH mine AS (
    SELECT batch.id, batch.id + batch.jobs - 1 AS last
    FROM batch JOIN account ON account.id = batch.account_id
    WHERE account.state = 'deleted' AND batch.finished_at IS NULL
      AND ($1::int IS NULL OR batch.account_id = $1::int)
), told AS (
    UPDATE job SET cancel_requested = true
    FROM mine
    WHERE job.id BETWEEN mine.id AND mine.last AND job.batch_id = mine.id
      AND job.state IN ('leased', 'running') AND NOT job.cancel_requested
    RETURNING job.id, job.host_id
), ended AS (
    UPDATE job SET state = 'cancelled', finished_at = now()
    FROM mine
    WHERE job.id BETWEEN mine.id AND mine.last AND job.batch_id = mine.id
      AND job.state = 'queued'
    RETURNING job.id, job.batch_id, job.lane_id
), counted AS (
    UPDATE batch SET
        cancelled = batch.cancelled + sums.jobs,
        finished_at = CASE WHEN succeeded + failed + cancelled + quarantined + sums.jobs
            = batch.jobs THEN now() END
    FROM (SELECT batch_id, count(*)::int AS jobs FROM ended GROUP BY batch_id) AS sums
    WHERE batch.id = sums.batch_id
    RETURNING batch.id, batch.account_id, batch.finished_at, sums.jobs AS ended
), opened AS (
    UPDATE account_usage SET jobs_open = jobs_open - sums.ended
    FROM (SELECT account_id, sum(ended) AS ended FROM counted GROUP BY account_id) AS sums
    WHERE account_usage.account_id = sums.account_id
), dropped AS (
    -- runs of consecutive ids become one row each
    INSERT INTO outbox (kind, lane_id, first_job_id, jobs, priority)
    SELECT 'remove', lane_id, min(id), count(*)::int, 0
    FROM (
        SELECT id, lane_id, id - row_number() OVER (PARTITION BY lane_id ORDER BY id) AS run
        FROM ended
    ) AS numbered
    GROUP BY lane_id, run
), noted AS (
    INSERT INTO event (kind, batch_id, job_ids)
    SELECT 'cancelled', batch_id, array_agg(id) FROM ended GROUP BY batch_id
    UNION ALL
    SELECT 'batch_finished', id, '{}' FROM counted WHERE finished_at IS NOT NULL
)
SELECT host_id FROM told WHERE host_id IS NOT NULL
UNION
SELECT member.host_id FROM told JOIN member ON member.job_id = told.id
WHERE told.host_id IS NULL AND member.lease_expires_at IS NOT NULL;
