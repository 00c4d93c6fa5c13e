-- name: find
-- $1 host, $2 half-life in seconds
SELECT host.id, host.name, host.account_id AS account, account.name AS account_name, host.pool,
    host.state, host.facts, host.last_seen_at, host.created_at, credit.credit_total,
    decayed(credit.credit_recent, credit.recent_at, now(), $2::float8) AS credit_recent,
    held.leases AS active_leases
FROM host
JOIN account ON account.id = host.account_id
JOIN host_credit AS credit ON credit.host_id = host.id
CROSS JOIN LATERAL (
    SELECT (SELECT count(*) FROM job
        WHERE job.host_id = host.id AND job.state IN ('leased', 'running'))
      + (SELECT count(*) FROM member
        WHERE member.host_id = host.id AND member.lease_expires_at IS NOT NULL) AS leases
) AS held
WHERE host.id = $1::bigint;

-- name: page
-- $1 below id, $2 rows, $3 owner, or null for all, $4 half-life in seconds
SELECT host.id, host.name, host.account_id AS account, account.name AS account_name, host.pool,
    host.state, host.facts, host.last_seen_at, host.created_at, credit.credit_total,
    decayed(credit.credit_recent, credit.recent_at, now(), $4::float8) AS credit_recent,
    held.leases AS active_leases
FROM (
    SELECT * FROM host
    WHERE id < $1::bigint AND ($3::int IS NULL OR account_id = $3::int)
    ORDER BY id DESC LIMIT $2::int
) AS host
JOIN account ON account.id = host.account_id
JOIN host_credit AS credit ON credit.host_id = host.id
CROSS JOIN LATERAL (
    SELECT (SELECT count(*) FROM job
        WHERE job.host_id = host.id AND job.state IN ('leased', 'running'))
      + (SELECT count(*) FROM member
        WHERE member.host_id = host.id AND member.lease_expires_at IS NOT NULL) AS leases
) AS held
ORDER BY host.id DESC;

-- name: owner
-- $1 host
SELECT account_id, state FROM host WHERE id = $1::bigint FOR UPDATE;

-- name: set_state
-- $1 host, $2 state
UPDATE host SET state = $2::host_state WHERE id = $1::int;

-- name: trusted
-- Hosts that were not shut out: as services.identity decides when their token is looked up.
-- $1 hosts
SELECT host.id FROM host JOIN account ON account.id = host.account_id
WHERE host.id = ANY ($1::int[]) AND host.state <> 'banned' AND account.state = 'active';

-- name: lock_out
-- Revokes the tokens of hosts and lets their leases lapse at once, so that the reaper returns the
-- jobs to their queues without waiting for a host that can no longer report.
-- $1 host or null, $2 owner or null
WITH gone AS (
    SELECT id FROM host WHERE id = $1::int OR account_id = $2::int
), tokens AS (
    UPDATE token SET revoked_at = now()
    FROM gone WHERE token.host_id = gone.id AND revoked_at IS NULL
), members AS (
    UPDATE member SET lease_expires_at = now()
    FROM gone WHERE member.host_id = gone.id AND lease_expires_at > now()
)
UPDATE job SET lease_expires_at = now()
FROM gone
WHERE job.host_id = gone.id AND job.state IN ('leased', 'running') AND lease_expires_at > now();

-- name: update_facts
-- $1 host, $2 name, $3 facts, $4 GFLOPS of a slot
UPDATE host SET name = $2::text, facts = $3::json, gflops = $4::float8 WHERE id = $1::int;
